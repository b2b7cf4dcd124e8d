import { StreamableFile } from '@nestjs/common';
import { Observable, ReplaySubject } from 'rxjs';

/** What a controller method gave: one value, or something that only its own caller can have. */
export type HandlerResult =
  | { readonly kind: 'value'; readonly value: unknown }
  /** No value, or several: whoever subscribes gets what came before too. */
  | { readonly kind: 'sequence'; readonly values: Observable<unknown> };

/** Runs the method by subscribing; settles with its first value once it is known to be the only one. */
export function runHandler(source: Observable<unknown>): Promise<HandlerResult> {
  return new Promise((resolve, reject) => {
    const replay = new ReplaySubject<unknown>();
    let count = 0;
    let first: unknown;
    const sequence = (): HandlerResult => ({
      kind: 'sequence',
      values: new Observable((subscriber) => {
        const inner = replay.subscribe(subscriber);
        return () => {
          inner.unsubscribe();
          running.unsubscribe();
        };
      }),
    });
    const running = source.subscribe({
      next: (value) => {
        replay.next(value);
        if (count++ === 0) first = value;
        else resolve(sequence());
      },
      // Whatever it is: it goes on untouched.
      error: (error: Error) => {
        replay.error(error);
        reject(error);
      },
      complete: () => {
        replay.complete();
        resolve(count === 0 ? sequence() : { kind: 'value', value: first });
      },
    });
  });
}

/** Things that can be read once: they belong to the one request whose method made them. */
export function isStream(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (value instanceof StreamableFile) return true;
  const { getStream, pipe, getReader } = value as { getStream?: unknown; pipe?: unknown; getReader?: unknown };
  return [getStream, pipe, getReader].some((method) => typeof method === 'function') || Symbol.asyncIterator in value;
}

/** Gives back what a stream that nobody will read holds open. */
export function discardStream(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  const { getStream } = value as { getStream?: () => unknown };
  const stream = (typeof getStream === 'function' ? getStream.call(value) : value) as {
    destroy?: () => void;
    cancel?: () => Promise<void>;
  };
  if (typeof stream.destroy === 'function') stream.destroy();
  else if (typeof stream.cancel === 'function') stream.cancel().catch(() => undefined);
}
