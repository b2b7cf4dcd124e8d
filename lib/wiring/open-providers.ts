import { withDeadline } from '../core/deadline.js';
import { InvalidOptionsError } from '../core/errors.js';
import type { LockProvider } from '../core/lock-provider.js';
import type { LockProviderFactory, ProviderContext, VersionedStoreFactory } from '../core/provider-factory.js';
import type { VersionedStore } from '../core/versioned-store.js';
import type { ResolvedCacheOptions } from '../distributed-cache.options.js';
import { InProcessLockProvider } from '../locks/in-process-lock-provider.js';

/** A part that was opened or lent, and how the line at start names it. */
export interface Opened<Part> {
  readonly part: Part;
  readonly description: string;
  /** Who opens closes: does nothing to what the application lent. */
  close(): Promise<void>;
}

interface Closable {
  readonly name: string;
  close(): Promise<void>;
}

function lent<Part extends Closable>(part: Part): Opened<Part> {
  return { part, description: part.name, close: () => Promise.resolve() };
}

function owned<Part extends Closable>(part: Part, description: string): Opened<Part> {
  return { part, description, close: () => part.close() };
}

/** How long a factory may take; it must not wait for its server, so this only ends what would hang the start for ever. */
const BUILD_TIMEOUT_MS = 30_000;

/** @throws InvalidOptionsError when no store is given and the application has no cache-manager cache */
export async function openStore(
  { store }: ResolvedCacheOptions,
  context: ProviderContext,
  findApplicationCache: () => unknown,
): Promise<Opened<VersionedStore>> {
  if (store !== undefined && !('createVersionedStore' in store)) return lent<VersionedStore>(store);
  const factory = await withCache(store, findApplicationCache);
  return owned(await built('store', context, async () => factory.createVersionedStore(context)), factory.description);
}

/** A store of one process has nothing to share, so its reloads take the in-process lock, whatever is configured. */
export async function openLock(
  { lock }: ResolvedCacheOptions,
  context: ProviderContext,
  scope: VersionedStore['scope'],
): Promise<Opened<LockProvider>> {
  if (scope === 'process') return owned(new InProcessLockProvider({ clock: context.clock }), 'in-process');
  if (lock !== undefined && !('createLockProvider' in lock)) return lent<LockProvider>(lock);
  const factory = lock ?? (await defaultLock());
  return owned(await built('lock', context, async () => factory.createLockProvider(context)), factory.description);
}

async function defaultLock(): Promise<LockProviderFactory> {
  const { zooKeeperLock } = await import('../locks/zookeeper/zoo-keeper-lock.js');
  return zooKeeperLock({ connectString: '127.0.0.1:2181' });
}

async function withCache(
  store: VersionedStoreFactory | undefined,
  findApplicationCache: () => unknown,
): Promise<VersionedStoreFactory> {
  const { cacheManagerStore, isCacheManagerStoreFactory } = await import('../stores/cache-manager-store.js');
  const factory = store ?? cacheManagerStore();
  if (!isCacheManagerStoreFactory(factory) || !factory.needsCache) return factory;
  const cache = findApplicationCache();
  if (cache === undefined || cache === null) throw noCache();
  return factory.withCache(cache);
}

function noCache(): InvalidOptionsError {
  return new InvalidOptionsError(
    'DistributedCacheModule options: store: expected the cache of @nestjs/cache-manager, since no store is given, but the application has none. ' +
      'Either import CacheModule.register() in a module, or give a store: redisStore({ url }) or memoryStore(). ' +
      '(A cache that is used in a constructor or in a provider factory is asked for too early: use it from onModuleInit on.)',
  );
}

function built<Part>(what: string, { clock }: ProviderContext, build: () => Promise<Part>): Promise<Part> {
  return withDeadline(
    clock,
    build(),
    BUILD_TIMEOUT_MS,
    () =>
      new Error(
        `The ${what} was not built within ${String(BUILD_TIMEOUT_MS)} ms; a factory must not wait for its server.`,
      ),
  );
}
