import { InvalidOptionsError } from '../core/errors.js';

/** What we use of a Keyv 5: the wrapper that cache-manager 7 puts around every store. */
export interface KeyvSlice {
  readonly opts: object;
  /** The adapter: a Map, a KeyvRedis, a KeyvAdapter … */
  readonly store: unknown;
  readonly namespace?: string | undefined;
  readonly useKeyPrefix?: boolean;
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown, ttlMs?: number): Promise<boolean>;
  delete(key: string): Promise<boolean>;
}

/** What stands behind a cache-manager cache. */
export type CacheBackend =
  | {
      readonly kind: 'redis';
      readonly client: unknown;
      /** For an adapter that connects on first use only. */
      readonly open: (() => Promise<unknown>) | undefined;
    }
  | { readonly kind: 'memory' }
  | { readonly kind: 'other'; readonly keyv: KeyvSlice; readonly name: string };

type Fields = Readonly<Record<string, unknown>>;

/**
 * Looks behind the cache of the application. A Redis wins over the memory in front of it; anything else that other processes may see wins over memory.
 *
 * @throws InvalidOptionsError when it is not a cache of cache-manager 7 on Keyv 5
 */
export function findCacheBackend(cache: unknown): CacheBackend {
  const backends = keyvsOf(cache).map(backendOf);
  return (
    backends.find(({ kind }) => kind === 'redis') ?? backends.find(({ kind }) => kind === 'other') ?? { kind: 'memory' }
  );
}

function keyvsOf(cache: unknown): KeyvSlice[] {
  const stores = fieldsOf(cache)?.['stores'];
  if (!Array.isArray(stores) || stores.length === 0) {
    throw new InvalidOptionsError(
      `Expected a cache of cache-manager 7, whose \`stores\` are Keyvs, got ${describe(cache)}. ` +
        'Upgrade cache-manager to 7, or set `store: redisStore({ url })` or `store: memoryStore()`.',
    );
  }
  return stores.flatMap((store: unknown) => {
    const fields = fieldsOf(store);
    // a Cacheable has a first and a second store
    const inner =
      fields && 'primary' in fields && 'secondary' in fields ? [fields['primary'], fields['secondary']] : [store];
    return inner.filter((keyv) => keyv !== undefined && keyv !== null).map(asKeyv);
  });
}

function asKeyv(candidate: unknown): KeyvSlice {
  const fields = fieldsOf(candidate);
  if (fields && isObject(fields['opts']) && fields['store'] !== undefined && typeof fields['get'] === 'function') {
    return candidate as KeyvSlice;
  }
  const isNewer = fields !== undefined && 'sanitize' in fields && 'setStore' in fields;
  throw new InvalidOptionsError(
    `Expected every store of the cache-manager cache to be a Keyv of major version 5, got ${isNewer ? 'a Keyv of major version 6' : describe(candidate)}. ` +
      (isNewer
        ? 'With it cache-manager 7 loses `wrap()` and `ttl()` without a word. Run `npm install keyv@5`, and let no other version be installed (`npm ls keyv`).'
        : 'Give `stores` of Keyv 5, or set `store: redisStore({ url })` or `store: memoryStore()`.'),
  );
}

function backendOf(keyv: KeyvSlice): CacheBackend {
  const adapter = fieldsOf(keyv.store);
  if (keyv.store instanceof Map || adapter === undefined) return { kind: 'memory' };
  // cache-manager's KeyvAdapter keeps the store of older cache-managers in `_cache`
  const holder = fieldsOf(adapter['_cache']) ?? adapter;
  // `redis`: adapters on ioredis
  const client = [holder['client'], holder['redis']].find(looksLikeRedis);
  if (client !== undefined) return { kind: 'redis', client, open: openerOf(holder) };
  const name = classOf(keyv.store);
  return /^(Keyv)?(CacheableMemory|MemoryAdapter|LRUCache|QuickLRU)$/.test(name)
    ? { kind: 'memory' }
    : { kind: 'other', keyv, name };
}

/** `@keyv/redis` connects with its own first command, and ours may come before that. */
function openerOf(holder: Fields): (() => Promise<unknown>) | undefined {
  const getClient = holder['getClient'];
  if (typeof getClient !== 'function') return undefined;
  return async () => (getClient as () => unknown).call(holder);
}

function looksLikeRedis(client: unknown): boolean {
  const fields = fieldsOf(client);
  return fields !== undefined && [fields['evalSha'], fields['evalsha']].some((method) => typeof method === 'function');
}

function describe(value: unknown): string {
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value;
  return `an object of class ${classOf(value)}`;
}

function classOf(value: unknown): string {
  const name: unknown = (value as { constructor?: { name?: unknown } } | null)?.constructor?.name;
  return typeof name === 'string' && name !== '' ? name : '(none)';
}

function fieldsOf(value: unknown): Fields | undefined {
  return isObject(value) ? (value as Fields) : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
