import type { Clock } from './clock.js';
import { Deadline, type AnswerCount } from './deadline.js';
import { LateSignal, onAbort } from './late-signal.js';
import type { AcquireOptions } from './lock-provider.js';

/** How long a lock is tried for: until its time is over, the caller's signal fires, or the provider closes. Each gives its own reason. */
export class AttemptLimit {
  private readonly over = new LateSignal();
  private readonly undo: (() => void)[];
  private readonly deadline: Deadline;

  /** @param answers those of the lock service */
  constructor(
    clock: Clock,
    { timeoutMs, signal }: AcquireOptions,
    closing: LateSignal,
    timeoutError: () => Error,
    answers?: AnswerCount,
  ) {
    const end = (reason: unknown): void => {
      this.over.abort(reason as Error);
    };
    const timedOut = (): void => {
      end(timeoutError());
    };
    this.deadline = new Deadline(clock, timeoutMs, timedOut, answers);
    this.undo = [closing.onAbort(end)];
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
    return this.deadline.remainingMs;
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
    this.deadline.end();
    for (const step of this.undo) step();
  }
}
