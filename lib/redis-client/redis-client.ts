/** A Lua script, sent by its hash and, once the server has forgotten it (NOSCRIPT), by its text. */
export interface RedisScript {
  readonly source: string;
  /** Hex SHA-1 of `source`. */
  readonly sha1: string;
}

/** Ends a subscription. Resolves when no further message will be delivered; never rejects. */
export type Unsubscribe = () => Promise<void>;

/**
 * The few things we ask of a Redis client, whichever library stands behind it. It sends each command once, to the primary, and rejects
 * when the answer is an error or the connection is lost; deadlines are the caller's. What it rejects with says why there is no connection, and no secret.
 */
export interface RedisClient {
  /** For the line at start and for events: `node-redis`, `ioredis cluster` … */
  readonly description: string;
  /** True when keys lie on several servers, each with a clock of its own. Default false. */
  readonly manyClocks?: boolean;
  /** Why there is no connection now, without secrets; undefined while there is one, and where nothing is known. */
  readonly connectionError?: Error | undefined;
  /** Runs a script that touches one key (so that it runs anywhere in a cluster). */
  run(script: RedisScript, key: string, args: readonly string[]): Promise<unknown>;
  /** Listens on a channel, over a connection of its own that is opened with the first subscription. */
  subscribe(channel: string, onMessage: (message: string) => void): Promise<Unsubscribe>;
  /** Deletes every key that begins with `prefix`, by SCAN and UNLINK, on every primary. */
  deleteByPrefix(prefix: string): Promise<void>;
  /** Closes what was opened here: a connection that the application gave us stays open. Never rejects. */
  close(): Promise<void>;
}
