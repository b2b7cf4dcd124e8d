/** One at a time for each path, in the order of arrival. */
export class PathTurns {
  readonly #queues = new Map<string, (() => void)[]>();

  /**
   * Resolves, when it is our turn, to the function that ends it. Rejects with the reason of the limit's signal; the place in the queue is then given up.
   *
   * @param limit asked for its signal only when there is a queue
   */
  enter(path: string, limit: { readonly signal: AbortSignal }): Promise<() => void> {
    const queue = this.#queues.get(path);
    const leave = (): void => {
      this.#next(path);
    };
    if (!queue) {
      this.#queues.set(path, []);
      return Promise.resolve(leave);
    }
    const { signal } = limit;
    return new Promise((resolve, reject) => {
      const proceed = (): void => {
        signal.removeEventListener('abort', giveUp);
        resolve(leave);
      };
      const giveUp = (): void => {
        queue.splice(queue.indexOf(proceed), 1);
        reject(signal.reason as Error);
      };
      queue.push(proceed);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  #next(path: string): void {
    const proceed = this.#queues.get(path)?.shift();
    if (proceed) proceed();
    else this.#queues.delete(path);
  }
}
