import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { CacheEvent } from '../../../../lib/core/cache-event.js';
import { CacheClosedError, LockAuthError, LockLostError, LockUnavailableError } from '../../../../lib/core/errors.js';
import type { BusyLock, HeldLock } from '../../../../lib/core/lock-provider.js';
import { RedisLockProvider } from '../../../../lib/locks/redis/redis-lock-provider.js';
import { ManualClock } from '../../../../lib/testing/manual-clock.js';
import { StagedRedis } from './staged-redis.js';

const ttlMs = 9_000;
const timeoutMs = 2_000;
const TAKEN = ['held', '7'];
const BUSY = ['busy', 'A', String(ttlMs)];

function stage() {
  const [clock, redis] = [new ManualClock(), new StagedRedis()];
  const events: CacheEvent[] = [];
  const report = (event: CacheEvent): void => void events.push(event);
  const provider = new RedisLockProvider({
    client: redis,
    namespace: 'ns',
    clock,
    ttlMs,
    commandTimeoutMs: 1_000,
    report,
  });
  /** The attempt, with what became of it. */
  const attempt = (options: { timeoutMs?: number; signal?: AbortSignal } = {}) => {
    const seen: { lock?: HeldLock | BusyLock; error?: unknown } = {};
    const done = provider.tryAcquire('key', { timeoutMs, ...options }).then(
      (lock) => void (seen.lock = lock),
      (error: unknown) => void (seen.error = error),
    );
    return Object.assign(seen, { done });
  };
  return { clock, redis, events, provider, attempt };
}

async function taken(staged: ReturnType<typeof stage>): Promise<HeldLock> {
  const attempt = staged.attempt();
  staged.redis.take('acquire').answer(TAKEN);
  await attempt.done;
  if (!attempt.lock?.acquired) throw new Error('expected the lock');
  return attempt.lock;
}

describe('RedisLockProvider', () => {
  it('takes a free lock with one request, and needs no subscription for it', async () => {
    const staged = stage();
    const lock = await taken(staged);
    expect(lock.token).toBe(7n);
    expect(staged.redis.steps).toEqual(['acquire']);
    expect(staged.redis.requests[0]?.key).toBe('ns:lock:1:key');
    expect(staged.redis.onMessage).toBeUndefined();
  });

  it('looks again once it is subscribed: a release before that sent its message to nobody', async () => {
    const { redis, attempt } = stage();
    const attempted = attempt();
    redis.take('acquire').answer(BUSY); // 1. A holds it; 2. A releases while we subscribe; 3. nobody tells us
    await new Promise(setImmediate);
    const second = redis.take('acquire');
    expect(redis.onMessage).toBeDefined();
    second.answer(TAKEN);
    await attempted.done;
    expect(attempted.lock?.acquired).toBe(true);
  });

  it('asks only once when the subscription is there, and hears what overtakes the answer', async () => {
    const { clock, redis, attempt } = stage();
    const first = attempt();
    redis.take('acquire').answer(BUSY);
    await clock.settle();
    redis.take('acquire').answer(BUSY);
    await first.done;

    const second = attempt();
    const request = redis.take('acquire');
    redis.onMessage?.('A key'); // overtakes
    request.answer(BUSY);
    await second.done;
    if (second.lock?.acquired !== false || first.lock?.acquired !== false) throw new Error('expected busy locks');
    expect(await second.lock.wait({ timeoutMs: 1_000 })).toBe('released');
    expect(await first.lock.wait({ timeoutMs: 1_000 })).toBe('released');
    expect(redis.steps).toEqual(['acquire', 'acquire', 'acquire']);
    expect(clock.pendingTimers).toBe(0);
  });

  /*
   * The answer to a look comes on one connection, the message of a release on another. The order in
   * which the client reads the two is open, and Redis itself may write the answer first.
   */
  it.each(['while the next attempt is under way', 'during the next wait'])(
    'a message that a look has overtaken harms nobody: it comes %s',
    async (when) => {
      const { clock, redis, attempt } = stage();
      const first = attempt();
      redis.take('acquire').answer(BUSY);
      await clock.settle();
      redis.take('acquire').answer(BUSY);
      await first.done;
      if (first.lock?.acquired !== false) throw new Error('expected a busy lock');
      const waiting = first.lock.wait({ timeoutMs: 60_000 });
      // 1. The look is sent. 2. Before it arrives, A releases. 3. The answer is read, the message not.
      await clock.advance(ttlMs);
      redis.take('look').answer(['free']);
      expect(await waiting).toBe('vanished');
      expect(clock.pendingTimers).toBe(0);
      // 4. B has taken the lock when it is asked for again. 5. The message of A is read.
      const second = attempt();
      const request = redis.take('acquire');
      if (when === 'while the next attempt is under way') redis.onMessage?.('A key');
      request.answer(['busy', 'B', String(ttlMs)]);
      await second.done;
      if (second.lock?.acquired !== false) throw new Error('expected a busy lock');
      let reason: string | undefined;
      const next = second.lock.wait({ timeoutMs: 60_000 }).then((woken) => (reason = woken));
      if (when === 'during the next wait') redis.onMessage?.('A key');
      await clock.settle();
      expect(reason).toBeUndefined();
      // 6. Only B's own message ends the wait for B.
      redis.onMessage?.('B key');
      expect(await next).toBe('released');
      expect(redis.steps).toEqual(['acquire', 'acquire', 'look', 'acquire']);
      expect(clock.pendingTimers).toBe(0);
    },
  );

  it('repeats a request whose answer got lost under the same owner', async () => {
    const { clock, redis, attempt } = stage();
    const attempted = attempt();
    const lost = redis.take('acquire');
    lost.fail('Socket closed unexpectedly');
    await clock.advance(20);
    const again = redis.take('acquire');
    expect(again.args).toEqual(lost.args);
    again.answer(TAKEN);
    await attempted.done;
    expect(attempted.lock?.acquired).toBe(true);
  });

  it('asks again for a lock whose answer came when half its time was over', async () => {
    const { clock, redis, attempt } = stage();
    const attempted = attempt({ timeoutMs: 60_000 });
    const late = redis.take('acquire');
    await clock.advance(ttlMs / 2);
    late.answer(TAKEN);
    await clock.settle();
    redis.take('acquire').answer(TAKEN);
    await attempted.done;
    expect(attempted.lock?.acquired).toBe(true);
  });

  it('gives up in time when there is no answer, and gives back what the late answer brings', async () => {
    const { clock, redis, provider, attempt } = stage();
    const attempted = attempt();
    const late = redis.take('acquire');
    await clock.advance(timeoutMs);
    await attempted.done;
    expect(attempted.error).toBeInstanceOf(LockUnavailableError);
    expect(provider.state).toBe('suspended');
    // Not before the answer: a release that overtook the request would free nothing.
    expect(redis.steps).toEqual(['acquire']);
    late.answer(TAKEN);
    await clock.settle();
    const release = redis.take('release');
    expect(release.args[0]).toBe(late.args[0]);
    release.answer(1);
    await clock.settle();
    expect(clock.pendingTimers).toBe(0);
  });

  it('gives up in time when there is no connection, with the last failure as the cause', async () => {
    const { clock, redis, attempt } = stage();
    const attempted = attempt();
    for (let step = 0; step < timeoutMs; step += 10) {
      for (const request of redis.requests) request.fail('The client is offline');
      await clock.advance(10);
    }
    await attempted.done;
    expect(attempted.error).toBeInstanceOf(LockUnavailableError);
    expect((attempted.error as Error).cause).toMatchObject({ message: 'The client is offline' });
    // 20, 40, 80 … 500 ms apart.
    const tries = redis.steps.filter((step) => step === 'acquire').length;
    expect(tries).toBeGreaterThan(4);
    expect(tries).toBeLessThan(12);
  });

  it('rejects with the reason when it is given up, and cleans up behind the request', async () => {
    const { clock, redis, attempt } = stage();
    const abort = new AbortController();
    const attempted = attempt({ signal: abort.signal });
    const late = redis.take('acquire');
    const reason = new Error('enough');
    abort.abort(reason);
    await attempted.done;
    expect(attempted.error).toBe(reason);
    late.answer(TAKEN);
    await clock.settle();
    redis.take('release').answer(1);
    await clock.settle();
    expect(clock.pendingTimers).toBe(0);
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0);
  });

  it('gives the lock back when the signal fires in the same instant as the answer comes', async () => {
    const { clock, redis, attempt } = stage();
    const abort = new AbortController();
    const attempted = attempt({ signal: abort.signal });
    redis.take('acquire').answer(TAKEN);
    abort.abort(new Error('enough'));
    await attempted.done;
    expect(attempted.error).toMatchObject({ message: 'enough' });
    await clock.settle();
    expect(redis.steps).toEqual(['acquire', 'release']);
  });

  it.each([
    ['NOAUTH Authentication required.', LockAuthError, 'auth-failed'],
    ["NOPERM User app has no permissions to run the 'evalsha' command", LockAuthError, 'auth-failed'],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', LockUnavailableError, 'suspended'],
    ["OOM command not allowed when used memory > 'maxmemory'.", LockUnavailableError, 'suspended'],
  ])('takes %s for an answer', async (message, ErrorClass, state) => {
    const { redis, provider, attempt } = stage();
    const attempted = attempt();
    redis.take('acquire').fail(message);
    await attempted.done;
    expect(attempted.error).toBeInstanceOf(ErrorClass);
    expect((attempted.error as Error).cause).toMatchObject({ message });
    expect(provider.state).toBe(state);
  });

  it.each([
    'LOADING Redis is loading the dataset in memory',
    'READONLY You can not write against a read only replica.',
    'CLUSTERDOWN',
  ])('asks again after %s', async (message) => {
    const { clock, redis, attempt } = stage();
    const attempted = attempt();
    redis.take('acquire').fail(message);
    await clock.advance(20);
    redis.take('acquire').answer(TAKEN);
    await attempted.done;
    expect(attempted.lock?.acquired).toBe(true);
  });

  it('goes on without a subscription that fails or hangs, and tries it again with the next busy lock', async () => {
    const { clock, redis, attempt } = stage();
    redis.subscribing = () => Promise.reject(new Error('NOPERM'));
    const first = attempt();
    redis.take('acquire').answer(BUSY);
    await clock.settle();
    redis.take('acquire').answer(BUSY);
    await first.done;
    expect(first.lock?.acquired).toBe(false);

    redis.subscribing = () => new Promise(() => undefined);
    const second = attempt();
    redis.take('acquire').answer(BUSY);
    await clock.advance(timeoutMs / 2);
    redis.take('acquire').answer(BUSY);
    await second.done;
    expect(second.lock?.acquired).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });

  it('repeats a release in the background until it is done', async () => {
    const staged = stage();
    const lock = await taken(staged);
    const released = lock.release();
    staged.redis.take('release').fail('Socket closed unexpectedly');
    await released;
    await staged.clock.settle();
    staged.redis.take('release').fail('Socket closed unexpectedly');
    await staged.clock.advance(50);
    staged.redis.take('release').answer(1);
    await staged.clock.advance(60_000);
    expect(staged.redis.steps.filter((step) => step === 'release')).toHaveLength(3);
    expect(staged.clock.pendingTimers).toBe(0);
  });

  it('stops repeating it when the server has let the lock go by itself', async () => {
    const staged = stage();
    const lock = await taken(staged);
    void lock.release();
    for (let second = 0; second < 30; second += 1) {
      for (const request of staged.redis.requests) request.fail('The client is offline');
      await staged.clock.advance(1_000);
    }
    const tries = staged.redis.steps.length;
    expect(tries).toBeLessThan(20);
    expect(staged.clock.pendingTimers).toBe(0);
  });

  it('gives back on close what an attempt gets in the same instant', async () => {
    const { clock, redis, provider, attempt } = stage();
    const attempted = attempt();
    redis.take('acquire').answer(TAKEN); // 1. the answer is here; 2. close; 3. the attempt goes on
    const closing = provider.close();
    await attempted.done;
    expect(attempted.error).toBeInstanceOf(CacheClosedError);
    await clock.settle();
    expect(redis.closed).toBe(false);
    redis.take('release').answer(1);
    await closing;
    expect(redis.closed).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  it('closes in bounded time although nothing answers, and tells the holder', async () => {
    const staged = stage();
    const lock = await taken(staged);
    let closed = false;
    void staged.provider.close().then(() => (closed = true));
    await staged.clock.advance(2_000);
    expect(closed).toBe(true);
    expect(lock.signal.reason).toBeInstanceOf(LockLostError);
    await staged.clock.advance(60_000);
    expect(staged.clock.pendingTimers).toBe(0);
    expect(staged.provider.state).toBe('closed');
  });

  it('reports each change of its state once', async () => {
    const staged = stage();
    await taken(staged);
    await taken(staged);
    const failing = staged.attempt();
    staged.redis.take('acquire').fail('ERR no');
    await failing.done;
    const closing = staged.provider.close();
    await staged.clock.settle();
    for (const request of staged.redis.requests) request.answer(1);
    await closing;
    const moves = staged.events.map((event) =>
      event.type === 'lock-state' ? `${event.previous} → ${event.state}` : event.type,
    );
    expect(moves).toEqual(['idle → connected', 'connected → suspended', 'suspended → closed']);
  });
});
