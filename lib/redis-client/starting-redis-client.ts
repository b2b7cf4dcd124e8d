import type { ErrorEmitter } from './error-guard.js';
import type { RedisClient, RedisScript, Unsubscribe } from './redis-client.js';

/** What a connection that is being opened tells: it stands, or its first attempt has failed. */
export interface Connecting extends ErrorEmitter {
  on(event: 'ready' | 'error', listener: () => void): unknown;
  removeListener(event: 'ready' | 'error', listener: () => void): unknown;
}

/**
 * A connection of our own while it is being opened. Commands are not queued by the client, so those of the first moments would fail although nothing is wrong with the
 * server: an application's first requests would find no cache. They wait until the first attempt to connect has ended, well or not; deadlines are the caller's. Later nothing waits.
 */
export class StartingRedisClient implements RedisClient {
  readonly #client: RedisClient;
  #firstAttempt: Promise<void> | undefined;
  #started: () => void = () => undefined;

  constructor(client: RedisClient, connection: Connecting) {
    this.#client = client;
    this.#firstAttempt = new Promise((resolve) => {
      this.#started = () => {
        this.#firstAttempt = undefined;
        connection.removeListener('ready', this.#started);
        connection.removeListener('error', this.#started);
        resolve();
      };
      connection.on('ready', this.#started);
      connection.on('error', this.#started);
    });
  }

  get description(): string {
    return this.#client.description;
  }

  get manyClocks(): boolean {
    return this.#client.manyClocks === true;
  }

  run(script: RedisScript, key: string, args: readonly string[]): Promise<unknown> {
    const send = (): Promise<unknown> => this.#client.run(script, key, args);
    return this.#firstAttempt === undefined ? send() : this.#firstAttempt.then(send);
  }

  subscribe(channel: string, onMessage: (message: string) => void): Promise<Unsubscribe> {
    return this.#client.subscribe(channel, onMessage);
  }

  async deleteByPrefix(prefix: string): Promise<void> {
    await this.#firstAttempt;
    return this.#client.deleteByPrefix(prefix);
  }

  close(): Promise<void> {
    this.#started();
    return this.#client.close();
  }
}
