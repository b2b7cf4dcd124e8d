export { DistributedCacheModule } from './distributed-cache.module.js';
export type { DistributedCacheExtras, DistributedCacheOptionsFactory } from './distributed-cache.module-definition.js';
export type { DistributedCacheOptions } from './distributed-cache.options.js';
export { DistributedCacheService, type CacheAnswer, type CacheKey } from './distributed-cache.service.js';
export type { BreakerOptions } from './options/breaker-options.js';
export type { CurrentVersion } from './options/current-version.js';
export type { CachePolicy, ValueFunction } from './options/cache-policy.js';
export type { OutboxOptions } from './options/outbox-options.js';
export type {
  DependenceOptions,
  EntityClass,
  EntityOption,
  GivenVersion,
  InvalidateOptions,
  ListOptions,
  LoadOptions,
  RowList,
  SetOptions,
  TransactionView,
  VersionOptions,
} from './options/call-options.js';

export { LockedCacheable, type LockedCacheableOptions } from './cacheable/locked-cacheable.decorator.js';
export { LockedCacheableInterceptor } from './cacheable/locked-cacheable.interceptor.js';
export type { CacheableRequest, RequestTypes, RouteLoadContext } from './cacheable/cacheable-request.js';

export {
  CacheObserver,
  type CacheEvent,
  type LoadedUnder,
  type NotStoredReason,
  type RenewalRefusal,
  type StoreStep,
  type UnaskedReason,
  type UnlockedReason,
} from './core/cache-event.js';
export type { BreakerState } from './core/circuit-breaker.js';
export { encodeKey } from './core/cache-key.js';
export { Clock, systemClock } from './core/clock.js';
export { EntryCodec } from './core/entry-codec.js';
export type {
  EagerRefreshPolicy,
  LoadLimitPolicy,
  LockUnavailablePolicy,
  SharePolicy,
  UnavailablePolicy,
  WaitTimeoutPolicy,
} from './core/load-policy.js';
export type { LoadContext, Loader, Outcome } from './core/load-request.js';
export {
  LockProvider,
  type AcquireOptions,
  type BusyLock,
  type HeldLock,
  type LockState,
  type WaitOptions,
  type WakeReason,
} from './core/lock-provider.js';
export type { LockProviderFactory, ProviderContext, VersionedStoreFactory } from './core/provider-factory.js';
export {
  CacheTracer,
  type CacheTelemetry,
  type CacheTelemetryFactory,
  type StepFacts,
  type TracedStep,
} from './core/telemetry.js';
export type { UnsentCount } from './core/unsent-changes.js';
export { compareVersions, MAX_VERSION_ORDER, type Version } from './core/version.js';
export {
  VersionedStore,
  type BeginOptions,
  type BeginOutcome,
  type ChangeKind,
  type Fill,
  type FillOutcome,
  type Invalidation,
  type KeyListener,
  type KeyState,
  type Lifetime,
  type LoadMark,
  type StoredValue,
  type SupersededReason,
  type TagOutcome,
  type TagRegistration,
  type WriterSet,
} from './core/versioned-store.js';

export {
  CacheClosedError,
  CorruptEntryError,
  DistributedCacheError,
  InvalidKeyError,
  InvalidOptionsError,
  isDistributedCacheError,
  LoadLimitError,
  LoadTimeoutError,
  LoadUnwatchedError,
  LockAuthError,
  LockLostError,
  LockUnavailableError,
  OtherShapeError,
  ReentrantLoadError,
  SharedLoadError,
  StoreUnavailableError,
  UnavailableError,
  UnserializableValueError,
  WaitTimeoutError,
  type ErrorDescription,
  type UnavailableErrorOptions,
} from './core/errors.js';

export type { ListInvalidation } from './codec/entity-tags.js';
export type {
  TypeOrmColumn,
  TypeOrmDataSource,
  TypeOrmDriver,
  TypeOrmEmbedded,
  TypeOrmEntityMetadata,
  TypeOrmForeignKey,
  TypeOrmForeignKeyColumn,
  TypeOrmIdColumn,
  TypeOrmJunctionColumn,
  TypeOrmRelation,
  TypeOrmRelationProperty,
} from './codec/typeorm-types.js';
export { inProcessLock } from './locks/in-process-lock.js';
export { InProcessLockProvider, type InProcessLockProviderOptions } from './locks/in-process-lock-provider.js';
export type { CacheHealth, HealthOptions, LockHealth, StoreHealth } from './observability/cache-health.js';
export { CacheStats, type CacheCounts } from './observability/cache-stats.js';
export { LogObserver, type LogSink } from './observability/log-observer.js';
export {
  cacheManagerStore,
  type CacheManagerStoreFactory,
  type CacheManagerStoreOptions,
} from './stores/cache-manager-store.js';
export { InProcessVersionedStore, type InProcessStoreOptions } from './stores/in-process-versioned-store.js';
export { memoryStore, type MemoryStoreOptions } from './stores/memory-store.js';
export { BrokenStoreError } from './stores/store-self-test.js';
