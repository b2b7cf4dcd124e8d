import type { Clock } from '../core/clock.js';
import { Deadline } from '../core/deadline.js';
import type { ErrorEmitter } from './connection-watch.js';
import type { RedisClient, RedisScript, Unsubscribe } from './redis-client.js';

/**
 * A connection of our own while it is being opened. Commands are not queued by the client, so those of the first moments would fail although nothing is wrong with the
 * server: an application's first requests would find no cache. They wait until the first attempt to connect has ended, well or not; deadlines are the caller's. Later nothing waits.
 *
 * That an attempt took too long is decided here, and not by the client:
 *   1. a connection is opened; 2. the application starts, and the event loop stands still for longer than the client's timeout, while the server takes the connection; 3. the client says that it
 *   took too long, and opens another, which stands a moment later.
 */
export class StartingRedisClient implements RedisClient {
  readonly #client: RedisClient;
  #firstAttempt: Promise<void> | undefined;
  #started: () => void = () => undefined;

  /** @param connectTimeoutMs that of the client, whose own word on it is not heard */
  constructor(client: RedisClient, connection: ErrorEmitter, clock: Clock, connectTimeoutMs: number) {
    this.#client = client;
    this.#firstAttempt = new Promise((resolve) => {
      const failed = (error: unknown): void => {
        if (!isConnectTimeout(error)) this.#started();
      };
      this.#started = () => {
        this.#firstAttempt = undefined;
        deadline.end();
        connection.removeListener('ready', this.#started);
        connection.removeListener('error', failed);
        resolve();
      };
      const deadline = new Deadline(clock, connectTimeoutMs, this.#started);
      connection.on('ready', this.#started);
      connection.on('error', failed);
    });
  }

  get description(): string {
    return this.#client.description;
  }

  get manyClocks(): boolean {
    return this.#client.manyClocks === true;
  }

  get connectionError(): Error | undefined {
    return this.#client.connectionError;
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

/** The first is node-redis's, which has no code; the second ioredis's. */
function isConnectTimeout(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.constructor.name === 'ConnectionTimeoutError' || (error as { code?: unknown }).code === 'ETIMEDOUT';
}
