interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Those who wait for a connection. Who gives up leaves nothing behind. */
export class ConnectionQueue {
  readonly #waiting = new Set<Waiting>();

  /** Resolves with `admit`, rejects with `refuse` or with the signal's reason. */
  wait(signal: AbortSignal): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const giveUp = (): void => {
        leave();
        reject(signal.reason as Error);
      };
      const leave = (): void => {
        this.#waiting.delete(waiting);
        signal.removeEventListener('abort', giveUp);
      };
      const waiting: Waiting = {
        resolve: () => {
          leave();
          resolve();
        },
        reject: (error) => {
          leave();
          reject(error);
        },
      };
      this.#waiting.add(waiting);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  admit(): void {
    for (const waiting of [...this.#waiting]) waiting.resolve();
  }

  refuse(error: Error): void {
    for (const waiting of [...this.#waiting]) waiting.reject(error);
  }
}
