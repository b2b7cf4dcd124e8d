import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { RedisClient } from '../../../lib/redis-client/redis-client.js';
import { redisScript } from '../../../lib/redis-client/redis-script.js';
import { StartingRedisClient } from '../../../lib/redis-client/starting-redis-client.js';

const SCRIPT = redisScript('return 1');

function starting(): { connection: EventEmitter; client: StartingRedisClient; sent: string[] } {
  const sent: string[] = [];
  const inner: RedisClient = {
    description: 'inner',
    run: (_, key) => {
      sent.push(key);
      return Promise.resolve(1);
    },
    subscribe: () => Promise.resolve(() => Promise.resolve()),
    deleteByPrefix: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const connection = new EventEmitter();
  connection.on('error', () => undefined);
  return { connection, client: new StartingRedisClient(inner, connection), sent };
}

describe('StartingRedisClient', () => {
  it.each(['ready', 'error'])('commands of the first moments wait for "%s", later ones for nothing', async (event) => {
    const { connection, client, sent } = starting();
    const first = client.run(SCRIPT, 'first', []);
    await Promise.resolve();
    expect(sent).toEqual([]);
    connection.emit(event, new Error('refused'));
    await first;
    await client.run(SCRIPT, 'later', []);
    expect(sent).toEqual(['first', 'later']);
    expect(connection.listenerCount('ready')).toBe(0);
    expect(connection.listenerCount('error')).toBe(1);
  });

  it('close lets go of what waits', async () => {
    const { client, sent } = starting();
    const first = client.run(SCRIPT, 'first', []);
    await client.close();
    await first;
    expect(sent).toEqual(['first']);
  });
});
