import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { StoreUnavailableError } from '../../../lib/core/errors.js';
import { redisStore } from '../../../lib/stores/redis/redis-store.js';
import { startRedis, type OwnRedis } from '../../../servers/index.js';
import { realInstance } from '../../support/real-instance.js';
import { storeContext, untilItAnswers } from '../../support/redis-stores.js';

const PATIENCE = { timeout: 60_000, interval: 20 };

/** Two ways in which a Redis that is there refuses to remember an announcement, and what mends them. */
const REFUSALS: Readonly<Record<string, readonly [harm: string[], cure: string[]]>> = {
  'a right is missing (NOPERM)': [
    ['ACL', 'SETUSER', 'cache', '-zadd'],
    ['ACL', 'SETUSER', 'cache', '+zadd'],
  ],
  'there is no memory (OOM)': [
    ['CONFIG', 'SET', 'maxmemory', '1'],
    ['CONFIG', 'SET', 'maxmemory', '0'],
  ],
};

let server: OwnRedis;
let admin: Redis;
const closers: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
  await admin.acl('SETUSER', 'cache', 'on', '>a-password', '~*', '&*', '+@all');
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

describe.each(Object.entries(REFUSALS))('a tag that Redis refuses to announce, because %s', (_, [harm, cure]) => {
  const run = ([name = '', ...words]: string[]) => admin.call(name, ...words);

  it('is kept, keeps this instance from storing anything, and is announced when that is mended', async () => {
    const url = server.url.replace('redis://', 'redis://cache:a-password@');
    const store = await redisStore({ url }).createVersionedStore(storeContext(`refused-${randomUUID()}`));
    closers.push(() => store.close());
    await untilItAnswers(store);
    const { cache, events, flow, load } = realInstance(store);
    closers.push(() => cache.close());
    await load('k', () => 'old');

    await run(harm);
    closers.push(() => run(cure));
    await expect(cache.announceTags([{ tag: 't' }])).rejects.toSatisfy(
      (error) => error instanceof StoreUnavailableError && error.refused,
    );
    await vi.waitFor(() => expect(flow()).toContain('announcements-refused'), PATIENCE);
    for (const value of ['first', 'second']) expect(await load('k', () => value)).toEqual({ value, outcome: 'MISS' });

    await run(cure);
    await vi.waitFor(() => expect(flow()).toContain('announcement-made-up'), PATIENCE);
    await load('k', () => 'new');
    expect((await load('k', () => 'none')).outcome).toBe('HIT');
    expect(events.filter(({ type }) => type === 'announcements-refused')).toHaveLength(1);
  });
});
