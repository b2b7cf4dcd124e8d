import type { Clock } from './clock.js';
import { LateSignal, onAbort } from './late-signal.js';
import type { AcquireOptions } from './lock-provider.js';

/** How long a lock is tried for: until its time is over, the caller's signal fires, or the provider closes. Each gives its own reason. */
export class AttemptLimit {
  private readonly over = new LateSignal();
  private readonly undo: (() => void)[];
  private readonly endsAt: number;

  constructor(
    private readonly clock: Clock,
    { timeoutMs, signal }: AcquireOptions,
    closing: LateSignal,
    timeoutError: () => Error,
  ) {
    const end = (reason: unknown): void => {
      this.over.abort(reason as Error);
    };
    this.endsAt = clock.elapsedMs() + timeoutMs;
    const timedOut = (): void => {
      end(timeoutError());
    };
    this.undo = [clock.after(timeoutMs, timedOut), closing.onAbort(end)];
    if (signal !== undefined) this.undo.push(onAbort(signal, end));
  }

  get aborted(): boolean {
    return this.over.aborted;
  }

  get reason(): Error | undefined {
    return this.over.reason;
  }

  get signal(): AbortSignal {
    return this.over.signal;
  }

  get remainingMs(): number {
    return Math.max(0, this.endsAt - this.clock.elapsedMs());
  }

  throwIfAborted(): void {
    this.over.throwIfAborted();
  }

  /** The result of `work`, or a rejection with the reason, whichever is first. What `work` does later is nobody's business. */
  race<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const forget = this.over.onAbort(reject);
      void work.then(resolve, reject).then(forget);
    });
  }

  /** Lets go of the timer and of the listeners. */
  end(): void {
    for (const step of this.undo) step();
  }
}
