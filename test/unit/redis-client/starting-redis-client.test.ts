import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { RedisClient } from '../../../lib/redis-client/redis-client.js';
import { redisScript } from '../../../lib/redis-client/redis-script.js';
import { StartingRedisClient } from '../../../lib/redis-client/starting-redis-client.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';

const SCRIPT = redisScript('return 1');

interface Starting {
  readonly clock: ManualClock;
  readonly connection: EventEmitter;
  readonly client: StartingRedisClient;
  readonly sent: string[];
}

function starting(): Starting {
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
  const clock = new ManualClock();
  return { clock, connection, client: new StartingRedisClient(inner, connection, clock, 2_000), sent };
}

describe('StartingRedisClient', () => {
  it.each(['ready', 'error'])('commands of the first moments wait for "%s", later ones for nothing', async (event) => {
    const { clock, connection, client, sent } = starting();
    const first = client.run(SCRIPT, 'first', []);
    await Promise.resolve();
    expect(sent).toEqual([]);
    connection.emit(event, new Error('refused'));
    await first;
    await client.run(SCRIPT, 'later', []);
    expect(sent).toEqual(['first', 'later']);
    expect(connection.listenerCount('ready')).toBe(0);
    expect([connection.listenerCount('error'), clock.pendingTimers]).toEqual([1, 0]);
  });

  class ConnectionTimeoutError extends Error {}

  it.each([
    ['node-redis', new ConnectionTimeoutError('Connection timeout')],
    ['ioredis', Object.assign(new Error('connect ETIMEDOUT'), { code: 'ETIMEDOUT' })],
  ])('they wait for the next connection when %s has timed out because the event loop stood still', async (_, error) => {
    const { clock, connection, client, sent } = starting();
    const first = client.run(SCRIPT, 'first', []);
    await clock.standStill(3_000);
    connection.emit('error', error);
    await clock.settle();
    expect(sent).toEqual([]);
    connection.emit('ready');
    await first;
    expect(sent).toEqual(['first']);
  });

  it('they wait no longer than its time for a server that does not take the connection', async () => {
    const { clock, connection, client, sent } = starting();
    const first = client.run(SCRIPT, 'first', []);
    await clock.advance(1_999);
    connection.emit('error', new ConnectionTimeoutError('Connection timeout'));
    await clock.settle();
    expect(sent).toEqual([]);
    await clock.advance(1);
    await first;
    expect([sent, clock.pendingTimers]).toEqual([['first'], 0]);
  });

  it('close lets go of what waits', async () => {
    const { client, sent } = starting();
    const first = client.run(SCRIPT, 'first', []);
    await client.close();
    await first;
    expect(sent).toEqual(['first']);
  });
});
