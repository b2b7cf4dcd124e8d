import type { Clock } from '../../core/clock.js';

/** How long something is tried: until its time is over, its signal fires, or its provider closes. Each gives its own reason. */
export class Patience {
  readonly #over = new AbortController();
  readonly #cleanUps: (() => void)[] = [];
  readonly #clock: Clock;
  readonly #endsAt: number;

  constructor(
    clock: Clock,
    timeoutMs: number,
    timeoutError: () => Error,
    signals: readonly (AbortSignal | undefined)[],
  ) {
    this.#clock = clock;
    this.#endsAt = clock.elapsedMs() + timeoutMs;
    this.#cleanUps.push(
      clock.after(timeoutMs, () => {
        this.#over.abort(timeoutError());
      }),
    );
    for (const signal of signals) if (signal) this.#follow(signal);
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  get remainingMs(): number {
    return Math.max(0, this.#endsAt - this.#clock.elapsedMs());
  }

  /** The result of `work`; rejects with the reason when patience ends first. A late rejection of `work` is nobody's business then. */
  orGiveUp<T>(work: Promise<T>): Promise<T> {
    const { signal } = this;
    return new Promise<T>((resolve, reject) => {
      const giveUp = (): void => {
        reject(signal.reason as Error);
      };
      if (signal.aborted) giveUp();
      else signal.addEventListener('abort', giveUp, { once: true });
      work.then(resolve, reject).finally(() => {
        signal.removeEventListener('abort', giveUp);
      });
    });
  }

  /** Takes its timer and its listeners away. */
  end(): void {
    for (const cleanUp of this.#cleanUps) cleanUp();
  }

  #follow(signal: AbortSignal): void {
    const onAbort = (): void => {
      this.#over.abort(signal.reason);
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#cleanUps.push(() => {
      signal.removeEventListener('abort', onAbort);
    });
  }
}
