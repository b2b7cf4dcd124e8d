import { systemClock, type Clock } from '../core/clock.js';

/**
 * Like `clock.after`, for housekeeping that must not keep a process alive: the system clock's timers do, so here its timer is
 * unreferenced. Any other clock (a manual one in tests) is asked as always.
 */
export function afterInBackground(clock: Clock, delayMs: number, callback: () => void): () => void {
  if (clock !== systemClock) return clock.after(delayMs, callback);
  const timer = setTimeout(callback, delayMs);
  timer.unref();
  return () => {
    clearTimeout(timer);
  };
}
