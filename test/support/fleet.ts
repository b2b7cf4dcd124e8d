import { cockatielBreakers } from '../../lib/breakers/cockatiel-breaker.js';
import { ClassRegistry } from '../../lib/codec/class-registry.js';
import { TaggedJsonCodec } from '../../lib/codec/tagged-json-codec.js';
import type { CacheEvent } from '../../lib/core/cache-event.js';
import type { BreakerFactory } from '../../lib/core/circuit-breaker.js';
import type { LoadLimits } from '../../lib/core/load-limit.js';
import type { LoadPolicy } from '../../lib/core/load-policy.js';
import type { Answer, Loader, LoadRequest } from '../../lib/core/load-request.js';
import type { LockProvider } from '../../lib/core/lock-provider.js';
import { ReadThrough } from '../../lib/core/read-through.js';
import type { Version } from '../../lib/core/version.js';
import type { VersionedStore } from '../../lib/core/versioned-store.js';
import type { Clock } from '../../lib/core/clock.js';
import { InProcessLockProvider } from '../../lib/locks/in-process-lock-provider.js';
import { InProcessLockTable } from '../../lib/locks/in-process-lock-table.js';
import { InProcessVersionedStore } from '../../lib/stores/in-process-versioned-store.js';
import { ManualClock } from '../../lib/testing/manual-clock.js';
import { StagedStore } from './staged-store.js';

export const POLICY: LoadPolicy & { readonly ttlMs: number } = {
  ttlMs: 60_000,
  ttlJitter: 0,
  eagerRefresh: 0,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  loadTimeoutMs: 30_000,
  softLoadTimeoutMs: 30_000,
  waitMs: 30_000,
  onWaitTimeout: 'load',
  onLoadLimit: 'wait',
  onLockUnavailable: 'lease',
  onStoreUnavailable: 'load',
  failureBackoffMs: 1_000,
  replicaLagMs: 0,
  maxValueBytes: 8 * 1_024 * 1_024,
  cancelUnwatched: false,
  share: 'copy',
};

/** What one "process" does, and what was heard of it. */
export interface Instance {
  readonly cache: ReadThrough;
  readonly events: CacheEvent[];
  readonly store: StagedStore;
  /** The types of its events so far. */
  flow(): string[];
  load<T>(loader: Loader<T>, policy?: Partial<LoadPolicy>, more?: LoadMore): Promise<Answer<T>>;
}

export interface LoadMore {
  readonly key?: string;
  readonly version?: Version;
  readonly signal?: AbortSignal;
  readonly currentVersion?: LoadRequest<unknown>['currentVersion'];
  readonly tags?: readonly string[] | ((value: unknown) => readonly string[]);
}

export interface InstanceParts {
  readonly store: VersionedStore;
  readonly locks: LockProvider;
  readonly clock: Clock;
  readonly storeTimeoutMs?: number;
  readonly floorMs?: number;
  readonly classes?: ClassRegistry;
  readonly refreshOnChange?: boolean;
  readonly limits?: LoadLimits;
  readonly breaker?: BreakerFactory;
}

/** One "process" over a store and a lock service that others share. */
export function makeInstance(parts: InstanceParts): Instance {
  const { store: shared, locks, clock, storeTimeoutMs = 1_000 } = parts;
  const events: CacheEvent[] = [];
  const store = new StagedStore(shared);
  const cache = new ReadThrough({
    store,
    locks,
    codec: new TaggedJsonCodec(parts.classes ?? new ClassRegistry()),
    clock,
    observer: { observe: (event) => void events.push(event) },
    ...(parts.limits === undefined ? {} : { limits: parts.limits }),
    storeTimeoutMs,
    lockTimeoutMs: 3_000,
    floorMs: parts.floorMs ?? 60_000,
    maxKeysPerTag: 1_000,
    refreshOnChange: parts.refreshOnChange ?? false,
    ...(parts.breaker !== undefined && { breaker: parts.breaker }),
  });
  return {
    cache,
    events,
    store,
    flow: () => events.map((event) => event.type),
    load: (loader, policy = {}, { key = 'k', version, signal, tags, currentVersion } = {}) =>
      cache.getOrLoad({
        key,
        loader,
        policy: { ...POLICY, ...policy },
        repeatable: true,
        ...(version === undefined ? {} : { versionOf: () => version }),
        ...(signal === undefined ? {} : { signal }),
        ...(currentVersion === undefined ? {} : { currentVersion }),
        ...(tags === undefined ? {} : { tagsOf: typeof tags === 'function' ? tags : () => tags }),
      }),
  };
}

/** Several instances of the core over one store and one lock table, on a clock that stands still. */
export class Fleet {
  readonly clock = new ManualClock();
  readonly shared = new InProcessVersionedStore({ clock: this.clock, maxEntries: 10_000 });
  private readonly table = new InProcessLockTable();

  constructor(
    private readonly storeTimeoutMs = 1_000,
    private readonly refreshOnChange = false,
  ) {}

  instance(
    locks: LockProvider = new InProcessLockProvider({ clock: this.clock, table: this.table }),
    classes = new ClassRegistry(),
    limits?: LoadLimits,
  ): Instance {
    return this.instanceWith({ locks, classes, ...(limits && { limits }) });
  }

  /** One whose calls go through circuit breakers, which open after `failures` in a row and probe every 500 ms. */
  instanceBehindBreakers(failures: number, locks?: LockProvider): Instance {
    const breaker = cockatielBreakers(this.clock, { failures, probeAfterMs: 500 });
    return this.instanceWith({ breaker, ...(locks !== undefined && { locks }) });
  }

  private instanceWith(parts: Partial<InstanceParts>): Instance {
    const { clock, refreshOnChange, shared, storeTimeoutMs, table } = this;
    const locks = new InProcessLockProvider({ clock, table });
    return makeInstance({ store: shared, locks, clock, storeTimeoutMs, refreshOnChange, ...parts });
  }
}
