import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { WatchedLock } from '../../../lib/locks/watched-lock.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';

function stage() {
  const clock = new ManualClock();
  const unwatched: string[] = [];
  const lock = new WatchedLock(clock, () => unwatched.push('unwatched'));
  return { clock, unwatched, lock };
}

describe('WatchedLock', () => {
  it('remembers a wake-up that comes before the wait', async () => {
    const { clock, lock } = stage();
    lock.wake('released');
    expect(await lock.wait({ timeoutMs: 1_000 })).toBe('released');
    expect(clock.pendingTimers).toBe(0);
  });

  it('remembers it when the wait has no time, and when its signal has fired', async () => {
    const [first, second] = [stage().lock, stage().lock];
    first.wake('released');
    second.wake('released');
    expect(await first.wait({ timeoutMs: 0 })).toBe('released');
    expect(await second.wait({ timeoutMs: 1_000, signal: AbortSignal.abort() })).toBe('released');
  });

  it('ends a wait by its first wake-up only, and stops watching once', async () => {
    const { clock, lock, unwatched } = stage();
    const signal = new AbortController().signal;
    const waiting = lock.wait({ timeoutMs: 1_000, signal });
    lock.wake('vanished');
    lock.wake('closed');
    lock.dispose();
    expect(await waiting).toBe('vanished');
    expect(unwatched).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('times out at its time and not before', async () => {
    const { clock, lock, unwatched } = stage();
    let reason: string | undefined;
    void lock.wait({ timeoutMs: 1_000 }).then((ended) => (reason = ended));
    await clock.advance(999);
    expect(reason).toBeUndefined();
    await clock.advance(1);
    expect(reason).toBe('timeout');
    expect(unwatched).toHaveLength(1);
  });

  it.each([Infinity, 2 ** 40])('waits for %d ms without the timer overflowing', async (timeoutMs) => {
    const { clock, lock } = stage();
    let over = false;
    const waiting = lock.wait({ timeoutMs }).then(() => (over = true));
    await clock.advance(60_000);
    expect(over).toBe(false);
    const delays: number[] = [];
    clock.after = (delayMs) => {
      delays.push(delayMs);
      return () => undefined;
    };
    void new WatchedLock(clock, () => undefined).wait({ timeoutMs });
    expect(delays).toHaveLength(1);
    expect(delays[0]).toBeGreaterThan(1);
    expect(delays[0]).toBeLessThan(2 ** 31);
    lock.dispose();
    await waiting;
  });

  it('ends with "aborted" when it is given up or its signal fires, and leaves no listener', async () => {
    const { clock, lock } = stage();
    const abort = new AbortController();
    const waiting = lock.wait({ timeoutMs: 1_000, signal: abort.signal });
    abort.abort();
    expect(await waiting).toBe('aborted');
    const given = stage();
    const cut = given.lock.wait({ timeoutMs: 1_000 });
    given.lock.dispose();
    expect(await cut).toBe('aborted');
    expect(clock.pendingTimers + given.clock.pendingTimers).toBe(0);
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0);
  });
});
