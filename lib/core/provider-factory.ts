import type { CacheEvent } from './cache-event.js';
import type { Clock } from './clock.js';
import type { LockProvider } from './lock-provider.js';
import type { VersionedStore } from './versioned-store.js';

/** What the module tells a lock provider or a store when it builds one. */
export interface ProviderContext {
  /** Separates this cache from others on the same servers: 1 to 64 of `A-Z a-z 0-9 . _ -`. */
  readonly namespace: string;
  readonly clock: Clock;
  /** Deadline of one command to the store, milliseconds. */
  readonly storeTimeoutMs: number;
  /** Deadline of one operation of the lock service, milliseconds. */
  readonly lockTimeoutMs: number;
  /** Makes an event; never throws. */
  readonly report: (event: CacheEvent) => void;
}

/** A lock provider that is described but not yet built: what `zooKeeperLock()`, `redisLock()` and `inProcessLock()` return. */
export interface LockProviderFactory {
  /** For the line at start: `zookeeper 127.0.0.1:2181`. Never contains credentials. */
  readonly description: string;
  /** Must not wait for the lock service: an application starts while it is down. */
  createLockProvider(context: ProviderContext): LockProvider | Promise<LockProvider>;
}

/** A store that is described but not yet built: what `redisStore()`, `memoryStore()` and `cacheManagerStore()` return. */
export interface VersionedStoreFactory {
  /** For the line at start: `redis 127.0.0.1:6379`. Never contains credentials. */
  readonly description: string;
  /** Must not wait for the server: an application starts while it is down. */
  createVersionedStore(context: ProviderContext): VersionedStore | Promise<VersionedStore>;
}
