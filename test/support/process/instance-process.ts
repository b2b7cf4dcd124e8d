import type { Outcome } from '../../../lib/core/load-request.js';
import { DrivenProcess } from './driven-process.js';

export interface InstanceSettings {
  readonly namespace: string;
  readonly redisUrl: string;
  readonly zooKeeperConnect: string;
  readonly postgresUrl: string;
  readonly sessionTimeoutMs: number;
  /** A sample of the documentation that makes the client for store and lock, and its package; left out: a URL. */
  readonly redisSample?: { readonly source: string; readonly package: 'redis' | 'ioredis' };
  /** Default: ZooKeeper. */
  readonly lock?: 'redis';
  /** More options of `zooKeeperLock()`: plain JSON. */
  readonly zooKeeper?: Readonly<Record<string, unknown>>;
  /** More options of the module: plain JSON. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** How the loader of a call behaves; see the fixture. */
export interface LoaderPlan {
  readonly queryMs?: number;
  /** The number of an advisory lock; while the test holds it the loader does not finish. */
  readonly gate?: number;
  /** It reads these rows instead of the one that the key names, and returns a list of them. */
  readonly list?: readonly string[];
}

export interface Row {
  readonly value: string;
  readonly version: string;
}

export interface LoadAnswer {
  readonly value: Row | null;
  readonly outcome: Outcome;
}

/** Deadlines that a loaded machine does not meet by accident: what happens when they are met is other tests' subject. */
export const PATIENT = { storeTimeoutMs: 30_000, lockTimeoutMs: 30_000, loadTimeoutMs: 90_000, floorMs: 120_000 };

/** The shortest session from which no client is cut off where the machine stands still for 3 s: that happens after two thirds of it, and a client sends something in each third. */
export const SHORT_SESSION_MS = 10_000;

/** What tells that a part was away, and that one load a key was therefore not promised. */
export const DEGRADED = ['lock-unavailable', 'lock-lost', 'store-unavailable', 'wait-timeout'];

/** One instance of an application in an operating-system process of its own. */
export class InstanceProcess extends DrivenProcess<InstanceSettings> {
  constructor() {
    super('./instance.mjs');
  }

  load(
    key: string,
    more: { callers?: number; loader?: LoaderPlan; policy?: Record<string, unknown> } = {},
  ): Promise<LoadAnswer[]> {
    return this.ask('load', { key, ...more });
  }

  get(key: string): Promise<Row | null> {
    return this.ask('get', { key });
  }

  invalidate(key: string, version?: number): Promise<void> {
    return this.ask('invalidate', { key, version });
  }

  /** A list of rows, with the tags of each. */
  async loadList(key: string, list: readonly string[], policy: Record<string, unknown> = {}): Promise<Row[]> {
    const [answer] = await this.load(key, { loader: { list }, policy: { tags: list, ...policy } });
    return answer?.value as unknown as Row[];
  }

  invalidateTags(tags: readonly string[]): Promise<void> {
    return this.ask('invalidateTags', { tags });
  }

  /**
   * Its next step of the store stops there: `before register tag:42`, or with its reply `after register tag:42`. Resolves with what waits until it has come there, and what lets it go on.
   */
  async stop(at: string): Promise<{ readonly arrived: () => Promise<void>; readonly goOn: () => Promise<void> }> {
    await this.ask('stop', { at });
    return { arrived: () => this.until(at), goOn: () => this.ask('goOn', { at }) };
  }

  /** The events since the last time they were taken. */
  events(): Promise<{ type: string; key?: string; reason?: string; under?: string; because?: string }[]> {
    return this.ask('events', {});
  }
}
