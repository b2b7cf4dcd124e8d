import type { RedisClient, Unsubscribe } from '../../redis-client/redis-client.js';

/** Hears that `owner` gave the lock back. */
export type OnRelease = (owner: string) => void;

/**
 * The releases of a namespace, told to whoever listens for a lock's name. There is one subscription for the provider's life, opened by
 * the first attempt that finds a lock busy: a process that never meets another needs no second connection.
 */
export class ReleaseMessages {
  readonly #client: RedisClient;
  readonly #channel: string;
  readonly #listeners = new Map<string, Set<OnRelease>>();
  #opening: Promise<Unsubscribe> | undefined;
  #live = false;

  constructor(client: RedisClient, channel: string) {
    this.#client = client;
    this.#channel = channel;
  }

  /** True once every release that happens from now on is heard, as far as the connection lasts. */
  get live(): boolean {
    return this.#live;
  }

  /** How many names are listened for. */
  get size(): number {
    return this.#listeners.size;
  }

  /** Resolves when {@link live} is true. A subscription that failed is tried again by the next call. */
  async open(): Promise<void> {
    const opening = (this.#opening ??= this.#client.subscribe(this.#channel, (message) => {
      this.#hear(message);
    }));
    try {
      await opening;
      this.#live = true;
    } catch (error) {
      if (this.#opening === opening) this.#opening = undefined;
      throw error;
    }
  }

  /** Returns what ends it, which may be called twice. */
  listen(name: string, onRelease: OnRelease): () => void {
    const listeners = this.#listeners.get(name) ?? new Set<OnRelease>();
    this.#listeners.set(name, listeners.add(onRelease));
    return () => {
      listeners.delete(onRelease);
      if (listeners.size === 0 && this.#listeners.get(name) === listeners) this.#listeners.delete(name);
    };
  }

  close(): void {
    this.#live = false;
    // Still opening, perhaps for ever: it is given up as soon as it is there.
    this.#opening?.then((unsubscribe) => unsubscribe()).catch(() => undefined);
  }

  #hear(message: string): void {
    const space = message.indexOf(' ');
    const listeners = this.#listeners.get(message.slice(space + 1));
    for (const onRelease of [...(listeners ?? [])]) onRelease(message.slice(0, space));
  }
}
