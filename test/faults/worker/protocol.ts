import type { CacheEvent } from 'nestjs-distributed-cache';

/** Everything that a worker must know; plain JSON. */
export interface WorkerSettings {
  readonly name: string;
  readonly namespace: string;
  readonly redisUrl: string;
  /** A sample of the documentation that makes the client of node-redis; left out: the URL. */
  readonly redisSample?: string;
  /** Options of `zooKeeperLock()`. */
  readonly zooKeeper: Readonly<Record<string, unknown>>;
  readonly postgresUrl: string;
  readonly canaryEveryMs: number;
  /** It writes rows through TypeORM too, with an outbox. */
  readonly writesRows?: true;
}

/** One load, as its worker tells it. */
export interface LoadRecord {
  readonly worker: string;
  /** The policy under which it was asked for, or `held`. */
  readonly group: string;
  readonly key: string;
  readonly at: number;
}

/** One try of everything: lock, load, fill. */
export interface Canary {
  readonly began: number;
  readonly ended: number;
  readonly healthy: boolean;
}

/** What a worker has counted since it was last asked. */
export interface WorkerReport {
  readonly canaries: readonly Canary[];
  readonly events: Readonly<Record<string, number>>;
  /** The longest time for which its event loop did not turn. */
  readonly lagMs: number;
  readonly slowestLoadMs: number;
  /** The most loads of one key at a time. */
  readonly loadsAtOnce: number;
  readonly unhandled: readonly string[];
  /** Requests that it had begun to answer when their connection ended. */
  readonly cutOff: number;
  /** What keeps its event loop alive now, by kind. */
  readonly resources: Readonly<Record<string, number>>;
}

export interface OddOutcome {
  /** The very value that the loader returned came back. */
  readonly returned: boolean;
  /** The second time it was found in the cache. */
  readonly hit: boolean;
}

/** What a loader should not return, and what should not be a key. */
export const ODD_KINDS = [
  '50 MB',
  'a key of 1 MB',
  'a stream',
  'a function',
  'a circular object',
  'an entity with a lazy relation',
] as const;

export type OddKind = (typeof ODD_KINDS)[number];

/** What a worker is told to do, and what it answers. */
export interface WorkerCommands {
  report(): WorkerReport;
  block(forMs: number): void;
  stepClock(byMs: number): void;
  loadOdd(kind: OddKind): Promise<OddOutcome>;
  writeRow(row: { readonly key: string; readonly stamp: number; readonly transaction: boolean }): Promise<void>;
  /** The stamp that the cache has of it; 0: none. */
  readRow(key: string): Promise<number>;
  /** The stamp that the database has of it; 0: none. */
  storedRow(key: string): Promise<number>;
  /** What is announced from now on is not sent, and not answered. */
  mute(): void;
  /** When it last told of such an event, by the monotonic clock. */
  lastTold(type: CacheEvent['type']): number | null;
  /** Ends what only the tests have begun. */
  quiet(): void;
  /** Resolves with how many listeners of the process are left. */
  close(): Promise<{ readonly listeners: number }>;
}
