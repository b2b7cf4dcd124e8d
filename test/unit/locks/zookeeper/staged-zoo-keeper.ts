import type { CacheEvent } from '../../../../lib/core/cache-event.js';
import type { LockState } from '../../../../lib/core/lock-provider.js';
import { ZkCode } from '../../../../lib/locks/zookeeper/zk-client-port.js';
import type {
  OpenZkClient,
  ZkClientConfig,
  ZkClientPort,
  ZkGetReply,
  ZkNode,
  ZkSessionCredentials,
} from '../../../../lib/locks/zookeeper/zk-client-port.js';
import { resolveZooKeeperLockOptions } from '../../../../lib/locks/zookeeper/zoo-keeper-lock-options.js';
import type { ZooKeeperLockOptions } from '../../../../lib/locks/zookeeper/zoo-keeper-lock-options.js';
import { ZooKeeperLockProvider } from '../../../../lib/locks/zookeeper/zoo-keeper-lock-provider.js';
import { ManualClock } from '../../../../lib/testing/manual-clock.js';

export type Operation = 'create' | 'parent' | 'get' | 'remove' | 'sync' | 'protect';

/** What becomes of one operation. Left out: it is executed, and answered as a server would. */
export interface Fate {
  /** False: it never reaches the server. */
  readonly executed?: boolean;
  /** What the client hears instead of the truth. */
  readonly code?: number;
  /** It is executed, and answered, not before this resolves. */
  readonly after?: Promise<unknown>;
  /** It is executed at once and answered not before this resolves. */
  readonly answeredAfter?: Promise<unknown>;
}

/** One client object, as the test wants it to be. */
export class StagedClient implements ZkClientPort {
  readonly config: ZkClientConfig;
  readonly #servers: StagedZooKeeper;
  isConnected = false;
  isIdle = false;
  abandoned = false;
  closed = false;
  session: ZkSessionCredentials = { sessionId: '0', password: '' };
  sessionTimeoutMs: number;
  readonly #watches = new Set<string>();
  /** What the next request has to wait for. */
  #line: Promise<unknown> | undefined;

  constructor(servers: StagedZooKeeper, config: ZkClientConfig) {
    this.#servers = servers;
    this.config = config;
    this.sessionTimeoutMs = config.sessionTimeoutMs;
  }

  /** The servers accept it, with its own session, the one it was to continue, or a new one. */
  connect({ newSession = false } = {}): void {
    const known = this.session.sessionId === '0' ? this.config.resume : this.session;
    this.session = newSession || !known ? { sessionId: this.#servers.newSession(), password: 'secret' } : known;
    this.isConnected = true;
    this.isIdle = false;
    this.config.onConnected();
  }

  disconnect({ idle = false } = {}): void {
    this.isConnected = false;
    this.isIdle = idle;
    this.config.onDisconnected();
  }

  expire(): void {
    this.isConnected = false;
    this.#servers.endSession(this.session.sessionId);
    this.config.onClosed(ZkCode.sessionExpired);
  }

  refuse(): void {
    this.isConnected = false;
    this.config.onClosed(ZkCode.authFailedState);
  }

  nodeGone(path: string): void {
    if (this.#watches.delete(path) && this.isConnected) this.config.onDeleted(path);
  }

  createEphemeral(path: string, data: string): Promise<number> {
    return this.#code('create', path, () => this.#servers.create(path, data, this.session.sessionId));
  }

  createPersistent(path: string): Promise<number> {
    return this.#code('parent', path, () => this.#servers.create(path, '', '0'));
  }

  get(path: string, watch: boolean): Promise<ZkGetReply> {
    return this.#answer<ZkGetReply>(
      'get',
      path,
      (code) => ({ code }),
      () => {
        const node = this.#servers.nodes.get(path);
        if (!node) return { code: ZkCode.noNode };
        if (watch) this.#watches.add(path);
        return { code: ZkCode.ok, node };
      },
    );
  }

  remove(path: string): Promise<number> {
    return this.#code('remove', path, () => this.#servers.remove(path));
  }

  sync(path: string): Promise<number> {
    return this.#code('sync', path, () => ZkCode.ok);
  }

  protect(path: string): Promise<number> {
    return this.#code('protect', path, () => ZkCode.ok);
  }

  abandon(): boolean {
    if (this.isConnected) return false;
    this.abandoned = true;
    return true;
  }

  close(): Promise<void> {
    this.closed = true;
    if (this.isConnected) this.#servers.endSession(this.session.sessionId);
    this.isConnected = false;
    return Promise.resolve();
  }

  #code(operation: Operation, path: string, execute: () => number): Promise<number> {
    return this.#answer(operation, path, (code) => code, execute);
  }

  async #answer<Reply>(
    operation: Operation,
    path: string,
    failed: (code: number) => Reply,
    execute: () => Reply,
  ): Promise<Reply> {
    this.#servers.log.push(`${operation} ${path.slice(path.lastIndexOf('/') + 1, path.lastIndexOf('/') + 6)}`);
    this.#servers.operations.push(operation);
    const { executed = true, code, after, answeredAfter } = this.#servers.nextFate(operation);
    const { sessionId } = this.session;
    const before = this.#line;
    if (after || before) {
      // Requests of one connection are executed in their order.
      this.#line = Promise.all([before, after]);
      await this.#line;
    }
    const truth = executed && !this.#servers.isOver(sessionId) ? execute() : undefined;
    if (answeredAfter) await answeredAfter;
    if (code !== undefined) return failed(code);
    return truth ?? failed(ZkCode.connectionLoss);
  }
}

/** Servers in a map, which do what a test has decided. */
export class StagedZooKeeper {
  readonly clients: StagedClient[] = [];
  readonly nodes = new Map<string, ZkNode>();
  readonly log: string[] = [];
  readonly operations: Operation[] = [];
  readonly #fates = new Map<Operation, Fate[]>();
  readonly #over = new Set<string>();
  #zxid = 100n;
  #sessions = 0;

  /** The next operations of that kind fare like this, one after the other. */
  stage(operation: Operation, ...fates: readonly Fate[]): void {
    this.#fates.set(operation, [...(this.#fates.get(operation) ?? []), ...fates]);
  }

  nextFate(operation: Operation): Fate {
    return this.#fates.get(operation)?.shift() ?? {};
  }

  /** Instead of a client. */
  failure: Error | undefined;

  readonly open: OpenZkClient = (config) => {
    if (this.failure) return Promise.reject(this.failure);
    const client = new StagedClient(this, config);
    this.clients.push(client);
    return Promise.resolve(client);
  };

  get client(): StagedClient {
    const client = this.clients.at(-1);
    if (!client) throw new Error('no client has been opened');
    return client;
  }

  newSession(): string {
    return `5e5510${String(++this.#sessions)}`;
  }

  isOver(sessionId: string): boolean {
    return this.#over.has(sessionId);
  }

  endSession(sessionId: string): void {
    this.#over.add(sessionId);
    for (const [path, { owner }] of [...this.nodes]) if (owner === sessionId) this.remove(path);
  }

  create(path: string, data: string, owner: string): number {
    if (this.nodes.has(path)) return ZkCode.nodeExists;
    const parent = path.slice(0, path.lastIndexOf('/'));
    if (parent !== '' && !this.nodes.has(parent)) return ZkCode.noNode;
    this.nodes.set(path, { owner, data, czxid: ++this.#zxid });
    return ZkCode.ok;
  }

  remove(path: string): number {
    if (!this.nodes.delete(path)) return ZkCode.noNode;
    for (const client of this.clients) client.nodeGone(path);
    return ZkCode.ok;
  }

  /** The locks that are there. */
  get locks(): string[] {
    return [...this.nodes].flatMap(([path, { owner }]) => (owner === '0' ? [] : [path]));
  }
}

/** A promise that the test resolves. */
export class Gate {
  open: () => void = () => undefined;
  readonly passed = new Promise<void>((resolve) => {
    this.open = resolve;
  });
}

export interface Stage {
  readonly servers: StagedZooKeeper;
  readonly clock: ManualClock;
  readonly provider: ZooKeeperLockProvider;
  readonly events: CacheEvent[];
  states(): LockState[];
}

export const SESSION_MS = 9_000;

/** A provider that begins to connect, and a clock that stands. */
export async function openStage(
  options: ZooKeeperLockOptions = {},
  hosts: (host: string) => Promise<readonly string[]> = () => Promise.resolve(['10.0.0.1']),
  servers = new StagedZooKeeper(),
): Promise<Stage> {
  const clock = new ManualClock();
  const events: CacheEvent[] = [];
  const provider = new ZooKeeperLockProvider(
    resolveZooKeeperLockOptions({ sessionTimeoutMs: SESSION_MS, ...options }),
    { namespace: 'ns', clock, storeTimeoutMs: 1_000, lockTimeoutMs: 3_000, report: (event) => events.push(event) },
    { openClient: servers.open, resolveHost: hosts },
  );
  await clock.settle();
  const states = (): LockState[] => events.flatMap((event) => (event.type === 'lock-state' ? [event.state] : []));
  return { servers, clock, provider, events, states };
}

/** The same, connected, with the nodes above the locks in place. */
export async function openConnected(options?: ZooKeeperLockOptions): Promise<Stage> {
  const stage = await openStage(options);
  for (const path of ['/nest-cache', '/nest-cache/ns', LOCKS]) stage.servers.create(path, '', '0');
  stage.servers.client.connect();
  await stage.clock.settle();
  return stage;
}

export const LOCKS = '/nest-cache/ns/locks';
