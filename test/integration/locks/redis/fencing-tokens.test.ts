import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { acquire, RedisLockStage } from './stage.js';

/** Longer than the machine stands still: a token is forgotten when it is over. */
const ttlMs = 60_000;

describe('Fencing tokens of the Redis lock', () => {
  let stage: RedisLockStage;
  beforeEach(() => {
    stage = new RedisLockStage(inject('redisUrl'), ttlMs);
  });
  afterEach(() => stage.end());

  it('are the time of the server, in microseconds', async () => {
    const before = await microseconds(stage.operator);
    const { token } = await acquire(await stage.open());
    expect(token).toBeGreaterThanOrEqual(before);
    expect(token).toBeLessThanOrEqual(await microseconds(stage.operator));
  });

  it('grow although the clock of the server was set back', async () => {
    const provider = await stage.open();
    await (await acquire(provider)).release();
    // As a clock that was an hour ahead would have left it.
    const ahead = (await microseconds(stage.operator)) + 3_600_000_000n;
    await stage.operator.hset(stage.redisKey('key'), 'token', String(ahead));
    const first = await acquire(provider);
    await first.release();
    const second = await acquire(provider);
    expect([first.token, second.token]).toEqual([ahead + 1n, ahead + 2n]);
  });

  it('are remembered for the time to live after a release, and no longer', async () => {
    const held = await acquire(await stage.open());
    await held.release();
    const key = stage.redisKey('key');
    expect(await stage.operator.hgetall(key)).toEqual({ token: String(held.token) });
    const left = await stage.operator.pttl(key);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(ttlMs);
  });
});

async function microseconds(operator: Redis): Promise<bigint> {
  const [seconds, rest] = (await operator.time()) as unknown as [string, string];
  return BigInt(seconds) * 1_000_000n + BigInt(rest);
}
