import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { StoreUnavailableError } from '../../../lib/core/errors.js';
import { systemClock } from '../../../lib/core/clock.js';
import { InProcessVersionedStore } from '../../../lib/stores/in-process-versioned-store.js';
import { redisStore } from '../../../lib/redis.js';
import { Gate } from '../../support/gate.js';
import { monitorRedis } from '../../support/redis-monitor.js';
import { StagedStore } from '../../support/staged-store.js';
import { makeSchema, openShop, Product, Stock, STORES, type Shop, type ShopOptions } from './shop.js';

let schema: Awaited<ReturnType<typeof makeSchema>>;
const open: Shop[] = [];
let namespace = '';
beforeAll(async () => {
  schema = await makeSchema();
});
beforeEach(() => {
  namespace = randomUUID();
});
afterEach(async () => {
  for (const shop of open.splice(0)) await shop.close();
});
afterAll(() => schema.drop());

async function shopOn(options: Omit<ShopOptions, 'schema'>): Promise<Shop> {
  const shop = await openShop({ schema: schema.schema, namespace, ...options });
  open.push(shop);
  return shop;
}

async function withProduct(shop: Shop): Promise<void> {
  const table = shop.data
    .getMetadata(Product)
    .tablePath.split('.')
    .map((name) => `"${name}"`)
    .join('.');
  await shop.data.query(`TRUNCATE ${table} RESTART IDENTITY CASCADE`);
  await shop.data.manager.save(shop.data.manager.create(Product, { sku: 'a', price: 1 }));
}

const priceOf = async ({ cache, data }: Shop): Promise<number | undefined> =>
  (await cache.getOrLoad(['product'], () => data.manager.findOneBy(Product, { id: 1 }), { entity: Product }))?.price;
const pricesOf = async ({ cache, data }: Shop): Promise<number[]> =>
  (await cache.getOrLoad(['products'], () => data.manager.find(Product), { entity: Product })).map(
    ({ price }) => price,
  );

describe.each(Object.entries(STORES))('an announcement, with the %s store', (_name, store) => {
  it('is made after the commit and not before, and a client reads its own write', async () => {
    const shop = await shopOn({ store: store() });
    await withProduct(shop);
    expect([await priceOf(shop), await pricesOf(shop)]).toEqual([1, [1]]);
    await shop.data.transaction(async (manager) => {
      await manager.save(Product, { id: 1, price: 2 });
      expect([await priceOf(shop), await pricesOf(shop)]).toEqual([1, [1]]);
    });
    expect([await priceOf(shop), await pricesOf(shop)]).toEqual([2, [2]]);
  });

  it('of several transactions at once: each announces its own', async () => {
    const shop = await shopOn({ store: store() });
    await withProduct(shop);
    await priceOf(shop);
    const written = new Gate();
    const kept = shop.data.transaction(async (manager) => {
      await manager.save(Product, { id: 1, price: 3 });
      await written.pass();
    });
    await written.arrived;
    await shop.data
      .transaction(async (manager) => {
        await manager.save(manager.create(Product, { sku: 'other' }));
        throw new Error('rolled back');
      })
      .catch(() => undefined);
    expect(shop.events.filter(({ type }) => type === 'tags-announced')).toHaveLength(1); // the first product
    written.open();
    await kept;
    expect(await priceOf(shop)).toBe(3);
  });

  it('carries the version along: nothing older is stored for a while, though its load began later', async () => {
    const shop = await shopOn({ store: store() });
    await withProduct(shop);
    const old = await shop.data.manager.findOneByOrFail(Product, { id: 1 });
    await priceOf(shop);
    await shop.data.manager.save(Product, { id: 1, price: 4 });
    // as a replica that lags behind would give it
    await shop.cache.getOrLoad(['product'], () => old, { entity: Product });
    expect(shop.events.filter(({ type }) => type === 'version-regressed')).toHaveLength(1);
    expect(await shop.cache.get(['product'])).toBeUndefined();
  });

  it('of a removal refuses the very version that was removed, until the row is born again', async () => {
    const shop = await shopOn({ store: store() });
    await withProduct(shop);
    const { manager } = shop.data;
    const where = { shop: 1, shelf: namespace };
    const load = (loader: () => Promise<Stock | null>) => shop.cache.getOrLoad(['stock'], loader, { entity: Stock });
    const stored = () => load(() => manager.findOneBy(Stock, where));
    await manager.insert(Stock, { ...where, pieces: 1 });
    await manager.save(Stock, { ...where, pieces: 2 });
    const old = await manager.findOneByOrFail(Stock, where);
    expect(await stored()).toMatchObject({ pieces: 2, version: 2 });
    await manager.remove(await manager.findOneByOrFail(Stock, where));
    // a replica that lags behind gives the row that was removed; the primary gives none
    await load(() => Promise.resolve(old));
    expect(await shop.cache.get(['stock'])).toBeUndefined();
    await manager.insert(Stock, { ...where, pieces: 3 });
    expect(await stored()).toMatchObject({ pieces: 3, version: 1 });
    expect(await shop.cache.get(['stock'])).toMatchObject({ pieces: 3, version: 1 });
  });

  it('of a list: it reads 42, 42 changes, the list fills: it is never served', async () => {
    const shop = await shopOn({ store: store() });
    await withProduct(shop);
    const read = new Gate();
    const list = shop.cache.getOrLoad(
      ['products'],
      async () => {
        const rows = await shop.data.manager.find(Product);
        await read.pass();
        return rows;
      },
      { entity: Product },
    );
    await read.arrived;
    await shop.data.manager.save(Product, { id: 1, price: 6 });
    const late = pricesOf(shop);
    read.open();
    expect((await list)[0]?.price).toBe(1);
    expect(await late).toEqual([6]);
    expect(await pricesOf(shop)).toEqual([6]);
  });
});

describe('an announcement', () => {
  it('reaches the other instances, whose loads are under way as well', async () => {
    const store = () => redisStore({ url: inject('redisUrl') });
    const [a, b] = [await shopOn({ store: store() }), await shopOn({ store: store() })];
    await withProduct(a);
    await a.cache.clear();
    const read = new Gate();
    const list = b.cache.getOrLoad(
      ['products'],
      async () => {
        const rows = await b.data.manager.find(Product);
        await read.pass();
        return rows;
      },
      { entity: Product },
    );
    await read.arrived;
    await a.data.manager.save(Product, { id: 1, price: 7 });
    const late = pricesOf(b);
    read.open();
    expect((await list)[0]?.price).toBe(1);
    expect([await late, await pricesOf(a)]).toEqual([[7], [7]]);
  });

  it('works where the pool has one connection only', async () => {
    const shop = await shopOn({ store: STORES.redis(), poolSize: 1 });
    await withProduct(shop);
    await pricesOf(shop);
    await shop.data.manager.save(Product, { id: 1, price: 8 });
    expect(await pricesOf(shop)).toEqual([8]);
  });

  it('that fails does not make the write fail: it is told, counted, and made when the store is back', async () => {
    const inner = new InProcessVersionedStore({ clock: systemClock, maxEntries: 100 });
    const store = new StagedStore(inner);
    const shop = await shopOn({ store });
    await withProduct(shop);
    expect(await pricesOf(shop)).toEqual([1]);
    store.down = true;
    await shop.data.manager.save(Product, { id: 1, price: 9 });
    expect(shop.events).toContainEqual(
      expect.objectContaining({ type: 'announcement-failed', error: expect.any(StoreUnavailableError) as unknown }),
    );
    expect(shop.cache.stats().announcementFailures).toBe(1);
    store.down = false;
    expect(await pricesOf(shop)).toEqual([9]); // what is stored is outdated here, though the store has not heard of it
    await vi.waitFor(
      () => expect(shop.events).toContainEqual(expect.objectContaining({ type: 'announcement-made-up' })),
      20_000,
    );
    expect(await pricesOf(shop)).toEqual([9]);
  });

  it('that the store swallows is waited for no longer than announceTimeoutMs', async () => {
    const store = new StagedStore(new InProcessVersionedStore({ clock: systemClock, maxEntries: 100 }));
    const shop = await shopOn({ store, announceTimeoutMs: 50, storeTimeoutMs: 5_000 });
    await withProduct(shop);
    shop.events.length = 0;
    const swallowed = Array.from({ length: 8 }, () => store.stop('before', 'announce'));
    await shop.data.manager.save(Product, { id: 1, price: 10 });
    expect(shop.events.map(({ type }) => type)).toContain('announcement-failed');
    for (const gate of swallowed) gate.open();
  });

  it('can be left to the application: for all changes, or for those of query builders', async () => {
    const all = await shopOn({ store: STORES.memory(), onChange: 'ignore' });
    await withProduct(all);
    await pricesOf(all);
    await all.data.manager.save(Product, { id: 1, price: 11 });
    expect(await pricesOf(all)).toEqual([1]);

    const bulk = await shopOn({ store: STORES.memory(), bulkChanges: 'ignore' });
    await withProduct(bulk);
    await pricesOf(bulk);
    await bulk.data.manager.update(Product, { id: 1 }, { price: 12 });
    expect(await pricesOf(bulk)).toEqual([1]);
    await bulk.data.manager.save(Product, { id: 1, price: 13 });
    expect(await pricesOf(bulk)).toEqual([13]);
  });

  it('costs as many requests as docs/invalidation.md says', async () => {
    const shop = await shopOn({ store: STORES.redis() });
    await withProduct(shop);
    await shop.cache.clear();
    const monitor = await monitorRedis(inject('redisUrl'));
    const count = async () =>
      (await monitor.commands()).filter(({ args }) => args.some((arg) => arg.startsWith(`${namespace}:`))).length;
    try {
      // the scripts are known to the server
      await priceOf(shop);
      await shop.data.manager.save(Product, { id: 1, price: 14 });
      let before = await count();
      const cost = async () => {
        const now = await count();
        const spent = now - before;
        before = now;
        return spent;
      };
      await priceOf(shop);
      expect(await cost(), 'a miss of one row').toBe(5);
      await priceOf(shop);
      expect(await cost(), 'a hit').toBe(1);
      await pricesOf(shop);
      expect(await cost(), 'a miss of a list').toBe(5);
      await shop.data.manager.save(Product, { id: 1, price: 15 });
      expect(await cost(), 'a change of a row that two entries contain').toBe(6);
      await shop.data.manager.update(Product, { id: 1 }, { price: 16 });
      expect(await cost(), 'a change that tells no row, of a class with two entries').toBe(34);
    } finally {
      monitor.close();
    }
  });
});
