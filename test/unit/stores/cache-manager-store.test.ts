import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import { describe, expect, it } from 'vitest';
import { InvalidOptionsError } from '../../../lib/core/errors.js';
import type { ProviderContext } from '../../../lib/core/provider-factory.js';
import { cacheManagerStore, isCacheManagerStoreFactory } from '../../../lib/stores/cache-manager-store.js';
import { memoryStore } from '../../../lib/stores/memory-store.js';
import { systemClock } from '../../../lib/core/clock.js';

const context: ProviderContext = {
  namespace: 'test',
  clock: systemClock,
  storeTimeoutMs: 1_000,
  lockTimeoutMs: 1_000,
  report: () => undefined,
};

/** A Keyv adapter over a table, as far as Keyv is concerned. */
class TableAdapter {
  readonly rows = new Map<string, unknown>();
  readonly opts = {};
  fails = false;
  on(): this {
    return this;
  }
  get(key: string): Promise<unknown> {
    return this.fails ? Promise.reject(new Error('no table')) : Promise.resolve(this.rows.get(key));
  }
  set(key: string, value: unknown): Promise<void> {
    if (this.fails) return Promise.reject(new Error('no table'));
    this.rows.set(key, value);
    return Promise.resolve();
  }
  delete(key: string): Promise<boolean> {
    return Promise.resolve(this.rows.delete(key));
  }
  clear(): Promise<void> {
    this.rows.clear();
    return Promise.resolve();
  }
}

const tableCache = (adapter = new TableAdapter()): unknown =>
  createCache({ stores: [new Keyv({ store: adapter as never })] });

describe('cacheManagerStore', () => {
  it('waits for a cache, and says so when it gets none', () => {
    const factory = cacheManagerStore();
    expect([
      factory.needsCache,
      isCacheManagerStoreFactory(factory),
      isCacheManagerStoreFactory(memoryStore()),
    ]).toEqual([true, true, false]);
    expect(() => factory.createVersionedStore(context)).toThrow(InvalidOptionsError);
    expect(() => factory.createVersionedStore(context)).toThrow(/CacheModule\.register.*redisStore.*memoryStore/);
  });

  it.each([
    ['its default', (): unknown => createCache()],
    ['a Keyv on a Map', (): unknown => createCache({ stores: [new Keyv({ store: new Map() })] })],
  ])('keeps the values of a memory cache (%s) in this process, and says what that means', async (_name, make) => {
    const factory = cacheManagerStore().withCache(make());
    expect(factory.needsCache).toBe(false);
    expect(factory.description).toMatch(
      /memory.*one load, never backwards and changes win hold within each process only/,
    );
    const store = await factory.createVersionedStore(context);
    expect([store.name, store.scope]).toEqual(['memory', 'process']);
    await store.close();
  });

  it('refuses a shared cache without atomic steps, and says why and what to do', () => {
    expect(() => cacheManagerStore().withCache(tableCache())).toThrow(InvalidOptionsError);
    expect(() => cacheManagerStore({ cache: tableCache() })).toThrow(
      /TableAdapter.*atomic.*@keyv\/redis.*acceptNonAtomic/,
    );
  });

  it('takes it when that is accepted by name, and then tells an outage from an empty table', async () => {
    const adapter = new TableAdapter();
    const factory = cacheManagerStore({ acceptNonAtomic: true }).withCache(tableCache(adapter));
    expect(factory.description).toMatch(/TableAdapter, without atomic steps/);
    const store = await factory.createVersionedStore(context);
    const begun = await store.begin('k', { lease: 'l', leaseMs: 60_000 });
    if (begun.kind !== 'lease') throw new Error(begun.kind);
    const { lease, begunAt } = begun;
    await store.fill('k', { lease, begunAt, fillId: 'f', payload: 'x', ttlMs: 60_000, keepStaleMs: 0 });
    expect((await store.read('k')).value?.payload).toBe('x');
    adapter.fails = true;
    await expect(store.read('k')).rejects.toThrow();
    await store.close();
  });

  it('explains a Keyv of another major version, and what is no cache at all', () => {
    const newer = { store: new Map(), sanitize: {}, setStore: () => undefined, get: () => undefined };
    expect(() => cacheManagerStore({ cache: { stores: [newer] } })).toThrow(
      /Keyv of major version 6.*npm install keyv@5/,
    );
    expect(() => cacheManagerStore({ cache: { stores: [new Map()] } })).toThrow(/class Map/);
    expect(() => cacheManagerStore({ cache: new Map() })).toThrow(/cache-manager 7/);
    expect(() => cacheManagerStore({ cache: null })).toThrow(/got null/);
  });

  it.each<[unknown, RegExp]>([
    [null, /got null/],
    [{ ttl: 1 }, /"ttl"/],
    [{ acceptNonAtomic: 'yes' }, /true or false/],
  ])('refuses %j', (options, message) => {
    expect(() => cacheManagerStore(options as never)).toThrow(InvalidOptionsError);
    expect(() => cacheManagerStore(options as never)).toThrow(message);
  });
});
