/** Runs tasks of one key one after the other, and tasks of different keys side by side. A key without tasks takes no room. */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<void>>();

  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const result = (this.#tails.get(key) ?? Promise.resolve()).then(task);
    const tail = result.then(ignore, ignore).then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    this.#tails.set(key, tail);
    return result;
  }

  /** How many keys have tasks. For diagnosis. */
  get size(): number {
    return this.#tails.size;
  }
}

const ignore = (): void => undefined;
