import type { Clock } from './clock.js';
import { LoadTimeoutError } from './errors.js';
import type { Loader } from './load-request.js';

/** What ends a load early, beside its own deadline. */
export interface LoaderLimits {
  readonly timeoutMs: number;
  /** Ends the load at once with the signal's reason: shutdown, nobody waits any more. */
  readonly stops: readonly AbortSignal[];
  /** Only tells the loader (the lock is lost): its result is still welcome, for the lease decides whether it is stored. */
  readonly hint: AbortSignal | undefined;
}

/**
 * Runs a loader under one signal. When its deadline or a stop comes first the result rejects with that reason at once, and what the loader
 * still brings is dropped: a load that nobody expects any more can't be stored, or reject unheard.
 */
export async function runLoader<T>(clock: Clock, loader: Loader<T>, limits: LoaderLimits): Promise<T> {
  const controller = new AbortController();
  const undo: (() => void)[] = [];
  const ended = new Promise<never>((_, reject) => {
    const stop = (reason: Error): void => {
      controller.abort(reason);
      reject(reason);
    };
    for (const signal of limits.stops) {
      undo.push(
        onAbort(signal, (reason) => {
          stop(reason as Error);
        }),
      );
    }
    undo.push(
      clock.after(limits.timeoutMs, () => {
        stop(new LoadTimeoutError(`The loader did not finish within loadTimeoutMs = ${String(limits.timeoutMs)}`));
      }),
    );
  });
  if (limits.hint !== undefined) {
    undo.push(
      onAbort(limits.hint, (reason) => {
        controller.abort(reason);
      }),
    );
  }
  try {
    const work = Promise.resolve().then(() => loader({ signal: controller.signal }));
    return await Promise.race([work, ended]);
  } finally {
    for (const step of undo) step();
    // If the loader won, `ended` never settles; if it lost, its rejection was the race's. Neither is left unhandled.
  }
}

/** Calls `listener` when the signal fires, at once if it has. Returns what takes the listener away. */
export function onAbort(signal: AbortSignal, listener: (reason: unknown) => void): () => void {
  const heard = (): void => {
    listener(signal.reason);
  };
  if (signal.aborted) heard();
  else signal.addEventListener('abort', heard, { once: true });
  return () => {
    signal.removeEventListener('abort', heard);
  };
}
