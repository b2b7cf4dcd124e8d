import {
  DistributedCacheService,
  memoryStore,
  type DistributedCacheOptions,
  type LoadOptions,
} from 'nestjs-distributed-cache';
import { afterEach, describe, expect, it } from 'vitest';
import { startApp, stopApps } from './support/app.js';

class Product {
  id = 1;
  version = 1;
  updatedAt = new Date(1_000);
  name = 'chair';
}

/** As much of a data source as is read. */
const dataSource = {
  entityMetadatas: [
    {
      name: 'Product',
      target: Product,
      versionColumn: { propertyPath: 'version' },
      updateDateColumn: { propertyPath: 'updatedAt' },
      embeddeds: [],
    },
  ],
};

function product(version: number, name: string): Product {
  return Object.assign(new Product(), { version, name });
}

describe('the service', () => {
  afterEach(stopApps);

  const start = async (
    cache: DistributedCacheOptions = {},
  ): Promise<{ cache: DistributedCacheService; lines: string[]; types: () => string[] }> => {
    const { app, lines, events } = await startApp({
      cache: { store: memoryStore(), dataSources: [dataSource], ...cache },
    });
    return { cache: app.get(DistributedCacheService), lines, types: () => events.map(({ type }) => type) };
  };

  it('loads once, then finds, tells how, and gives every caller its own copy', async () => {
    const { cache } = await start();
    const load = (): Promise<{ value: Product; outcome: string }> =>
      cache.getOrLoadWithOutcome(['p', 1], () => new Product(), { entity: Product });
    const [first, second] = [await load(), await load()];
    expect([first.outcome, second.outcome]).toEqual(['MISS', 'HIT']);
    expect(second.value).toBeInstanceOf(Product);
    expect(second.value).toEqual(first.value);
    second.value.name = 'changed';
    expect(await cache.get(['p', 1])).toEqual(new Product());
  });

  it('the stored version is that of the entity', async () => {
    const { app, events } = await startApp({ cache: { dataSources: [dataSource] } });
    await app.get(DistributedCacheService).getOrLoad(['p', 1], () => product(7, 'chair'), { entity: Product });
    expect(events).toContainEqual(expect.objectContaining({ type: 'stored', version: { kind: 'version', order: 7n } }));
  });

  it('after invalidate(version) an older row is not stored', async () => {
    const { cache, types } = await start();
    await cache.invalidate(['p', 1], { version: 5 });
    await cache.getOrLoad(['p', 1], () => product(4, 'old'), { entity: Product });
    expect(await cache.get(['p', 1])).toBeUndefined();
    expect(types()).toContain('version-regressed');
    await cache.getOrLoad(['p', 1], () => product(5, 'new'), { entity: Product });
    expect(await cache.get(['p', 1])).toMatchObject({ name: 'new' });
  });

  describe('set', () => {
    it.each([
      ['an entity', { entity: Product }],
      ['a version', { entity: Product, version: 2n }],
    ])('stores over an older value, by %s', async (_name, options) => {
      const { cache } = await start();
      await cache.getOrLoad(['p', 1], () => product(1, 'old'), { entity: Product });
      expect(await cache.set(['p', 1], product(2, 'new'), options)).toBe('stored');
      expect(await cache.get(['p', 1])).toMatchObject({ name: 'new' });
    });

    it.each([
      ['nothing is there', false, { entity: Product }],
      ['its version is a date', true, { version: new Date(9_999_999) }],
      ['it has no version', true, {}],
    ])('acts as invalidate when %s', async (_name, there, options) => {
      const { cache } = await start();
      if (there) await cache.getOrLoad(['p', 1], () => product(1, 'old'), { entity: Product });
      expect(await cache.set(['p', 1], product(2, 'new'), options)).toBe('invalidated');
      expect(await cache.get(['p', 1])).toBeUndefined();
    });

    it('acts as invalidate where the policy does not want the value', async () => {
      const { cache, types } = await start({ cacheIf: (value) => (value as Product).name !== 'new' });
      await cache.getOrLoad(['p', 1], () => product(1, 'old'), { entity: Product });
      expect(await cache.set(['p', 1], product(2, 'new'), { entity: Product })).toBe('invalidated');
      expect(await cache.get(['p', 1])).toBeUndefined();
      expect(types()).toContain('not-stored');
    });

    it('a date never stores, even over an older one: two updates may share it', async () => {
      const { cache } = await start();
      const dated = (ms: number): Product => Object.assign(new Product(), { version: null, updatedAt: new Date(ms) });
      await cache.getOrLoad(['p', 3], () => dated(1_000), { entity: Product });
      expect(await cache.set(['p', 3], dated(2_000), { entity: Product })).toBe('invalidated');
      expect(await cache.get(['p', 3])).toBeUndefined();
    });

    it('a date announces its version all the same', async () => {
      const { cache } = await start();
      await cache.set(['p', 2], 'x', { version: new Date(5_000) });
      await cache.getOrLoad(
        ['p', 2],
        () => Object.assign(new Product(), { version: null, updatedAt: new Date(4_000) }),
        { entity: Product },
      );
      expect(await cache.get(['p', 2])).toBeUndefined();
    });
  });

  it('clear() removes every entry', async () => {
    const { cache } = await start();
    await cache.getOrLoad(['a'], () => 1);
    await cache.clear();
    expect(await cache.get(['a'])).toBeUndefined();
  });

  it('inside an open transaction the cache is passed by', async () => {
    const { cache } = await start();
    const manager = { queryRunner: { isTransactionActive: true } };
    expect(await cache.getOrLoadWithOutcome(['t'], () => 'uncommitted', { manager })).toEqual({
      value: 'uncommitted',
      outcome: 'BYPASS',
    });
    expect(await cache.get(['t'])).toBeUndefined();
    const committed = { queryRunner: { isTransactionActive: false } };
    expect((await cache.getOrLoadWithOutcome(['t'], () => 'committed', { manager: committed })).outcome).toBe('MISS');
  });

  it('an extractor that fails costs the version, not the answer, and is warned of once', async () => {
    const { cache, lines } = await start();
    const version = (): bigint => {
      throw new Error('no such column');
    };
    expect(await cache.getOrLoad(['e', 1], () => 1, { version })).toBe(1);
    expect(await cache.getOrLoad(['e', 2], () => 2, { version })).toBe(2);
    expect(await cache.get(['e', 1])).toBe(1);
    expect(lines.filter((line) => line.includes('no such column'))).toHaveLength(1);
  });

  it.each([
    ['the default one', class DataSource {}],
    ['a named one', 'archiveDataSource'],
    ['one under a token of its own', 'DATA_SOURCE'],
  ])('data sources of the application are found, %s, also one that is initialized later', async (_name, token) => {
    const later: Partial<typeof dataSource> & { createQueryRunner: () => void } = {
      entityMetadatas: [],
      createQueryRunner: () => undefined,
    };
    const { app, events } = await startApp({ providers: [{ provide: token, useValue: later }] });
    later.entityMetadatas = dataSource.entityMetadatas;
    const load = app.get(DistributedCacheService).getOrLoad(['p', 1], () => product(7, 'chair'), { entity: Product });
    expect(await load).toBeInstanceOf(Product);
    expect(events).toContainEqual(expect.objectContaining({ type: 'stored', version: { kind: 'version', order: 7n } }));
  });

  it('an entity that no data source has is cached, and warned of', async () => {
    class Stranger {
      id = 1;
    }
    const { cache, lines } = await start();
    await cache.getOrLoad(['s'], () => new Stranger(), { entity: Stranger });
    expect(await cache.get(['s'])).toBeInstanceOf(Stranger);
    expect(lines).toContainEqual(
      expect.stringContaining('Stranger is given as entity, but no initialized TypeORM data source has it'),
    );
  });

  it.each([
    [{ ttl: 5 }, 'there is no option "ttl"'],
    [{ ttlMs: -1 }, 'ttlMs: expected a whole number of milliseconds from 1'],
    [{ loadTimeoutMs: 3_600_000 }, 'floorMs: expected at least the life of a lease, 3620000'],
    [{ entity: [] }, 'entity: expected a class, or a list of classes, got an array'],
    [{ entity: 'Product' }, 'entity: expected a class, or a list of classes, got "Product"'],
  ])('getOrLoad refuses %j', async (options, message) => {
    const { cache } = await start();
    await expect(cache.getOrLoad(['a'], () => 1, options as LoadOptions<number>)).rejects.toThrow(message);
  });

  it.each([[[]], [[Symbol('x')]]])('refuses a key that cannot be encoded', async (key) => {
    const { cache } = await start();
    await expect(cache.getOrLoad(key, () => 1)).rejects.toMatchObject({ code: 'ERR_CACHE_INVALID_KEY' });
    await expect(cache.invalidate(key)).rejects.toMatchObject({ code: 'ERR_CACHE_INVALID_KEY' });
  });

  it.each([
    [{ version: -1 }],
    [{ version: 1.5 }],
    [{ version: 2n ** 63n }],
    [{ version: 'x' }],
    [{ change: 'gone' }],
    [{ version: { kind: 'Bad Kind', order: 1n } }],
  ])('invalidate refuses %s', async (options) => {
    const { cache } = await start();
    await expect(cache.invalidate(['a'], options as object)).rejects.toMatchObject({
      code: 'ERR_CACHE_INVALID_OPTIONS',
    });
  });

  it('counts', async () => {
    const { cache } = await start();
    await cache.getOrLoad(['c'], () => 1);
    await cache.getOrLoad(['c'], () => 1);
    await cache.invalidate(['c']);
    expect(cache.stats()).toMatchObject({
      requests: 2,
      hits: 1,
      misses: 1,
      loads: 1,
      stored: 1,
      invalidations: 1,
      loadFailures: 0,
      waits: 0,
    });
  });
});
