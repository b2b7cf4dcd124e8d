import { randomUUID } from 'node:crypto';
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import type { SetOptions } from '../../../lib/index.js';
import { makeSchema, openShop, Product, STORES, type Shop } from './shop.js';

const redis = createClient({ url: inject('redisUrl') });
let schema: Awaited<ReturnType<typeof makeSchema>>;
let shop: Shop;
let namespace = '';

beforeAll(async () => {
  await redis.connect();
  schema = await makeSchema();
});
beforeEach(async () => {
  namespace = randomUUID();
  shop = await openShop({ schema: schema.schema, namespace, store: STORES.redis() });
  // Nobody hears of it, so that no tag of the row has been announced.
  await shop.data.query(`TRUNCATE "${schema.schema}"."product" RESTART IDENTITY CASCADE`);
  await shop.data.query(`INSERT INTO "${schema.schema}"."product" (sku, version) VALUES ('a', 1)`);
});
afterEach(() => shop.close());
afterAll(async () => {
  redis.destroy();
  await schema.drop();
});

const KEY = ['product', 1];
const OPTIONS = { entity: Product, tags: ['shelf 1'] };

function load(): Promise<Product | null> {
  return shop.cache.getOrLoad(KEY, () => shop.data.manager.findOneBy(Product, { id: 1 }), OPTIONS);
}

/** A writer that TypeORM does not hear changes the row, and sets what it has written. */
async function write(options: SetOptions): Promise<'stored' | 'invalidated'> {
  await shop.data.query(`UPDATE "${schema.schema}"."product" SET price = 2, version = 2`);
  const written = await shop.data.manager.findOneByOrFail(Product, { id: 1 });
  return shop.cache.set(KEY, written, options);
}

/** The registration of the load has ended: with its tags gone, it is as if its time were over. */
async function loseTags(): Promise<void> {
  const tags = await redis.keys(`${namespace}:tag:1:*`);
  expect(tags.length).toBeGreaterThan(1);
  await redis.del(tags);
}

describe('what a writer sets', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['what TypeORM commits', () => shop.data.manager.save(Product, { id: 1, price: 3 })],
    ['a statement that tells no rows', () => shop.data.manager.update(Product, { sku: 'a' }, { price: 3 })],
    ['a tag of the application', () => shop.cache.invalidateTags(['shelf 1'])],
  ])('is invalidated by %s, though the registration of the load before it has ended', async (_, change) => {
    await load();
    await loseTags();
    expect(await write(OPTIONS)).toBe('stored');
    expect(await shop.cache.get(KEY)).toMatchObject({ price: 2 });
    await change();
    expect(await shop.cache.get(KEY)).toBeUndefined();
  });

  it.each<[string, SetOptions]>([
    ['no tags', { version: 2 }],
    ['no tags of the application', { entity: Product }],
    ['other tags of the application', { entity: Product, tags: ['shelf 2'] }],
    ['no entity', { version: 2, tags: ['shelf 1'] }],
  ])('is not stored when its call names %s: nothing else would find it', async (_, options) => {
    await load();
    expect(await write(options)).toBe('invalidated');
    expect(await shop.cache.get(KEY)).toBeUndefined();
    expect(await load()).toMatchObject({ price: 2 });
  });
});
