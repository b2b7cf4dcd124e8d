import { describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../lib/core/clock.js';
import { afterInBackground } from '../../../lib/stores/background-timer.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';

/** Timers that keep this process alive. */
const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

describe('afterInBackground', () => {
  it('does not keep the process alive on the system clock, as its own timers do', () => {
    const before = timers();
    const cancelOwn = systemClock.after(600_000, () => undefined);
    expect(timers()).toBe(before + 1);
    cancelOwn();
    const cancel = afterInBackground(systemClock, 600_000, () => undefined);
    expect(timers()).toBe(before);
    cancel();
  });

  it('fires all the same, once', async () => {
    const callback = vi.fn();
    const keepAlive = systemClock.after(600_000, () => undefined);
    afterInBackground(systemClock, 1, callback);
    await vi.waitFor(() => {
      expect(callback).toHaveBeenCalledOnce();
    }, 20_000);
    keepAlive();
  });

  it('can be cancelled, on either clock', async () => {
    const clock = new ManualClock();
    const callback = vi.fn();
    afterInBackground(clock, 10, callback)();
    afterInBackground(systemClock, 0, callback)();
    await clock.advance(20);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(callback).not.toHaveBeenCalled();
  });
});
