import type { ClassReference } from './codec/class-registry.js';
import type { TypeOrmDataSource } from './codec/typeorm-types.js';
import type { ListInvalidation } from './codec/entity-tags.js';
import type { CacheObserver } from './core/cache-event.js';
import { systemClock, type Clock } from './core/clock.js';
import type { LoadPolicy } from './core/load-policy.js';
import { LockProvider } from './core/lock-provider.js';
import type { LockProviderFactory, VersionedStoreFactory } from './core/provider-factory.js';
import type { CacheTelemetryFactory } from './core/telemetry.js';
import { VersionedStore } from './core/versioned-store.js';
import {
  completePolicy,
  givenPolicy,
  leaseLifeMs,
  MAX_LIFE_MS,
  POLICY_RULES,
  policyConflicts,
  type CachePolicy,
} from './options/cache-policy.js';
import { breakerRule, completeBreaker, type BreakerOptions } from './options/breaker-options.js';
import { listInvalidationRule, type ListOptions } from './options/call-options.js';
import { outboxRule, resolveOutbox, type OutboxOptions, type ResolvedOutbox } from './options/outbox-options.js';
import {
  checkOptions,
  oneOf,
  refuse,
  trueOrFalse,
  wholeNumber,
  type OptionRule,
  type OptionRules,
} from './options/option-rules.js';

/** What `DistributedCacheModule.forRoot()` takes. All of it may be left out. Durations are whole milliseconds. */
export interface DistributedCacheOptions extends CachePolicy, ListOptions {
  /**
   * Separates this application's entries and locks from those of others on the same servers. 1 to 64 of `A-Z a-z 0-9 . _ -`. Instances that
   * share it share the cache. Default `app`, with a warning at start where the store is shared.
   */
  readonly namespace?: string;
  /**
   * Who serializes loads across instances: `zooKeeperLock()`, `redisLock()`, `inProcessLock()`, or your own `LockProvider` (which is used as it is and never
   * closed by us). Default: `zooKeeperLock({ connectString: '127.0.0.1:2181' })`. With a store of one process the in-process lock is taken instead.
   */
  readonly lock?: LockProvider | LockProviderFactory;
  /**
   * Where values lie: `redisStore()`, `memoryStore()`, `cacheManagerStore()`, or your own `VersionedStore` (which is used as it is and never closed by us).
   * Default: the application's `@nestjs/cache-manager` cache; when there is none, the start fails and says so.
   */
  readonly store?: VersionedStore | VersionedStoreFactory;
  /**
   * How long an announced change is remembered in the store, so that nothing older is stored. At least `loadTimeoutMs` + `storeTimeoutMs`, at most ten years.
   * Default 60,000, or as much as the longest load needs.
   */
  readonly floorMs?: number;
  /**
   * The most loads that run at once in this instance; what becomes of others is `onLoadLimit`. A load by a loader, or one that a loader waits for, counts as that loader's. 1 to 1,000,000. Default: no bound.
   */
  readonly maxConcurrentLoads?: number;
  /** The most loads that wait for their turn (`onLoadLimit: 'wait'`); others are shed. 0 to 1,000,000. Default 1,000. */
  readonly maxQueuedLoads?: number;
  /** Deadline of one command to the store. Time in which the event loop stood still does not count. 1 to 60,000. Default 1,000. */
  readonly storeTimeoutMs?: number;
  /** Deadline of one operation of the lock service, counted as that of the store. 1 to 60,000. Default 3,000. */
  readonly lockTimeoutMs?: number;
  /**
   * When the store, or the lock service, is not asked any more because it is away, each for itself. Default `{ failures: 5, probeAfterMs: 500 }`. `false`: they are always asked, and each call pays its deadline.
   */
  readonly breaker?: BreakerOptions | false;
  /**
   * What becomes of cached entities and lists when TypeORM commits a change of them. `'invalidate'` (default): what contains them is invalidated, on every instance, before the write is answered. `'refresh'`: the same, and what
   * `getOrLoad()` loaded in this instance and may still be cached (the latest 1,000 keys) is loaded again at once, in the background and under the lock; its loaders are kept for that. `'ignore'`:
   * nothing; entries do not depend on entities, and the application announces changes itself.
   */
  readonly onChange?: 'invalidate' | 'refresh' | 'ignore';
  /**
   * What becomes of entries when a statement of a query builder, `repository.update()` or `.delete()` changes rows without telling which. `'invalidate'` (default): every entry with rows of that entity is
   * invalidated. `'ignore'`: nothing; the application announces these changes itself.
   */
  readonly bulkChanges?: 'invalidate' | 'ignore';
  /**
   * How long a write waits, after its commit, until its announcement is made; then it goes on, and the announcement is repeated in the background. The connection to the database is held
   * meanwhile. 1 to 60,000. Default 2,000.
   */
  readonly announceTimeoutMs?: number;
  /**
   * Whether what a transaction changes is also written into a table of its database, in the same transaction, so that another instance announces it when this one is killed before it has. Needs the
   * table: `outboxMigration()` of `nestjs-distributed-cache/typeorm`. An object says more. Default false.
   */
  readonly outbox?: boolean | OutboxOptions;
  /**
   * The most entries that one tag leads to. What would be one more is loaded and not stored, with the event `not-stored`. 1 to 1,000,000. Default 10,000. Each costs some
   * hundred bytes in the store, and one command when the tag is announced.
   */
  readonly maxKeysPerTag?: number;
  /**
   * How long loads that are under way when the application has shut down may take to end, before they are ended with `CacheClosedError`. Requests are not meant: Nest answers those first. 0 to 600,000. Default 5,000.
   */
  readonly shutdownTimeoutMs?: number;
  /**
   * False: everything passes through. No server is contacted, every call loads, `get` finds nothing; **and nothing that this instance writes is announced**, nor written into the outbox, so that other instances of the namespace may
   * serve what they have until its ttl is over. Switch it off in all of them, and use another `namespace` when it is switched on again. A process that only writes stays enabled. Default true.
   */
  readonly enabled?: boolean;
  /** Whether answers of decorated routes carry `X-Cache: HIT | MISS | WAITED | STALE | BYPASS`. Default true. */
  readonly xCacheHeader?: boolean;
  /**
   * Classes beside entities whose instances are cached and must come back as instances. Their names are stored: no two may be the same. Rebuilt are an instance's own properties, without its constructor: a built-in type
   * or a class with `#private` members is refused. Default none.
   */
  readonly classes?: readonly ClassReference[];
  /** TypeORM data sources whose entities are cached. Default: all that `@nestjs/typeorm` has registered. */
  readonly dataSources?: readonly TypeOrmDataSource[];
  /** Listeners to everything that happens. What they throw is caught. Default none. */
  readonly observers?: readonly CacheObserver[];
  /** Metrics and spans: `openTelemetry()` from `nestjs-distributed-cache/opentelemetry`, or your own. Default none. */
  readonly telemetry?: CacheTelemetryFactory;
  /** Whether degradations are written to Nest's logger, one line for each change. Default true. */
  readonly log?: boolean;
  /** Time and chance, for tests. Default: the machine's. */
  readonly clock?: Clock;
}

/** Every choice made. */
export interface ResolvedCacheOptions {
  readonly namespace: string;
  readonly namespaceGiven: boolean;
  readonly lock: LockProvider | LockProviderFactory | undefined;
  readonly store: VersionedStore | VersionedStoreFactory | undefined;
  readonly floorMs: number;
  /** `Infinity`: no bound. */
  readonly maxConcurrentLoads: number;
  readonly maxQueuedLoads: number;
  readonly storeTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly breaker: Required<BreakerOptions> | false;
  readonly maxKeysPerTag: number;
  readonly onChange: 'invalidate' | 'refresh' | 'ignore';
  readonly bulkChanges: 'invalidate' | 'ignore';
  readonly announceTimeoutMs: number;
  /** Undefined: there is none. */
  readonly outbox: ResolvedOutbox | undefined;
  readonly shutdownTimeoutMs: number;
  readonly listInvalidation: ListInvalidation;
  readonly enabled: boolean;
  readonly xCacheHeader: boolean;
  readonly classes: readonly ClassReference[];
  readonly dataSources: readonly TypeOrmDataSource[] | undefined;
  readonly observers: readonly CacheObserver[];
  readonly telemetry: CacheTelemetryFactory | undefined;
  readonly log: boolean;
  readonly clock: Clock;
  /** For all keys, complete. */
  readonly policy: LoadPolicy;
  /** What of it was given: a call that changes `loadTimeoutMs` changes the default of `waitMs` with it. */
  readonly givenPolicy: CachePolicy;
}

const listOf = (what: string, cure: string, accepts: (item: unknown) => boolean): OptionRule => ({
  expected: `an array of ${what}`,
  cure,
  accepts: (value) => Array.isArray(value) && value.every(accepts),
});

const hasMethods = (value: unknown, ...names: readonly string[]): boolean =>
  typeof value === 'object' &&
  value !== null &&
  names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');

const RULES: OptionRules = {
  namespace: {
    expected: '1 to 64 of A-Z a-z 0-9 . _ -',
    cure: "Name your application: namespace: 'shop'.",
    accepts: (value) => typeof value === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(value),
  },
  lock: {
    expected: 'zooKeeperLock(…), redisLock(…), inProcessLock() or a LockProvider',
    cure: "Call one of these functions, for example lock: zooKeeperLock({ connectString: '127.0.0.1:2181' }).",
    accepts: (value) =>
      hasMethods(value, 'createLockProvider') ||
      value instanceof LockProvider ||
      hasMethods(value, 'tryAcquire', 'close'),
    secret: true,
  },
  store: {
    expected: 'redisStore(…), memoryStore(…), cacheManagerStore(…) or a VersionedStore',
    cure: "Call one of these functions, for example store: redisStore({ url: 'redis://127.0.0.1:6379' }).",
    accepts: (value) =>
      hasMethods(value, 'createVersionedStore') ||
      value instanceof VersionedStore ||
      hasMethods(
        value,
        ...['read', 'begin', 'fill', 'mark', 'invalidate', 'set', 'register', 'announce', 'clear', 'close'],
      ),
    secret: true,
  },
  ...POLICY_RULES,
  floorMs: wholeNumber('milliseconds', 1, MAX_LIFE_MS),
  maxConcurrentLoads: wholeNumber('loads', 1, 1_000_000),
  maxQueuedLoads: wholeNumber('loads', 0, 1_000_000),
  storeTimeoutMs: wholeNumber('milliseconds', 1, 60_000),
  lockTimeoutMs: wholeNumber('milliseconds', 1, 60_000),
  breaker: breakerRule,
  onChange: oneOf('invalidate', 'refresh', 'ignore'),
  bulkChanges: oneOf('invalidate', 'ignore'),
  announceTimeoutMs: wholeNumber('milliseconds', 1, 60_000),
  outbox: outboxRule,
  shutdownTimeoutMs: wholeNumber('milliseconds', 0, 600_000),
  listInvalidation: listInvalidationRule,
  maxKeysPerTag: wholeNumber('keys', 1, 1_000_000),
  enabled: trueOrFalse,
  xCacheHeader: trueOrFalse,
  classes: listOf(
    'classes',
    'Pass the classes themselves: classes: [Money].',
    (item) => typeof item === 'function' && typeof item.prototype === 'object',
  ),
  dataSources: listOf(
    'TypeORM data sources',
    'Pass DataSource instances, or leave it out to have those of @nestjs/typeorm.',
    (item) => typeof item === 'object' && item !== null && 'entityMetadatas' in item,
  ),
  observers: listOf(
    'observers, objects with a method observe(event)',
    'Wrap a function: { observe: (event) => … }.',
    (item) => hasMethods(item, 'observe'),
  ),
  telemetry: {
    expected: 'openTelemetry(…) or an object with a method createTelemetry(context)',
    cure: 'Call it: telemetry: openTelemetry().',
    accepts: (value) => hasMethods(value, 'createTelemetry'),
  },
  log: trueOrFalse,
  clock: {
    expected: 'a Clock',
    cure: 'Leave it out; it is meant for tests.',
    accepts: (value) => hasMethods(value, 'elapsedMs', 'after', 'random', 'uniqueId'),
  },
} satisfies Record<keyof DistributedCacheOptions, OptionRule>;

const MISPLACED = {
  isGlobal: 'With forRootAsync() it stands beside useFactory, not in what the factory returns.',
  connectString: "It belongs to the lock: lock: zooKeeperLock({ connectString: '127.0.0.1:2181' }).",
  sessionTimeoutMs: 'It belongs to the lock: lock: zooKeeperLock({ sessionTimeoutMs: 10_000, … }).',
  url: "It belongs to the store or the lock: store: redisStore({ url: 'redis://127.0.0.1:6379' }).",
  client: 'It belongs to the store: store: redisStore({ client }).',
};

const WHERE = 'DistributedCacheModule options';

const OUTBOX_UNHEARD =
  "outbox: expected onChange 'invalidate' or 'refresh' beside it, got 'ignore': changes are not heard, so nothing would be written. Leave one of them out.";

/**
 * Makes the options final: defaults, bounds, and what must hold between them. Pure.
 *
 * @throws InvalidOptionsError naming every mistake: what was expected, what was given, what to do
 */
export function resolveOptions(options: DistributedCacheOptions = {}): ResolvedCacheOptions {
  checkOptions(WHERE, options, RULES, MISPLACED);
  const given = givenPolicy(options);
  const policy = completePolicy(given);
  const storeTimeoutMs = options.storeTimeoutMs ?? 1_000;
  const floorMs = options.floorMs ?? Math.max(60_000, leaseLifeMs(policy.loadTimeoutMs, storeTimeoutMs));
  const outbox = resolveOutbox(options.outbox, WHERE);
  refuse(WHERE, [
    ...policyConflicts(policy, { floorMs, storeTimeoutMs }),
    ...(outbox !== undefined && options.onChange === 'ignore' ? [OUTBOX_UNHEARD] : []),
  ]);
  return {
    namespace: options.namespace ?? 'app',
    namespaceGiven: options.namespace !== undefined,
    lock: options.lock,
    store: options.store,
    floorMs,
    maxConcurrentLoads: options.maxConcurrentLoads ?? Infinity,
    maxQueuedLoads: options.maxQueuedLoads ?? 1_000,
    storeTimeoutMs,
    lockTimeoutMs: options.lockTimeoutMs ?? 3_000,
    breaker: completeBreaker(options.breaker),
    maxKeysPerTag: options.maxKeysPerTag ?? 10_000,
    onChange: options.onChange ?? 'invalidate',
    bulkChanges: options.bulkChanges ?? 'invalidate',
    announceTimeoutMs: options.announceTimeoutMs ?? 2_000,
    outbox,
    shutdownTimeoutMs: options.shutdownTimeoutMs ?? 5_000,
    listInvalidation: options.listInvalidation ?? 'any-change',
    enabled: options.enabled ?? true,
    xCacheHeader: options.xCacheHeader ?? true,
    classes: options.classes ?? [],
    dataSources: options.dataSources,
    observers: options.observers ?? [],
    telemetry: options.telemetry,
    log: options.log ?? true,
    clock: options.clock ?? systemClock,
    policy,
    givenPolicy: given,
  };
}

/** What of the module's options a single call's policy is checked against. */
export type PolicyDefaults = Pick<ResolvedCacheOptions, 'policy' | 'givenPolicy' | 'floorMs' | 'storeTimeoutMs'>;

/**
 * The policy of one route or call: the module's, changed by what is given. Names must have been checked by the caller, who knows which
 * others may stand beside them.
 *
 * @param where begins each message: `@LockedCacheable() on ProductsController.findOne`
 * @throws InvalidOptionsError
 */
export function resolvePolicy(defaults: PolicyDefaults, perCall: CachePolicy, where: string): LoadPolicy {
  const given = givenPolicy(perCall);
  if (Object.keys(given).length === 0) return defaults.policy;
  checkOptions(where, given, POLICY_RULES);
  const policy = completePolicy({ ...defaults.givenPolicy, ...given });
  refuse(where, policyConflicts(policy, defaults));
  return policy;
}
