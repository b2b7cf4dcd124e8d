import { describeGiven } from '../core/describe-given.js';
import { InvalidOptionsError } from '../core/errors.js';
import type { ProviderContext, VersionedStoreFactory } from '../core/provider-factory.js';
import type { VersionedStore } from '../core/versioned-store.js';
import { adoptRedisClient } from '../redis-client/adopt-redis-client.js';
import { type CacheBackend, findCacheBackend } from './cache-manager-backend.js';
import { InProcessVersionedStore } from './in-process-versioned-store.js';
import { keyvPort } from './keyv-port.js';
import { NonAtomicVersionedStore } from './non-atomic-versioned-store.js';
import { RedisVersionedStore } from './redis/redis-versioned-store.js';

const MAX_ENTRIES = 10_000;

/** Which cache is taken, and whether it must have atomic steps. */
export interface CacheManagerStoreOptions {
  /** A cache of cache-manager 7. Default: the one that `CacheModule` of `@nestjs/cache-manager` registered. */
  readonly cache?: unknown;
  /**
   * Use a store that has no atomic steps (a Keyv over a table, say). One load, never backwards and changes win then hold within each
   * process only. Default `false`: such a store is refused.
   */
  readonly acceptNonAtomic?: boolean;
}

/** A store factory that can be handed the application's cache. */
export interface CacheManagerStoreFactory extends VersionedStoreFactory {
  /** True while no cache is known: the module then looks for `CACHE_MANAGER` and calls `withCache`. */
  readonly needsCache: boolean;
  /** @throws InvalidOptionsError when this cache cannot be used; the message says why and what to do */
  withCache(cache: unknown): CacheManagerStoreFactory;
}

/**
 * A store over the application's cache-manager cache. Where a Redis is behind it (`@keyv/redis`, or `cache-manager-redis-yet` in
 * cache-manager's `KeyvAdapter`), each step runs as a script on that same connection, which is never closed here. Where only memory is behind it,
 * the steps run in a bounded memory of this process (the least recently used of 10,000 keys goes).
 *
 * @throws InvalidOptionsError for an unknown option, or a cache that cannot be used
 */
export function cacheManagerStore(options: CacheManagerStoreOptions = {}): CacheManagerStoreFactory {
  check(options);
  const { cache, acceptNonAtomic = false } = options;
  const withCache = (found: unknown): CacheManagerStoreFactory => cacheManagerStore({ cache: found, acceptNonAtomic });
  if (cache === undefined) {
    return {
      description: 'the cache-manager cache of the application',
      needsCache: true,
      withCache,
      createVersionedStore: refuseWithoutCache,
    };
  }
  const backend = findCacheBackend(cache);
  if (backend.kind === 'other' && !acceptNonAtomic) throw refusedBackend(backend.name);
  return {
    description: describe(backend),
    needsCache: false,
    withCache,
    createVersionedStore: (context) => createStore(backend, context),
  };
}

/** True for what {@link cacheManagerStore} returns. */
export function isCacheManagerStoreFactory(factory: VersionedStoreFactory): factory is CacheManagerStoreFactory {
  return 'withCache' in factory && typeof factory.withCache === 'function';
}

function createStore(
  backend: CacheBackend,
  { namespace, clock, report, storeTimeoutMs }: ProviderContext,
): VersionedStore {
  switch (backend.kind) {
    case 'redis': {
      const client = adoptRedisClient(backend.client, backend.open ? { open: backend.open } : {});
      return new RedisVersionedStore({ client, namespace, report });
    }
    case 'memory':
      return new InProcessVersionedStore({ clock, maxEntries: MAX_ENTRIES });
    case 'other': {
      const prefix = `${namespace}:cache:1:`;
      return new NonAtomicVersionedStore({
        port: keyvPort(backend.keyv),
        clock,
        timeoutMs: storeTimeoutMs,
        prefix,
        name: backend.name,
      });
    }
  }
}

function describe(backend: CacheBackend): string {
  const perProcess = 'one load, never backwards and changes win hold within each process only';
  switch (backend.kind) {
    case 'redis':
      return 'redis, by the connection of the cache-manager cache';
    case 'memory':
      return `memory, as behind the cache-manager cache (every process has its own: ${perProcess})`;
    case 'other':
      return `${backend.name}, without atomic steps, as behind the cache-manager cache (${perProcess})`;
  }
}

function refusedBackend(name: string): InvalidOptionsError {
  return new InvalidOptionsError(
    `Expected Redis or memory behind the cache-manager cache, got ${name}. It may be shared by many processes but has no atomic step for "store this only if ` +
      'nothing was announced", so an older row could replace a newer one. Put Redis behind the cache (@keyv/redis) or set `store: redisStore({ url })`; or accept ' +
      'the promises within each process only, by `store: cacheManagerStore({ acceptNonAtomic: true })`, or keep the values in memory by `store: memoryStore()`.',
  );
}

function refuseWithoutCache(): never {
  throw new InvalidOptionsError(
    'Expected a cache-manager cache, found none. Register one (`CacheModule.register()` of @nestjs/cache-manager, in a module that can be reached), or set ' +
      '`store: redisStore({ url })` or `store: memoryStore()`.',
  );
}

function check(options: unknown): asserts options is CacheManagerStoreOptions {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidOptionsError(
      `cacheManagerStore() expects an object of options or nothing, got ${describeGiven(options)}.`,
    );
  }
  const unknown = Object.keys(options).find((name) => name !== 'cache' && name !== 'acceptNonAtomic');
  if (unknown !== undefined) {
    throw new InvalidOptionsError(
      `cacheManagerStore() has no option "${unknown}"; it knows cache and acceptNonAtomic. Remove it or correct its name.`,
    );
  }
  const { acceptNonAtomic } = options as CacheManagerStoreOptions;
  if (acceptNonAtomic !== undefined && typeof acceptNonAtomic !== 'boolean') {
    throw new InvalidOptionsError(
      `cacheManagerStore(): acceptNonAtomic must be true or false, got ${describeGiven(acceptNonAtomic)}. Correct it or leave it out.`,
    );
  }
}
