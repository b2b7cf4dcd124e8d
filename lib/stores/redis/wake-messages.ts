import type { KeyListener } from '../../core/versioned-store.js';
import type { RedisClient, Unsubscribe } from '../../redis-client/redis-client.js';

/**
 * The ends of loads that somebody waits for, told to whoever listens for their key. There is one subscription for the store's life, opened by the first who listens: a process
 * that never waits for another's load by the lease needs no second connection.
 */
export class WakeMessages {
  readonly #client: RedisClient;
  readonly channel: string;
  readonly #prefix: string;
  readonly #listeners = new Map<string, Set<() => void>>();
  #opening: Promise<Unsubscribe> | undefined;
  #live = false;
  #closed = false;

  /** @param prefix what stands before a key in its name on the server; a client may put something of its own before that */
  constructor(client: RedisClient, channel: string, prefix: string) {
    this.#client = client;
    this.channel = channel;
    this.#prefix = prefix;
  }

  /** How many keys are listened for. */
  get size(): number {
    return this.#listeners.size;
  }

  listen(key: string, onEnd: () => void): KeyListener {
    this.#open();
    const isLive = (): boolean => this.#live;
    const listeners = this.#listeners.get(key) ?? new Set<() => void>();
    const heard = (): void => {
      onEnd();
    };
    this.#listeners.set(key, listeners.add(heard));
    return {
      get live() {
        return isLive();
      },
      stop: () => {
        listeners.delete(heard);
        if (listeners.size === 0 && this.#listeners.get(key) === listeners) this.#listeners.delete(key);
      },
    };
  }

  close(): void {
    this.#live = false;
    this.#closed = true;
    // Still opening, perhaps for ever: it is given up as soon as it is there.
    this.#opening?.then((unsubscribe) => unsubscribe()).catch(() => undefined);
  }

  /** What fails is tried again by the next who listens; until then everybody looks often enough. */
  #open(): void {
    if (this.#closed || this.#opening !== undefined) return;
    const opening = this.#client.subscribe(this.channel, (message) => {
      this.#hear(message);
    });
    this.#opening = opening;
    opening.then(
      () => {
        this.#live = !this.#closed;
      },
      () => {
        this.#opening = undefined;
      },
    );
  }

  #hear(message: string): void {
    const at = message.indexOf(this.#prefix);
    const listeners = this.#listeners.get(message.slice(at + this.#prefix.length));
    for (const onEnd of [...(listeners ?? [])]) onEnd();
  }
}
