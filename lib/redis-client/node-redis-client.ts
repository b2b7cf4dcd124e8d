import { ClusterTopology, type ClusterTopologySlice } from './cluster-topology.js';
import { deleteByPrefix, inTime, type Primary } from './delete-by-prefix.js';
import { connectionWatch, type ConnectionWatch, type ErrorEmitter } from './connection-watch.js';
import { closing, destroy, type ConnectingSlice, type DestroyableSlice } from './node-redis-closing.js';
import { reconnectDelayMs } from './reconnect-delay.js';
import type { RedisClient, RedisScript, Unsubscribe } from './redis-client.js';
import { runByHash } from './redis-script.js';
import { type PubSubConnection, Subscriptions } from './subscriptions.js';

interface EvalOptions {
  keys: string[];
  arguments: string[];
}

interface Sender {
  sendCommand(args: string[]): Promise<unknown>;
}

/** What we call on a client of node-redis 4 to 6, whichever of its kinds it is. */
export interface NodeRedisSlice extends ErrorEmitter, DestroyableSlice {
  readonly isOpen?: boolean;
  /** Version 6: put before the keys of every command but those that are sent raw. */
  readonly _keyPrefix?: string | Uint8Array;
  eval(source: string, options: EvalOptions): Promise<unknown>;
  evalSha(sha1: string, options: EvalOptions): Promise<unknown>;
  connect(): Promise<unknown>;
  subscribe?(channel: string, listener: (message: string) => void): Promise<unknown>;
  unsubscribe?(channel: string): Promise<unknown>;
}

interface SingleSlice extends NodeRedisSlice, Sender, ConnectingSlice {
  on: ConnectingSlice['on'];
  readonly options?: { readonly socket?: object };
  duplicate(overrides: object): SingleSlice;
}

interface ClusterSlice extends NodeRedisSlice, ClusterTopologySlice {
  nodeClient(node: unknown): Sender | Promise<Sender>;
}

interface SentinelSlice extends NodeRedisSlice {
  sendCommand(isReadonly: boolean, args: string[]): Promise<unknown>;
}

type Kind = 'single' | 'cluster' | 'sentinel' | 'pool';

export interface NodeRedisOptions {
  /** Given when the connection was opened here: closes it. */
  readonly close?: () => void;
  /** Opens a client that its owner opens on first use only. Called whenever the client is found closed. */
  readonly open?: (() => Promise<unknown>) | undefined;
  readonly description?: string;
}

/** True for a client, cluster, sentinel or pool of node-redis 4 to 6. */
export function isNodeRedis(client: object): client is NodeRedisSlice {
  const slice = client as Partial<NodeRedisSlice>;
  return typeof slice.evalSha === 'function' && typeof slice.eval === 'function' && typeof slice.connect === 'function';
}

/** node-redis 4 to 6: single, cluster, sentinel and pool. */
export class NodeRedisClient implements RedisClient {
  readonly description: string;
  readonly #client: NodeRedisSlice;
  readonly #kind: Kind;
  readonly #options: NodeRedisOptions;
  readonly #connection: ConnectionWatch;
  readonly #detach: () => void;
  readonly #subscriptions: Subscriptions;
  readonly #topology: ClusterTopology | undefined;
  #hasBeenOpen = false;
  #reopened = false;

  constructor(client: NodeRedisSlice, options: NodeRedisOptions) {
    this.#client = client;
    this.#kind = kindOf(client);
    this.#options = options;
    this.description = options.description ?? `node-redis${this.#kind === 'single' ? '' : ` ${this.#kind}`}`;
    this.#topology = this.#kind === 'cluster' ? new ClusterTopology(client as ClusterSlice) : undefined;
    this.#connection = connectionWatch(client);
    this.#detach = this.#connection.attach();
    this.#subscriptions = new Subscriptions(() =>
      this.#kind === 'single' ? duplicated(client as SingleSlice) : ownPubSub(client, this.#kind),
    );
  }

  get manyClocks(): boolean {
    return this.#kind === 'cluster';
  }

  get connectionError(): Error | undefined {
    return this.#connection.error;
  }

  run(script: RedisScript, key: string, args: readonly string[]): Promise<unknown> {
    const opening = this.#opened();
    if (opening === undefined) return this.#send(script, key, args);
    return opening.then(
      () => this.#send(script, key, args),
      (error: unknown) => {
        throw this.#explain(error);
      },
    );
  }

  #send(script: RedisScript, key: string, args: readonly string[]): Promise<unknown> {
    const sent = this.#run(script, key, args);
    return this.#topology === undefined ? sent : this.#topology.watch(key, sent);
  }

  #run(script: RedisScript, key: string, args: readonly string[]): Promise<unknown> {
    if (this.#kind === 'cluster' && !this.#client.destroy)
      return runOnCluster4(this.#client as ClusterSlice, script, key, args, this.#explain);
    const options = { keys: [key], arguments: [...args] };
    return runByHash(
      script,
      (sha1) => this.#client.evalSha(sha1, options),
      (source) => this.#client.eval(source, options),
      this.#explain,
    );
  }

  subscribe(channel: string, onMessage: (message: string) => void): Promise<Unsubscribe> {
    return this.#subscriptions.subscribe(channel, onMessage);
  }

  async deleteByPrefix(prefix: string): Promise<void> {
    const keyPrefix = Buffer.from(this.#client._keyPrefix ?? '').toString();
    try {
      await this.#opened();
      for (const primary of await this.#primaries()) await deleteByPrefix(primary, keyPrefix + prefix);
    } catch (error) {
      throw this.#explain(error);
    }
  }

  readonly #explain = (error: unknown): Error => this.#connection.explain(error);

  close(): Promise<void> {
    this.#subscriptions.close();
    // 1. the owner closes its client as the application shuts down; 2. a request still under way opens it again; 3. nobody else closes it
    if (this.#options.close !== undefined) this.#options.close();
    else if (this.#reopened) destroy(this.#client);
    else this.#detach();
    return Promise.resolve();
  }

  /** Undefined when there is nothing to wait for, as for every command but the first ones. */
  #opened(): Promise<unknown> | undefined {
    const { open } = this.#options;
    if (open === undefined || this.#client.isOpen !== false) {
      this.#hasBeenOpen = true;
      return undefined;
    }
    this.#reopened ||= this.#hasBeenOpen;
    return open();
  }

  async #primaries(): Promise<Primary[]> {
    if (this.#kind === 'cluster') return clusterPrimaries(this.#client as ClusterSlice);
    const send =
      this.#kind === 'sentinel'
        ? (args: readonly string[]) => (this.#client as SentinelSlice).sendCommand(false, [...args])
        : (args: readonly string[]) => (this.#client as SingleSlice).sendCommand([...args]);
    return [{ send, unlink: (keys) => send(['UNLINK', ...keys]) }];
  }
}

function kindOf(client: NodeRedisSlice): Kind {
  if ('nodeClient' in client && 'masters' in client) return 'cluster';
  if ('getSentinelNode' in client) return 'sentinel';
  return 'duplicate' in client && 'subscribe' in client ? 'single' : 'pool';
}

/** Version 4 looks for the key of a script in the wrong argument and sends it to any node; told the key, it sends it where it belongs. */
function runOnCluster4(
  cluster: ClusterSlice,
  script: RedisScript,
  key: string,
  args: readonly string[],
  explain: (error: unknown) => Error,
): Promise<unknown> {
  return runByHash(
    script,
    (sha1) => cluster.sendCommand(key, false, ['EVALSHA', sha1, '1', key, ...args]),
    (source) => cluster.sendCommand(key, false, ['EVAL', source, '1', key, ...args]),
    explain,
  );
}

/** Keys of one primary lie in many slots, so each is deleted by itself, and by way of the cluster client, which follows a slot that moves. */
async function clusterPrimaries(cluster: ClusterSlice): Promise<Primary[]> {
  const nodes = await Promise.all(cluster.masters.map((master) => inTime(Promise.resolve(cluster.nodeClient(master)))));
  return nodes.map((node) => ({
    send: (args) => node.sendCommand([...args]),
    unlink: (keys) => Promise.all(keys.map((key) => cluster.sendCommand(key, false, ['UNLINK', key]))),
  }));
}

function duplicated(client: SingleSlice): PubSubConnection {
  const connection = client.duplicate({
    socket: { ...client.options?.socket, reconnectStrategy: reconnectDelayMs },
    disableOfflineQueue: false,
  });
  connectionWatch(connection).attach();
  const close = closing(connection);
  const ready = connection.connect();
  ready.catch(() => undefined);
  return {
    ready,
    subscribe: async (channel, onMessage) => connection.subscribe?.(channel, onMessage),
    unsubscribe: async (channel) => connection.unsubscribe?.(channel),
    close,
  };
}

/** A cluster and a sentinel client keep a connection of their own for subscriptions and move it when the topology changes. */
function ownPubSub(client: NodeRedisSlice, kind: Kind): PubSubConnection {
  const joined = new Set<string>();
  return {
    ready:
      kind === 'pool'
        ? Promise.reject(new Error('A pool of node-redis cannot subscribe: give a client, not a pool'))
        : Promise.resolve(),
    subscribe: async (channel, onMessage) => {
      joined.add(channel);
      await client.subscribe?.(channel, onMessage);
    },
    unsubscribe: async (channel) => {
      joined.delete(channel);
      await client.unsubscribe?.(channel);
    },
    close: () => {
      for (const channel of joined) client.unsubscribe?.(channel).catch(() => undefined);
    },
  };
}
