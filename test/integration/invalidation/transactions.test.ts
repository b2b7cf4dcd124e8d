import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EntityManager } from 'typeorm';
import { Gate } from '../../support/gate.js';
import { Animal, makeSchema, openShop, Stock, STORES, type Shop } from './shop.js';

let schema: Awaited<ReturnType<typeof makeSchema>>;
let shop: Shop;
const shelf = randomUUID();
const where = { shop: 1, shelf };

beforeAll(async () => {
  schema = await makeSchema();
});
afterAll(() => schema.drop());
beforeEach(async () => {
  shop = await openShop({ schema: schema.schema, namespace: randomUUID(), store: STORES.redis() });
  await shop.data.manager.save(Stock, { ...where, pieces: 1 });
});
afterEach(() => shop.close());

/** Through the cache, as a service would that takes part in its caller's transaction. */
function piecesBy(manager: EntityManager) {
  const load = async () => (await manager.findOneBy(Stock, where))?.pieces;
  return shop.cache.getOrLoadWithOutcome(['pieces'], load, { entity: Stock, manager });
}

describe('a read inside a transaction', () => {
  it('that has written is answered from the transaction, and nobody else sees it', async () => {
    await shop.data
      .transaction(async (manager) => {
        await manager.save(Stock, { ...where, pieces: 99 });
        expect(await piecesBy(manager)).toEqual({ value: 99, outcome: 'BYPASS' });
        throw new Error('rolled back');
      })
      .catch(() => undefined);
    expect(await piecesBy(shop.data.manager)).toEqual({ value: 1, outcome: 'MISS' });
  });

  it('that began on an older snapshot does not fill the cache with it', async () => {
    await shop.data.transaction('REPEATABLE READ', async (manager) => {
      await manager.findOneBy(Stock, where); // here the snapshot is taken
      await shop.data.manager.save(Stock, { ...where, pieces: 2 });
      expect(await piecesBy(manager)).toEqual({ value: 1, outcome: 'BYPASS' });
    });
    expect(await piecesBy(shop.data.manager)).toEqual({ value: 2, outcome: 'MISS' });
  });
});

describe('an aggregate', () => {
  it('is ordered by the version of its root: those of its parts, however high, do not refuse it', async () => {
    const { manager } = shop.data;
    const animal = await manager.save(manager.create(Animal, { name: 'owner' }));
    for (let pieces = 2; pieces < 6; pieces++) await manager.save(Stock, { ...where, pieces });
    const load = async () =>
      Object.assign(await manager.findOneByOrFail(Animal, { id: animal.id }), {
        has: await manager.findOneBy(Stock, where),
      });
    const read = () => shop.cache.getOrLoadWithOutcome(['owner'], load, { entity: Animal, version: () => 1 });
    await read();
    await manager.save(Stock, { ...where, pieces: 7 });
    expect(await read()).toMatchObject({ value: { has: { pieces: 7 } }, outcome: 'MISS' });
    expect((await read()).outcome, 'it was stored').toBe('HIT');
  });
});

describe('a list', () => {
  const list = (listInvalidation: 'membership' | 'any-change') =>
    shop.cache.getOrLoadWithOutcome([listInvalidation], () => shop.data.manager.find(Stock, { where: { shelf } }), {
      entity: Stock,
      listInvalidation,
    });

  it('may follow its membership only: others may change, its members and rows that come or go outdate it', async () => {
    const { manager } = shop.data;
    const other = { shop: 2, shelf: randomUUID() };
    await manager.save(Stock, { ...other, pieces: 1 });
    for (const kind of ['membership', 'any-change'] as const) await list(kind);
    await manager.save(Stock, { ...other, pieces: 2 });
    expect([(await list('membership')).outcome, (await list('any-change')).outcome]).toEqual(['HIT', 'MISS']);
    await manager.save(Stock, { ...where, pieces: 8 });
    expect((await list('membership')).value).toMatchObject([{ pieces: 8 }]);
    await manager.save(Stock, { shop: 3, shelf, pieces: 1 });
    expect((await list('membership')).value).toHaveLength(2);
    await manager.delete(Stock, { shop: 3, shelf });
    expect((await list('membership')).value).toHaveLength(1);
  });

  it('has no version: it may shrink', async () => {
    const { manager } = shop.data;
    await manager.save(Stock, { shop: 4, shelf, pieces: 1 });
    await manager.save(Stock, { shop: 4, shelf, pieces: 2 });
    expect((await list('any-change')).value).toHaveLength(2);
    await manager.remove(await manager.findOneByOrFail(Stock, { shop: 4, shelf }));
    expect((await list('any-change')).value).toHaveLength(1);
    expect((await list('any-change')).outcome).toBe('HIT');
  });
});

describe('a row that is missing', () => {
  it('is loaded when it was inserted meanwhile, also where the load of the null was still under way', async () => {
    const { manager } = shop.data;
    const id = { shop: 9, shelf: randomUUID() };
    const read = new Gate();
    const missing = shop.cache.getOrLoad(
      ['missing'],
      async () => {
        const found = await manager.findOneBy(Stock, id);
        await read.pass();
        return found;
      },
      { entity: Stock },
    );
    await read.arrived;
    await manager.insert(Stock, { ...id, pieces: 1 });
    read.open();
    expect(await missing).toBeNull();
    expect(
      await shop.cache.getOrLoad(['missing'], () => manager.findOneBy(Stock, id), { entity: Stock }),
    ).toMatchObject({ pieces: 1 });
  });
});
