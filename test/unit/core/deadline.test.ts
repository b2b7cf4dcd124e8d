import { describe, expect, it } from 'vitest';
import { AnswerCount, Deadline, withDeadline } from '../../../lib/core/deadline.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';

interface Stage {
  readonly clock: ManualClock;
  readonly deadline: Deadline;
  /** When it was over, by the clock; undefined as long as it is not. */
  overAt(): number | undefined;
}

function begin(timeoutMs: number, answers?: AnswerCount): Stage {
  const clock = new ManualClock();
  let overAt: number | undefined;
  const onOver = (): void => {
    overAt = clock.elapsedMs();
  };
  return { clock, deadline: new Deadline(clock, timeoutMs, onOver, answers), overAt: () => overAt };
}

const TIMEOUTS = [0, 1, 4, 5, 7, 33, 49, 50, 99, 500, 1_000, 1_003, 30_000];

describe('a deadline in an event loop that runs', () => {
  it.each(TIMEOUTS)('of %d ms is over at that time and not before', async (timeoutMs) => {
    const { clock, overAt } = begin(timeoutMs);
    if (timeoutMs > 0) await clock.advance(timeoutMs - 1);
    expect(overAt()).toBeUndefined();
    await clock.advance(1);
    expect(overAt()).toBe(timeoutMs);
    expect(clock.pendingTimers).toBe(0);
  });

  it('knows what is spent and what is left, also when it is over', async () => {
    const { clock, deadline } = begin(100);
    const told: number[][] = [];
    for (const ms of [0, 3, 7, 85, 5, 40]) {
      await clock.advance(ms);
      told.push([deadline.spentMs, deadline.remainingMs]);
    }
    expect(told).toEqual([
      [0, 100],
      [3, 97],
      [10, 90],
      [95, 5],
      [100, 0],
      [140, 0],
    ]);
  });

  it.each([0, 3, 99])('is never over when it is ended after %d ms, and leaves no timer', async (ms) => {
    const { clock, deadline, overAt } = begin(100);
    await clock.advance(ms);
    deadline.end();
    await clock.advance(1_000);
    expect([overAt(), clock.pendingTimers]).toEqual([undefined, 0]);
  });
});

describe('a deadline in an event loop that stands still', () => {
  const stops = [50, 500, 1_000, 3_600_000].flatMap((timeoutMs) =>
    [0, 0.25, 0.5, 0.89].map((part) => ({ timeoutMs, beforeMs: Math.floor(timeoutMs * part) })),
  );

  it.each(stops)('of $timeoutMs ms loses a tenth at most by a stop after $beforeMs ms', async (stop) => {
    const { timeoutMs, beforeMs } = stop;
    const { clock, deadline, overAt } = begin(timeoutMs);
    await clock.advance(beforeMs);
    const stoodStillMs = 10 * timeoutMs;
    await clock.standStill(stoodStillMs);
    expect(overAt()).toBeUndefined();
    expect(deadline.remainingMs).toBeGreaterThanOrEqual(timeoutMs * 0.9 - beforeMs - 1);
    // A server that is dead all the same is not waited for any longer than the time that was lost.
    await clock.advance(timeoutMs);
    expect(overAt()).toBeLessThanOrEqual(timeoutMs + stoodStillMs);
    expect(clock.pendingTimers).toBe(0);
  });

  it('is over after ten rounds of an event loop that always stands still', async () => {
    const { clock, overAt } = begin(1_000);
    for (let round = 1; round <= 9; round++) await clock.standStill(5_000);
    expect(overAt()).toBeUndefined();
    await clock.standStill(5_000);
    expect(overAt()).toBe(50_000);
  });

  it.each([1, 7, 50, 1_000])('of %d ms lets the input that is there be read before it is over', async (timeoutMs) => {
    const clock = new ManualClock();
    let answer!: (value: string) => void;
    const work = new Promise<string>((resolve) => (answer = resolve));
    const limited = withDeadline(clock, work, timeoutMs, () => new Error('late'));
    await clock.advance(timeoutMs - 1);
    // 1. The event loop stops. 2. The answer comes. 3. The timer fires. 4. The answer is read.
    const timersRun = clock.standStill(5_000);
    setImmediate(() => {
      answer('in time');
    });
    await timersRun;
    expect(await limited).toBe('in time');
    expect(clock.pendingTimers).toBe(0);
  });

  it('rejects work that is never done, and swallows what it rejects with later', async () => {
    const clock = new ManualClock();
    let fail!: (error: Error) => void;
    const work = new Promise<string>((_, reject) => (fail = reject));
    const limited = withDeadline(clock, work, 1_000, () => new Error('late'));
    const failed = expect(limited).rejects.toThrow('late');
    await clock.standStill(60_000);
    await clock.advance(1_000);
    await failed;
    fail(new Error('later still'));
    await clock.settle();
  });
});

describe('a deadline of a server that answers others', () => {
  /** Slice after slice in which the process works for `busyMs` of 100 and the server answers somebody. */
  async function work(stage: Stage, answers: AnswerCount | undefined, slices: number, busyMs: number): Promise<void> {
    for (let slice = 0; slice < slices; slice++) {
      if (answers !== undefined) answers.count += 1;
      for (let part = 0; part < 10; part++) {
        await stage.clock.standStill(busyMs / 10);
        await stage.clock.advance((100 - busyMs) / 10);
      }
    }
  }

  it('does not count the time in which this process was busy with that', async () => {
    const answers = new AnswerCount();
    const stage = begin(1_000, answers);
    await work(stage, answers, 40, 90);
    expect(stage.overAt()).toBeUndefined();
    // The first slice counts whole, and of 39 others the idle tenth.
    expect(stage.deadline.spentMs).toBeCloseTo(100 + 39 * 10, 6);
  });

  it('counts it where the server answers nobody', async () => {
    const stage = begin(1_000, new AnswerCount());
    await work(stage, undefined, 10, 90);
    expect(stage.overAt()).toBe(1_000);
  });

  it('counts it where the process has nothing to do', async () => {
    const answers = new AnswerCount();
    const stage = begin(1_000, answers);
    await work(stage, answers, 10, 0);
    expect(stage.overAt()).toBe(1_000);
  });

  it('is over after ten times its length, however busy the process is', async () => {
    const answers = new AnswerCount();
    const stage = begin(1_000, answers);
    await work(stage, answers, 99, 100);
    expect(stage.overAt()).toBeUndefined();
    await work(stage, answers, 1, 100);
    expect(stage.overAt()).toBeCloseTo(10_000, 6);
  });

  it('has an answer more for each result, and none for a failure', async () => {
    const clock = new ManualClock();
    const answers = new AnswerCount();
    const late = (): Error => new Error('late');
    await withDeadline(clock, Promise.resolve(1), 1_000, late, answers);
    await expect(withDeadline(clock, Promise.reject(new Error('offline')), 1_000, late, answers)).rejects.toThrow();
    expect([answers.count, clock.pendingTimers]).toEqual([1, 0]);
  });
});
