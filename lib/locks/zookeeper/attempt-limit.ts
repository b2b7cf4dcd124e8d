import type { Clock } from '../../core/clock.js';
import type { AcquireOptions } from '../../core/lock-provider.js';

/** Everything that can end an attempt early (its deadline, the caller's signal, the provider's end) as one signal, and a way to await under it. */
export class AttemptLimit {
  readonly #controller = new AbortController();
  readonly #sources: readonly AbortSignal[];
  readonly #cancel: () => void;

  constructor(clock: Clock, { timeoutMs, signal }: AcquireOptions, closing: AbortSignal, timeoutError: () => Error) {
    this.#sources = signal ? [closing, signal] : [closing];
    this.#cancel = clock.after(timeoutMs, () => {
      this.#controller.abort(timeoutError());
    });
    for (const source of this.#sources) {
      if (source.aborted) this.#controller.abort(source.reason);
      else source.addEventListener('abort', this.#follow);
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The result of `work`, or a rejection with the signal's reason, whichever is first. What `work` does later is nobody's business. */
  race<T>(work: Promise<T>): Promise<T> {
    const { signal } = this;
    return new Promise<T>((resolve, reject) => {
      const giveUp = (): void => {
        reject(signal.reason as Error);
      };
      if (signal.aborted) giveUp();
      else signal.addEventListener('abort', giveUp, { once: true });
      work
        .finally(() => {
          signal.removeEventListener('abort', giveUp);
        })
        .then(resolve, reject);
    });
  }

  /** Lets go of the timer and of the listeners. */
  end(): void {
    this.#cancel();
    for (const source of this.#sources) source.removeEventListener('abort', this.#follow);
  }

  readonly #follow = (event: Event): void => {
    this.#controller.abort((event.target as AbortSignal).reason);
  };
}
