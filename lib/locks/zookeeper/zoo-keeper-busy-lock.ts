import type { Clock } from '../../core/clock.js';
import { Deadline } from '../../core/deadline.js';
import { onAbort } from '../../core/late-signal.js';
import type { BusyLock, WaitOptions, WakeReason } from '../../core/lock-provider.js';

/** Somebody else's lock, and those who wait for its end: registered until it is woken or disposed of. */
export class ZooKeeperBusyLock implements BusyLock {
  readonly acquired = false;
  readonly #clock: Clock;
  readonly #unregister: (lock: ZooKeeperBusyLock) => void;
  #woken: WakeReason | undefined;
  #finish: ((reason: WakeReason) => void) | undefined;

  constructor(clock: Clock, unregister: (lock: ZooKeeperBusyLock) => void) {
    this.#clock = clock;
    this.#unregister = unregister;
  }

  wait({ timeoutMs, signal }: WaitOptions): Promise<WakeReason> {
    return new Promise((resolve) => {
      const undo: (() => void)[] = [];
      const abort = (): void => {
        this.wake('aborted');
      };
      this.#finish = (reason) => {
        for (const step of undo) step();
        resolve(reason);
      };
      if (this.#woken !== undefined) this.#finish(this.#woken);
      else if (signal?.aborted) abort();
      else {
        if (signal !== undefined) undo.push(onAbort(signal, abort));
        const deadline = new Deadline(this.#clock, timeoutMs, () => {
          this.wake('timeout');
        });
        undo.push(() => {
          deadline.end();
        });
      }
    });
  }

  dispose(): void {
    this.wake('aborted');
  }

  /** Ends the wait that is, or the one that will be. Only the first reason counts. */
  wake(reason: WakeReason): void {
    if (this.#woken !== undefined) return;
    this.#woken = reason;
    this.#unregister(this);
    this.#finish?.(reason);
  }
}
