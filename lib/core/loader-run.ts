import type { Clock } from './clock.js';
import { Deadline } from './deadline.js';
import { LoadTimeoutError } from './errors.js';
import { LateSignal, onAbort } from './late-signal.js';
import type { LoadContext, Loader } from './load-request.js';

/** What ends a load early, beside its own deadline. */
export interface LoaderLimits {
  readonly timeoutMs: number;
  /** Ends the load at once with the reason: shutdown, nobody waits any more. */
  readonly stops: readonly LateSignal[];
  /** Only tells the loader (the lock is lost): its result is still welcome, for the lease decides whether it is stored. */
  readonly hint: AbortSignal | undefined;
}

/**
 * Runs a loader under one signal. When its deadline or a stop comes first the result rejects with that reason at once, and what the loader
 * still brings is dropped: a load that nobody expects any more can't be stored, or reject unheard.
 */
export async function runLoader<T>(clock: Clock, loader: Loader<T>, limits: LoaderLimits): Promise<T> {
  const told = new LateSignal();
  const undo: (() => void)[] = [];
  const ended = new Promise<never>((_, reject) => {
    const stop = (reason: Error): void => {
      told.abort(reason);
      reject(reason);
    };
    for (const signal of limits.stops) undo.push(signal.onAbort(stop));
    const deadline = new Deadline(clock, limits.timeoutMs, () => {
      stop(new LoadTimeoutError(`The loader did not finish within loadTimeoutMs = ${String(limits.timeoutMs)}`));
    });
    undo.push(() => {
      deadline.end();
    });
  });
  if (limits.hint !== undefined) {
    undo.push(
      onAbort(limits.hint, (reason) => {
        told.abort(reason as Error);
      }),
    );
  }
  // An own property: a loader that spreads its context still gets the signal.
  const context: LoadContext = {
    get signal() {
      return told.signal;
    },
  };
  try {
    const work = Promise.resolve().then(() => loader(context));
    return await Promise.race([work, ended]);
  } finally {
    for (const step of undo) step();
    // If the loader won, `ended` never settles; if it lost, its rejection was the race's. Neither is left unhandled.
  }
}
