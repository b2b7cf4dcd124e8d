import { describe, expect, it } from 'vitest';
import type { CacheEvent } from '../../../../lib/core/cache-event.js';
import type { BusyLock, HeldLock } from '../../../../lib/core/lock-provider.js';
import { RedisLockProvider } from '../../../../lib/locks/redis/redis-lock-provider.js';
import { ManualClock } from '../../../../lib/testing/manual-clock.js';
import { StagedRedis } from './staged-redis.js';

const ttlMs = 9_000;
const timeoutMs = 2_000;
/** Longer than every deadline, and shorter than half the life of a lock, after which it would be asked for again. */
const STOOD_STILL_MS = 4_000;

function stage() {
  const [clock, redis] = [new ManualClock(), new StagedRedis()];
  const events: CacheEvent[] = [];
  const provider = new RedisLockProvider({
    client: redis,
    namespace: 'ns',
    clock,
    ttlMs,
    commandTimeoutMs: 1_000,
    report: (event) => void events.push(event),
  });
  const attempt = (): Promise<HeldLock | BusyLock> => provider.tryAcquire('key', { timeoutMs });
  const suspended = (): boolean => events.some((event) => event.type === 'lock-state' && event.state === 'suspended');
  return { clock, redis, provider, attempt, suspended };
}

async function taken({ redis, attempt }: ReturnType<typeof stage>): Promise<HeldLock> {
  const attempted = attempt();
  redis.take('acquire').answer(['held', '7']);
  const lock = await attempted;
  if (!lock.acquired) throw new Error('expected the lock');
  return lock;
}

async function busy({ clock, redis, attempt }: ReturnType<typeof stage>): Promise<BusyLock> {
  const attempted = attempt();
  for (let asked = 0; asked < 2; asked++) {
    redis.take('acquire').answer(['busy', 'A', String(ttlMs)]);
    await clock.settle();
  }
  const lock = await attempted;
  if (lock.acquired) throw new Error('expected a busy lock');
  return lock;
}

describe('Redis locks while the event loop stands still', () => {
  it('an attempt has the lock whose answer has come meanwhile', async () => {
    const { clock, redis, attempt, suspended } = stage();
    const attempted = attempt();
    await clock.standStill(STOOD_STILL_MS);
    redis.take('acquire').answer(['held', '7']);
    expect((await attempted).acquired).toBe(true);
    expect([redis.steps, suspended()]).toEqual([['acquire'], false]);
  });

  it('an attempt has its time left for the subscription and the second question', async () => {
    const { clock, redis, attempt, suspended } = stage();
    const attempted = attempt();
    await clock.standStill(STOOD_STILL_MS);
    redis.take('acquire').answer(['busy', 'A', String(ttlMs)]);
    await clock.advance(500);
    redis.take('acquire').answer(['busy', 'A', String(ttlMs)]);
    expect((await attempted).acquired).toBe(false);
    expect([redis.onMessage === undefined, suspended()]).toEqual([false, false]);
  });

  it('an attempt that is not answered ends when its time is over all the same', async () => {
    const { clock, attempt, suspended } = stage();
    const failed = expect(attempt()).rejects.toThrow('could not be asked for a lock within 2000 ms');
    await clock.standStill(STOOD_STILL_MS);
    expect(suspended()).toBe(false);
    await clock.advance(timeoutMs);
    await failed;
    expect(suspended()).toBe(true);
  });

  it('a waiter hears of the release that has come meanwhile', async () => {
    const staged = stage();
    const lock = await busy(staged);
    const waiting = lock.wait({ timeoutMs: 1_000 });
    await staged.clock.standStill(STOOD_STILL_MS);
    staged.redis.onMessage?.('A key');
    expect(await waiting).toBe('released');
  });

  it('a waiter that looks after the holder uses the answer that has come meanwhile', async () => {
    const staged = stage();
    const lock = await busy(staged);
    const waiting = lock.wait({ timeoutMs: 60_000 });
    await staged.clock.advance(ttlMs);
    await staged.clock.standStill(STOOD_STILL_MS);
    staged.redis.take('look').answer(['free']);
    expect(await waiting).toBe('vanished');
  });

  it('a renewal and a release are sent once', async () => {
    const staged = stage();
    const lock = await taken(staged);
    await staged.clock.advance(ttlMs / 3);
    await staged.clock.standStill(STOOD_STILL_MS);
    staged.redis.take('renew').answer(1);
    await staged.clock.settle();
    const released = lock.release();
    await staged.clock.standStill(STOOD_STILL_MS);
    staged.redis.take('release').answer(1);
    await released;
    await staged.clock.advance(ttlMs);
    expect([staged.redis.steps, lock.signal.aborted]).toEqual([['acquire', 'renew', 'release'], false]);
  });
});
