import { systemClock } from '../../lib/core/clock.js';
import { withDeadline } from '../../lib/core/deadline.js';

/** The result of `work`, or an error that says what was awaited. */
export function withTimeout<T>(work: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  return withDeadline(systemClock, work, timeoutMs, () => new Error(`${what} within ${timeoutMs} ms`));
}
