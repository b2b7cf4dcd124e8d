import { onTrouble } from './cluster-topology.js';
import { deleteByPrefix, type Primary } from './delete-by-prefix.js';
import { connectionWatch, type ConnectionWatch, type ErrorEmitter } from './connection-watch.js';
import { reconnectDelayMs } from './reconnect-delay.js';
import type { RedisClient, RedisScript, Unsubscribe } from './redis-client.js';
import { runByHash } from './redis-script.js';
import { type PubSubConnection, Subscriptions } from './subscriptions.js';

/** What we call on a client of ioredis 5 and 6. */
export interface IoredisSlice extends ErrorEmitter {
  readonly status: string;
  readonly isCluster?: boolean;
  readonly options?: { readonly keyPrefix?: string | null };
  eval(source: string, keyCount: number, ...keysAndArgs: string[]): Promise<unknown>;
  evalsha(sha1: string, keyCount: number, ...keysAndArgs: string[]): Promise<unknown>;
  call(command: string, ...args: string[]): Promise<unknown>;
  unlink(...keys: string[]): Promise<unknown>;
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  on: ErrorEmitter['on'] & ((event: 'message', listener: (channel: string, message: string) => void) => unknown);
  disconnect(): void;
  duplicate(...overrides: unknown[]): IoredisSlice;
}

interface ClusterSlice extends IoredisSlice {
  readonly options?: {
    readonly keyPrefix?: string | null;
    readonly redisOptions?: { readonly keyPrefix?: string | null };
  };
  nodes(role: 'master'): IoredisSlice[];
  /** Asks one node after the other who serves which slots; once at a time. */
  refreshSlotsCache?(): unknown;
}

export interface IoredisOptions {
  /** True when the connection was opened here, and is closed here. */
  readonly owned: boolean;
  readonly description?: string;
}

/** True for a client or a cluster of ioredis 5 and 6 (a client that speaks to Sentinels looks like any other). */
export function isIoredis(client: object): client is IoredisSlice {
  const slice = client as Partial<IoredisSlice>;
  return typeof slice.evalsha === 'function' && typeof slice.call === 'function' && typeof slice.status === 'string';
}

/** ioredis 5 and 6: single, Sentinel and cluster. */
export class IoredisClient implements RedisClient {
  readonly description: string;
  readonly #client: IoredisSlice;
  readonly #options: IoredisOptions;
  readonly #connection: ConnectionWatch;
  readonly #detach: () => void;
  readonly #subscriptions: Subscriptions;

  constructor(client: IoredisSlice, options: IoredisOptions) {
    this.#client = client;
    this.#options = options;
    this.description = options.description ?? (client.isCluster ? 'ioredis cluster' : 'ioredis');
    this.#connection = connectionWatch(client);
    this.#detach = this.#connection.attach();
    this.#subscriptions = new Subscriptions(() => duplicated(client));
  }

  get manyClocks(): boolean {
    return this.#client.isCluster === true;
  }

  get connectionError(): Error | undefined {
    return this.#connection.error;
  }

  run(script: RedisScript, key: string, args: readonly string[]): Promise<unknown> {
    const sent = runByHash(
      script,
      (sha1) => this.#client.evalsha(sha1, 1, key, ...args),
      (source) => this.#client.eval(source, 1, key, ...args),
      this.#explain,
    );
    return this.#client.isCluster === true ? onTrouble(sent, () => this.#refreshSlots()) : sent;
  }

  /**
   * A cluster of ioredis asks who serves which slots when a node answers MOVED or CLUSTERDOWN or closes its connection; but 1. a master is frozen; 2. its replica takes over, while nobody
   * sends anything; 3. commands go to the frozen master, which says nothing at all, for ever.
   */
  #refreshSlots(): void {
    if (this.#client.status === 'ready') (this.#client as ClusterSlice).refreshSlotsCache?.();
  }

  subscribe(channel: string, onMessage: (message: string) => void): Promise<Unsubscribe> {
    return this.#subscriptions.subscribe(channel, onMessage);
  }

  async deleteByPrefix(prefix: string): Promise<void> {
    const keyPrefix = keyPrefixOf(this.#client);
    try {
      for (const primary of this.#primaries(keyPrefix)) await deleteByPrefix(primary, keyPrefix + prefix);
    } catch (error) {
      throw this.#explain(error);
    }
  }

  readonly #explain = (error: unknown): Error => this.#connection.explain(error);

  close(): Promise<void> {
    this.#subscriptions.close();
    if (this.#options.owned) this.#client.disconnect();
    else this.#detach();
    return Promise.resolve();
  }

  /** ioredis puts its `keyPrefix` before every key it sends, but not before the pattern of a SCAN, and not before what a SCAN finds. */
  #primaries(keyPrefix: string): Primary[] {
    const bare = (key: string): string => key.slice(keyPrefix.length);
    const send = (node: IoredisSlice) => (args: readonly string[]) => node.call(args[0] ?? '', ...args.slice(1));
    if (!this.#client.isCluster) {
      return [{ send: send(this.#client), unlink: (keys) => this.#client.unlink(...keys.map(bare)) }];
    }
    return (this.#client as ClusterSlice).nodes('master').map((node) => ({
      send: send(node),
      // keys of one primary lie in many slots: each by itself, through the cluster client, which follows a slot that moves
      unlink: (keys) => Promise.all(keys.map((key) => this.#client.unlink(bare(key)))),
    }));
  }
}

function keyPrefixOf(client: IoredisSlice): string {
  const options = (client as ClusterSlice).options;
  return options?.keyPrefix ?? options?.redisOptions?.keyPrefix ?? '';
}

/** Channels are not keys: a script names them as they are, so the connection that listens must not prefix them. */
function duplicated(client: IoredisSlice): PubSubConnection {
  const forEver = {
    keyPrefix: '',
    enableOfflineQueue: true,
    maxRetriesPerRequest: null,
    lazyConnect: false,
    autoResubscribe: true,
  };
  const connection = client.isCluster
    ? client.duplicate([], {
        ...forEver,
        redisOptions: { ...(client as ClusterSlice).options?.redisOptions, keyPrefix: '' },
        clusterRetryStrategy: reconnectDelayMs,
      })
    : client.duplicate({ ...forEver, retryStrategy: reconnectDelayMs });
  connectionWatch(connection).attach();
  const channels = new Map<string, (message: string) => void>();
  connection.on('message', (channel, message) => channels.get(channel)?.(message));
  return {
    ready: Promise.resolve(),
    subscribe: (channel, onMessage) => {
      channels.set(channel, onMessage);
      return connection.subscribe(channel);
    },
    unsubscribe: (channel) => {
      channels.delete(channel);
      return connection.unsubscribe(channel);
    },
    close: () => connection.disconnect(),
  };
}
