import { randomUUID } from 'node:crypto';
import { afterEach, expect, inject, it } from 'vitest';
import { openRedisClient } from '../../../lib/redis-client/open-redis-client.js';
import { redisScript } from '../../../lib/redis-client/redis-script.js';
import { standStill } from '../../support/stand-still.js';

/** Longer than a connection may take to be made. */
const STANDS_STILL_MS = 3_000;
const echo = redisScript(`return ARGV[1]`);
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

it.each([
  ['node-redis 6', 'redis', () => import('redis')],
  ['node-redis 5', 'redis', () => import('redis-v5')],
  ['node-redis 4', 'redis', () => import('redis-v4')],
  ['ioredis 5', 'ioredis', () => import('ioredis')],
  ['ioredis 6', 'ioredis', () => import('ioredis-v6')],
])(
  '%s: the first commands are answered, though the event loop stands still while it connects',
  async (_, name, load) => {
    const library: unknown = await load();
    const client = await openRedisClient(inject('redisUrl'), (wanted) =>
      Promise.resolve(wanted === name ? library : undefined),
    );
    closers.push(() => client.close());
    const keys = Array.from({ length: 20 }, () => randomUUID());
    const answers = keys.map((key) => client.run(echo, key, [key]));
    // ioredis opens its socket in the next tick.
    await new Promise((resolve) => {
      process.nextTick(resolve);
    });
    standStill(STANDS_STILL_MS);
    expect(await Promise.all(answers)).toEqual(keys);
  },
);
