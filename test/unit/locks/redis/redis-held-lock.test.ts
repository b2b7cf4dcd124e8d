import { describe, expect, it } from 'vitest';
import { LockLostError } from '../../../../lib/core/errors.js';
import { RedisHeldLock } from '../../../../lib/locks/redis/redis-held-lock.js';
import { ManualClock } from '../../../../lib/testing/manual-clock.js';

const ttlMs = 9_000;

/** A lock taken at 0, and renewals that answer as `answers` say; the last one goes on for ever. */
function stage(...answers: (() => Promise<boolean>)[]) {
  const clock = new ManualClock();
  const renewals: number[] = [];
  const givenBack: number[] = [];
  const lock = new RedisHeldLock(1n, 0, {
    clock,
    ttlMs,
    renewTimeoutMs: 3_000,
    renew: () => {
      const answer = answers[Math.min(renewals.length, answers.length - 1)];
      renewals.push(clock.elapsedMs());
      return answer ? answer() : Promise.resolve(true);
    },
    giveBack: (expiresAt) => {
      givenBack.push(expiresAt);
      return Promise.resolve();
    },
  });
  return { clock, renewals, givenBack, lock };
}

const ours = (): Promise<boolean> => Promise.resolve(true);
const notOurs = (): Promise<boolean> => Promise.resolve(false);
const failing = (): Promise<boolean> => Promise.reject(new Error('no connection'));
const silent = (): Promise<boolean> => new Promise(() => undefined);

describe('RedisHeldLock', () => {
  it('is renewed every third of its time to live, for as long as it is held', async () => {
    const { clock, renewals, lock } = stage(ours);
    await clock.advance(90_000);
    expect(renewals).toHaveLength(30);
    expect(renewals.slice(0, 3)).toEqual([3_000, 6_000, 9_000]);
    expect(lock.signal.aborted).toBe(false);
  });

  it('is lost at once when the server says that it is not ours, and renewed no more', async () => {
    const { clock, renewals, lock } = stage(ours, notOurs);
    await clock.advance(5_999);
    expect(lock.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(lock.signal.reason).toBeInstanceOf(LockLostError);
    await clock.advance(60_000);
    expect(renewals).toHaveLength(2);
    expect(clock.pendingTimers).toBe(0);
  });

  it.each([
    ['fail', failing],
    ['stay away', silent],
  ])('is lost before the server lets it go, when answers %s', async (_what, answer) => {
    const { clock, lock } = stage(ours, answer);
    // The last proof was sent at 3,000, so the server keeps it until 12,000 at least.
    await clock.advance(11_099);
    expect(lock.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(lock.signal.reason).toBeInstanceOf(LockLostError);
  });

  it('survives an outage that is over in time', async () => {
    const { clock, renewals, lock } = stage(failing, failing, ours);
    await clock.advance(30_000);
    expect(renewals.slice(0, 4)).toEqual([3_000, 3_300, 3_600, 6_600]);
    expect(lock.signal.aborted).toBe(false);
  });

  it('counts from the sending of a renewal, not from its answer', async () => {
    let answerLate: () => void = () => undefined;
    const late = (): Promise<boolean> =>
      new Promise((resolve) => {
        answerLate = () => resolve(true);
      });
    const { clock, lock } = stage(late, silent);
    await clock.advance(3_000 + 2_900);
    answerLate();
    await clock.advance(11_099 - 5_900);
    expect(lock.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(lock.signal.aborted).toBe(true);
  });

  it('does not renew what it must take for lost, whichever timer runs first after a long stop', async () => {
    const { clock, renewals, lock } = stage(ours);
    const timers: (() => void)[] = [];
    clock.after = (_delayMs, callback) => {
      timers.push(callback);
      return () => undefined;
    };
    await clock.advance(3_000); // renews, and sets both timers anew: by the clock above, so that the test decides when they run
    expect(renewals).toHaveLength(1);
    clock.elapsedMs = () => 11_500;
    for (const timer of timers.splice(0).reverse()) timer();
    await clock.settle();
    expect(renewals).toHaveLength(1);
    expect(lock.signal.reason).toBeInstanceOf(LockLostError);
  });

  it('is given back once, with the time at which the server lets it go; its signal stays silent', async () => {
    const { clock, renewals, givenBack, lock } = stage(ours);
    await clock.advance(3_000);
    await Promise.all([lock.release(), lock.release()]);
    await lock.release();
    expect(givenBack).toEqual([12_000]);
    await clock.advance(60_000);
    expect(renewals).toHaveLength(1);
    expect(lock.signal.aborted).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });

  it.each([true, false])('does nothing with the answer (%s) of a renewal that a release overtook', async (isOurs) => {
    let answer: (reply: boolean) => void = () => undefined;
    const { clock, lock } = stage(() => new Promise((resolve) => (answer = resolve)));
    await clock.advance(3_000);
    await lock.release();
    answer(isOurs);
    await clock.settle();
    expect(lock.signal.aborted).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });

  it('may be released after it was lost', async () => {
    const { clock, givenBack, lock } = stage(notOurs);
    await clock.advance(3_000);
    await lock.release();
    expect(givenBack).toHaveLength(1);
  });
});
