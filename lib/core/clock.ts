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

  /** Milliseconds in which the event loop had nothing to do but to wait for input, since an arbitrary start. */
  abstract idleMs(): number;

  /** Calls `callback` once, after `delayMs`. Returns a function that cancels it and may be called at any time. */
  abstract after(delayMs: number, callback: () => void): () => void;

  /**
   * Calls `callback` once, when the input that is there now has been read: where a timer has fired, after the event loop has looked at its connections once more. Returns a function that cancels
   * it and may be called at any time.
   */
  abstract afterInput(callback: () => void): () => void;

  /** A number in [0, 1). */
  abstract random(): number;

  /** A text nobody else has: leases, fills and holders are named with it. */
  abstract uniqueId(): string;
}

class SystemClock extends Clock {
  elapsedMs(): number {
    return performance.now();
  }

  idleMs(): number {
    return performance.eventLoopUtilization().idle;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = setTimeout(callback, delayMs);
    return () => {
      clearTimeout(timer);
    };
  }

  afterInput(callback: () => void): () => void {
    const immediate = setImmediate(callback);
    return () => {
      clearImmediate(immediate);
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
