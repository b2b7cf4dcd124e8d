import type { Clock } from '../core/clock.js';
import { Deadline } from '../core/deadline.js';
import { onAbort } from '../core/late-signal.js';
import type { BusyLock, WaitOptions, WakeReason } from '../core/lock-provider.js';

/** The longest delay a timer can have; Node turns a longer one into 1 ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * A busy lock whose wake-up is somebody else's call. It may come before, during or after the wait, and only the first one counts: that is
 * what makes the watch "armed" from the start.
 */
export class WatchedLock implements BusyLock {
  readonly acquired = false;
  readonly #clock: Clock;
  readonly #unwatch: () => void;
  #reason: WakeReason | undefined;
  #endWait: ((reason: WakeReason) => void) | undefined;

  /** @param unwatch called exactly once, as soon as this lock needs no wake-up any more */
  constructor(clock: Clock, unwatch: () => void) {
    this.#clock = clock;
    this.#unwatch = unwatch;
  }

  /** True once there is nothing left to wake. */
  get over(): boolean {
    return this.#reason !== undefined;
  }

  wake(reason: WakeReason): void {
    if (this.over) return;
    this.#reason = reason;
    this.#unwatch();
    this.#endWait?.(reason);
  }

  wait({ timeoutMs, signal }: WaitOptions): Promise<WakeReason> {
    if (signal?.aborted) this.wake('aborted');
    else if (timeoutMs <= 0) this.wake('timeout');
    if (this.#reason !== undefined) return Promise.resolve(this.#reason);

    return new Promise((resolve) => {
      const deadline = new Deadline(this.#clock, Math.min(timeoutMs, MAX_TIMER_MS), () => {
        this.wake('timeout');
      });
      const forgetSignal =
        signal &&
        onAbort(signal, () => {
          this.wake('aborted');
        });
      this.#endWait = (reason) => {
        deadline.end();
        forgetSignal?.();
        resolve(reason);
      };
    });
  }

  /** A wait under way ends with `aborted`. */
  dispose(): void {
    this.wake('aborted');
  }
}
