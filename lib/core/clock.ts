import { randomUUID } from 'node:crypto';

/**
 * Time and chance, as the core sees them. Tests stage races with `ManualClock` from `/testing`;
 * everything else uses {@link systemClock}.
 *
 * There is no wall time here on purpose: a process's clock only measures how long things take, and
 * freshness is judged by the store's clock.
 */
export abstract class Clock {
  /** Milliseconds since an arbitrary start. Never goes backwards, whatever happens to the wall clock. */
  abstract elapsedMs(): number;

  /** Calls `callback` once, after `delayMs`. Returns a function that cancels it and may be called at any time. */
  abstract after(delayMs: number, callback: () => void): () => void;

  /** A number in [0, 1). */
  abstract random(): number;

  /** A text nobody else has: leases, fills and holders are named with it. */
  abstract uniqueId(): string;
}

class SystemClock extends Clock {
  elapsedMs(): number {
    return performance.now();
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = setTimeout(callback, delayMs);
    return () => {
      clearTimeout(timer);
    };
  }

  random(): number {
    return Math.random();
  }

  uniqueId(): string {
    return randomUUID();
  }
}

/** The machine's own monotonic clock, timers and randomness. */
export const systemClock: Clock = new SystemClock();

/** Waits `delayMs`, or until `signal` fires; resolves in both cases, so the caller looks at the signal. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const finish = (): void => {
      cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.after(delayMs, finish);
    signal?.addEventListener('abort', finish, { once: true });
  });
}

/**
 * The result of `work`, or a rejection with `timeoutError()` after `timeoutMs`. What `work` does after that is
 * nobody's business any more; its late rejection is swallowed here, so it never becomes an unhandled one.
 */
export function withDeadline<T>(
  clock: Clock,
  work: Promise<T>,
  timeoutMs: number,
  timeoutError: () => Error,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const cancel = clock.after(timeoutMs, () => {
      reject(timeoutError());
    });
    const settling =
      <Outcome>(settle: (outcome: Outcome) => void) =>
      (outcome: Outcome): void => {
        cancel();
        settle(outcome);
      };
    work.then(settling(resolve), settling(reject));
  });
}
