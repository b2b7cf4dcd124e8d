import type { Unsubscribe } from './redis-client.js';

/** A connection that is used for subscriptions only. */
export interface PubSubConnection {
  /** Resolves when commands can be sent; may stay pending while the server is away. */
  readonly ready: Promise<unknown>;
  subscribe(channel: string, onMessage: (message: string) => void): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  close(): void;
}

interface Channel {
  readonly listeners: Set<(message: string) => void>;
  /** Settles with the server's answer to SUBSCRIBE. */
  readonly subscribed: Promise<unknown>;
}

/** Many listeners over one connection, which is opened with the first of them and kept until `close()`. */
export class Subscriptions {
  readonly #open: () => PubSubConnection;
  readonly #channels = new Map<string, Channel>();
  readonly #leaving = new Map<string, Promise<unknown>>();
  #connection: PubSubConnection | undefined;
  #closed = false;

  constructor(open: () => PubSubConnection) {
    this.#open = open;
  }

  async subscribe(channel: string, onMessage: (message: string) => void): Promise<Unsubscribe> {
    if (this.#closed) throw new Error('The Redis client has been closed');
    const listener = (message: string): void => {
      onMessage(message);
    };
    const entry = this.#channels.get(channel) ?? this.#join(channel);
    entry.listeners.add(listener);
    const unsubscribe = (): Promise<void> => {
      this.#drop(channel, entry, listener);
      return Promise.resolve();
    };
    try {
      await entry.subscribed;
    } catch (error) {
      await unsubscribe();
      throw error;
    }
    return unsubscribe;
  }

  close(): void {
    this.#closed = true;
    this.#channels.clear();
    this.#connection?.close();
    this.#connection = undefined;
  }

  #join(channel: string): Channel {
    const listeners = new Set<(message: string) => void>();
    const entry: Channel = { listeners, subscribed: this.#sendSubscribe(channel, listeners) };
    this.#channels.set(channel, entry);
    entry.subscribed.catch(() => {
      if (this.#channels.get(channel) === entry) this.#channels.delete(channel);
    });
    return entry;
  }

  async #sendSubscribe(channel: string, listeners: Set<(message: string) => void>): Promise<void> {
    const connection = await this.#connected();
    // 1. the last listener leaves, UNSUBSCRIBE is under way; 2. a new one comes; 3. the late answer to 1 would make the client forget 2
    await this.#leaving.get(channel);
    await connection.subscribe(channel, (message) => {
      for (const listener of [...listeners]) tell(listener, message);
    });
  }

  async #connected(): Promise<PubSubConnection> {
    const connection = (this.#connection ??= this.#open());
    try {
      await connection.ready;
    } catch (error) {
      if (this.#connection === connection) this.#connection = undefined;
      connection.close();
      throw error;
    }
    return connection;
  }

  #drop(channel: string, entry: Channel, listener: (message: string) => void): void {
    if (!entry.listeners.delete(listener) || entry.listeners.size > 0 || this.#channels.get(channel) !== entry) return;
    this.#channels.delete(channel);
    const left = entry.subscribed
      .then(() => this.#connection?.unsubscribe(channel))
      .catch(() => undefined)
      .then(() => {
        if (this.#leaving.get(channel) === left) this.#leaving.delete(channel);
      });
    this.#leaving.set(channel, left);
  }
}

/** What a listener throws must not reach the client's own parser. */
function tell(listener: (message: string) => void, message: string): void {
  try {
    listener(message);
  } catch {
    // the listener's own affair
  }
}
