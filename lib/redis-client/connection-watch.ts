import { systemClock } from '../core/clock.js';
import { errorMessage } from '../core/error-text.js';
import { isErrorReply } from './error-reply.js';
import { withoutSecrets } from './secrets.js';

/** Why: an emitter without an `error` listener turns a lost connection into the end of the process. */
export interface ErrorEmitter {
  on(event: 'error' | 'ready', listener: (error?: unknown) => void): unknown;
  removeListener(event: 'error' | 'ready', listener: (error?: unknown) => void): unknown;
}

/** What clients tell of their connection beside events. */
interface Connection extends ErrorEmitter {
  readonly options?: unknown;
  /** A cluster of node-redis. */
  readonly _options?: unknown;
  /** A cluster of ioredis. */
  readonly startupNodes?: unknown;
  /** node-redis, but for clusters, sentinels and pools. */
  readonly isReady?: boolean;
  readonly isOpen?: boolean;
  /** ioredis. */
  readonly status?: unknown;
}

/** A failure of a connection counts for so long unless the client says sooner that it is ready; a client that reconnects tells the next one long before. Milliseconds. */
const FAILURE_LIFE_MS = 60_000;
/** What a client says when a connection ends, whatever the reason; an earlier error of the same connection says more. */
const CLOSURES =
  /^(Socket closed unexpectedly|Connection is closed|Socket already opened|(read|write) (ECONNRESET|EPIPE))/;
const OPENING: ReadonlySet<unknown> = new Set(['connecting', 'connect', 'reconnecting']);

const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /wrong version number|EPROTO|before secure TLS|SSL routines/i,
    'is this a port for TLS? rediss:// is, redis:// is not',
  ],
  [/reply type byte|Unknown RESP type/i, 'what answers there does not speak the protocol of Redis'],
];

/** A command failed because there is no connection. `cause` is why there is none, as the client has told it. */
export class RedisConnectionError extends Error {
  override readonly name = 'RedisConnectionError';
  override readonly cause: Error;

  constructor(cause: Error, command: Error) {
    super(`No connection to Redis: ${cause.message} (${command.message})`);
    this.cause = cause;
  }
}

/**
 * What a client tells of its connection. A command that fails says that the client is offline, or says nothing at all; why the connection does not stand is told in events, one for each attempt.
 *
 * No error of a client leaves this room as it is: ioredis puts the command and its arguments into it, a password or a cached value among them.
 */
export class ConnectionWatch {
  readonly #client: Connection;
  #users = 0;
  #failure: { readonly error: Error; readonly at: number } | undefined;

  constructor(client: Connection) {
    this.#client = client;
  }

  /** Keeps the process alive when this client loses its connection. One listener per client, however many use it; the function that is returned may be called twice. */
  attach(): () => void {
    if (this.#users === 0) {
      this.#client.on('error', this.#onError);
      this.#client.on('ready', this.#onReady);
    }
    this.#users += 1;
    let attached = true;
    return () => {
      if (!attached) return;
      attached = false;
      this.#users -= 1;
      if (this.#users > 0) return;
      this.#client.removeListener('error', this.#onError);
      this.#client.removeListener('ready', this.#onReady);
    };
  }

  /** Why there is no connection now; undefined while there is one, and where the client does not tell. */
  get error(): Error | undefined {
    const { isReady, isOpen, status } = this.#client;
    if (isReady === true || status === 'ready') return undefined;
    if (this.#failure !== undefined && systemClock.elapsedMs() - this.#failure.at < FAILURE_LIFE_MS)
      return this.#failure.error;
    const isOpening = (isOpen === true && isReady === false) || OPENING.has(status);
    return isOpening ? new Error('the connection is being opened, and the server has not answered yet') : undefined;
  }

  /** What a command failed with, with the cause that the client did not put into it, and without secrets. */
  explain(error: unknown): Error {
    const own = this.#plain(error);
    const connection = isErrorReply(own) ? undefined : this.error;
    return connection === undefined ? own : new RedisConnectionError(connection, own);
  }

  readonly #onError = (error: unknown): void => {
    const failure = this.#plain(error);
    if (this.#failure !== undefined && CLOSURES.test(failure.message)) return;
    this.#failure = { error: failure, at: systemClock.elapsedMs() };
  };

  readonly #onReady = (): void => {
    this.#failure = undefined;
  };

  /** A copy of what is good to know. */
  #plain(error: unknown): Error {
    const { name, code, cause, lastNodeError } = (error ?? {}) as Partial<Record<string, unknown>>;
    const told = lastNodeError === undefined ? error : { message: errorMessage(error), cause: cause ?? lastNodeError };
    const { options, _options, startupNodes } = this.#client;
    const message = withoutSecrets(errorMessage(told), [options, _options, startupNodes]);
    const hint = HINTS.find(([pattern]) => pattern.test(message))?.[1];
    const plain = new Error(hint === undefined ? message : `${message} (${hint})`);
    if (typeof name === 'string') plain.name = name;
    return typeof code === 'string' ? Object.assign(plain, { code }) : plain;
  }
}

const watches = new WeakMap<ErrorEmitter, ConnectionWatch>();

/** The watch of this client: one, however many use it. */
export function connectionWatch(client: ErrorEmitter): ConnectionWatch {
  const watch = watches.get(client) ?? new ConnectionWatch(client);
  watches.set(client, watch);
  return watch;
}
