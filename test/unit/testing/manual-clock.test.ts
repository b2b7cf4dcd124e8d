import { describe, expect, it } from 'vitest';
import { sleep } from '../../../lib/core/clock.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';

describe('ManualClock', () => {
  it('stands still until it is moved', async () => {
    const clock = new ManualClock({ startMs: 5 });
    expect(clock.elapsedMs()).toBe(5);
    await clock.advance(10.5);
    expect(clock.elapsedMs()).toBe(15.5);
  });

  it('runs what becomes due in order, each at its own time, and of equals the first made first', async () => {
    const clock = new ManualClock();
    const told: string[] = [];
    const tell = (name: string) => () => told.push(`${name} at ${clock.elapsedMs()}`);
    clock.after(20, tell('late'));
    clock.after(10, tell('first'));
    clock.after(10, tell('second'));
    clock.after(30.1, tell('not yet'));
    clock.after(-5, tell('at once'));
    await clock.advance(30);
    expect(told).toEqual(['at once at 0', 'first at 10', 'second at 10', 'late at 20']);
    expect(clock.pendingTimers).toBe(1);
  });

  it('lets promises settle before each timer, so that what they start counts from its own time', async () => {
    const clock = new ManualClock();
    const told: number[] = [];
    const chain = (async () => {
      for (let index = 0; index < 3; index += 1) {
        await sleep(clock, 10);
        await Promise.resolve();
        told.push(clock.elapsedMs());
      }
    })();
    await clock.advance(100);
    await chain;
    expect(told).toEqual([10, 20, 30]);
  });

  it('does not run what was cancelled, also by a timer due at the same time', async () => {
    const clock = new ManualClock();
    const told: string[] = [];
    clock.after(10, () => {
      cancel();
    });
    const cancel = clock.after(10, () => told.push('cancelled'));
    await clock.advance(10);
    cancel();
    expect([told, clock.pendingTimers]).toEqual([[], 0]);
  });

  it('stands still: what becomes due on the way runs afterwards, in order and late', async () => {
    const clock = new ManualClock();
    const told: string[] = [];
    const tell = (name: string) => () => told.push(`${name} at ${clock.elapsedMs()}`);
    clock.after(20, tell('second'));
    clock.after(10, tell('first'));
    clock.after(31, tell('not yet'));
    await clock.standStill(30);
    expect(told).toEqual(['first at 30', 'second at 30']);
    await clock.advance(1);
    expect(told).toEqual(['first at 30', 'second at 30', 'not yet at 31']);
    expect([clock.elapsedMs(), clock.idleMs()]).toEqual([31, 1]);
  });

  it('reads the input that is there before it calls back, once', async () => {
    const clock = new ManualClock();
    const told: string[] = [];
    setImmediate(() => told.push('input'));
    clock.afterInput(() => told.push('read'));
    const cancel = clock.afterInput(() => told.push('cancelled'));
    cancel();
    await clock.settle();
    expect(told).toEqual(['input', 'read']);
    cancel();
  });

  it('rejects with what a timer throws', async () => {
    const clock = new ManualClock();
    clock.after(1, () => {
      throw new Error('thrown');
    });
    await expect(clock.advance(1)).rejects.toThrow('thrown');
  });

  it('has the same chance and ids again for the same seed, and others for another', () => {
    const tell = (seed: number) => {
      const clock = new ManualClock({ seed });
      return [clock.random(), clock.random(), clock.uniqueId(), clock.uniqueId()];
    };
    expect(tell(7)).toEqual(tell(7));
    expect(new Set([...tell(7), ...tell(8)]).size).toBe(8);
    for (const value of tell(7).slice(0, 2))
      expect(value).toSatisfy((number) => Number(number) >= 0 && Number(number) < 1);
  });
});
