import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EntityManager } from 'typeorm';
import { extent } from '../../support/extent.js';
import {
  Animal,
  Category,
  Dog,
  Label,
  makeSchema,
  Manual,
  openShop,
  Product,
  Stock,
  STORES,
  type Shop,
} from './shop.js';

let schema: Awaited<ReturnType<typeof makeSchema>>;
beforeAll(async () => {
  schema = await makeSchema();
});
afterAll(() => schema.drop());

/** What is cached before each change, with the entity it is cached with. */
const ENTRIES: Readonly<
  Record<string, { entity: abstract new () => object; load: (m: EntityManager) => Promise<unknown> }>
> = {
  'product 1': { entity: Product, load: (m) => m.findOneBy(Product, { id: 1 }) },
  'product 2': { entity: Product, load: (m) => m.findOneBy(Product, { id: 2 }) },
  'product with everything': {
    entity: Product,
    load: (m) => m.findOne(Product, { where: { id: 1 }, relations: { category: true, labels: true, manual: true } }),
  },
  'no product': { entity: Product, load: (m) => m.findOneBy(Product, { sku: 'missing' }) },
  products: { entity: Product, load: (m) => m.find(Product) },
  'page of products': { entity: Product, load: async (m) => ({ total: 2, items: await m.find(Product) }) },
  category: {
    entity: Category,
    load: (m) => m.findOne(Category, { where: { id: '1' }, relations: { products: true } }),
  },
  'other category': { entity: Category, load: (m) => m.findOneBy(Category, { id: '2' }) },
  stock: { entity: Stock, load: (m) => m.findOneBy(Stock, { shop: 1, shelf: 'a' }) },
  'other stock': { entity: Stock, load: (m) => m.findOneBy(Stock, { shop: 1, shelf: 'b' }) },
  dog: { entity: Animal, load: (m) => m.findOneBy(Animal, { id: 1 }) },
  animals: { entity: Animal, load: (m) => m.find(Animal) },
  dogs: { entity: Dog, load: (m) => m.find(Dog) },
};
const ALL = Object.keys(ENTRIES);
const LISTS = ['products', 'page of products', 'category'];
const ONE = ['product 1', 'product with everything'];
const PRODUCTS = [...ONE, 'product 2', 'no product', ...LISTS];

/** What is done, and which entries that must invalidate. */
const CHANGES: Readonly<Record<string, [(shop: Shop) => Promise<unknown>, readonly string[]]>> = {
  'save of a new entity': [
    ({ data }) => data.manager.save(data.manager.create(Product, { sku: 'new' })),
    ['no product', ...LISTS],
  ],
  'save of a loaded entity': [
    async ({ data }) => data.manager.save(Object.assign(await one(data.manager), { price: 7 })),
    [...ONE, 'no product', ...LISTS],
  ],
  'save of some columns': [
    ({ data }) => data.manager.save(Product, { id: 1, price: 8 }),
    [...ONE, 'no product', ...LISTS],
  ],
  'save that changes nothing': [async ({ data }) => data.manager.save(await one(data.manager)), []],
  'save without a transaction': [
    ({ data }) => data.manager.save(Product, { id: 1, price: 9 }, { transaction: false }),
    // its statements could be anybody's
    PRODUCTS,
  ],
  'save through a relation': [
    async ({ data }) => {
      const category = await data.manager.findOneByOrFail(Category, { id: '2' });
      await data.manager.save(Object.assign(await one(data.manager), { category }));
    },
    [...ONE, 'no product', ...LISTS],
  ],
  'save of the other side of a relation': [
    async ({ data }) => {
      const category = await data.manager.findOneOrFail(Category, {
        where: { id: '2' },
        relations: { products: true },
      });
      category.products = [await one(data.manager)];
      await data.manager.save(category);
    },
    // TypeORM tells of the row nothing but its foreign key
    PRODUCTS,
  ],
  'save of a many-to-many relation': [
    async ({ data }) => {
      const product = await data.manager.findOneOrFail(Product, { where: { id: 1 }, relations: { labels: true } });
      product.labels = [await data.manager.save(data.manager.create(Label, { name: 'sale' }))];
      await data.manager.save(product);
    },
    [...ONE, 'no product', ...LISTS],
  ],
  'save of a related entity': [
    ({ data }) => data.manager.save(Category, { id: '1', name: 'renamed' }),
    ['product with everything', 'category'],
  ],
  'insert of what was missing in a relation': [
    ({ data }) => data.manager.save(data.manager.create(Manual, { product: { id: 1 } })),
    ['product with everything'],
  ],
  insert: [({ data }) => data.manager.insert(Product, { sku: 'inserted' }), ['no product', ...LISTS]],
  'upsert that inserts': [({ data }) => data.manager.upsert(Product, { sku: 'upserted' }, ['sku']), PRODUCTS],
  'upsert that finds its row by another column': [
    ({ data }) => data.manager.upsert(Product, { sku: 'a', price: 5 }, ['sku']),
    PRODUCTS,
  ],
  'upsert by the key': [
    ({ data }) => data.manager.upsert(Stock, { shop: 1, shelf: 'a', pieces: 4 }, ['shop', 'shelf']),
    ['stock'],
  ],
  remove: [
    async ({ data }) => {
      await data.query(`DELETE FROM "${schema.schema}"."product_labels_label"`);
      await data.manager.remove(await one(data.manager));
    },
    [...ONE, 'no product', ...LISTS],
  ],
  'soft remove': [
    async ({ data }) => data.manager.softRemove(await one(data.manager)),
    [...ONE, 'no product', ...LISTS],
  ],
  recover: [
    async ({ data }) => {
      const product = await data.manager.findOneOrFail(Product, { where: { id: 3 }, withDeleted: true });
      await data.manager.recover(product);
    },
    ['no product', ...LISTS],
  ],
  'update of the repository': [({ data }) => data.manager.update(Product, { id: 1 }, { price: 11 }), PRODUCTS],
  increment: [({ data }) => data.manager.increment(Product, { id: 1 }, 'price', 1), PRODUCTS],
  'delete of the repository': [
    ({ data }) => data.manager.delete(Stock, { shop: 1, shelf: 'a' }),
    ['stock', 'other stock'],
  ],
  'soft delete of the repository': [({ data }) => data.manager.softDelete(Product, { id: 1 }), PRODUCTS],
  'restore of the repository': [({ data }) => data.manager.restore(Product, { id: 3 }), PRODUCTS],
  'update of a query builder': [
    ({ data }) =>
      data
        .createQueryBuilder()
        .update(Product)
        .set({ price: () => 'price + 1' })
        .where('id = 1')
        .execute(),
    PRODUCTS,
  ],
  'query builder of a relation': [
    ({ data }) => data.createQueryBuilder().relation(Product, 'category').of(1).set(null),
    PRODUCTS,
  ],
  'query builder of a many-to-many relation': [
    async ({ data }) => {
      await data.manager.save(data.manager.create(Label, { name: 'late' }));
      await data.createQueryBuilder().relation(Product, 'labels').of(1).add('late');
    },
    [...ONE, 'no product', ...LISTS],
  ],
  'composite key': [({ data }) => data.manager.save(Stock, { shop: 1, shelf: 'a', pieces: 3 }), ['stock']],
  'a class below in one table': [
    async ({ data }) =>
      data.manager.save(Object.assign(await data.manager.findOneByOrFail(Dog, { id: 1 }), { tricks: 3 })),
    ['dog', 'animals', 'dogs'],
  ],
  'a class above in one table': [
    ({ data }) => data.manager.update(Animal, { id: 1 }, { name: 'x' }),
    ['dog', 'animals', 'dogs'],
  ],
  'a committed transaction': [
    ({ data }) =>
      data.transaction(async (m) => {
        await m.save(Product, { id: 1, price: 12 });
        await m.save(Stock, { shop: 1, shelf: 'b', pieces: 8 });
      }),
    [...ONE, 'no product', ...LISTS, 'other stock'],
  ],
  'a transaction that is rolled back': [
    ({ data }) =>
      data
        .transaction(async (m) => {
          await m.save(Product, { id: 1, price: 13 });
          await m.update(Stock, { shop: 1 }, { pieces: 0 });
          throw new Error('rolled back');
        })
        .catch(() => undefined),
    [],
  ],
  'a savepoint inside a transaction that is rolled back': [
    ({ data }) =>
      data
        .transaction(async (m) => {
          await m.transaction((inner) => inner.save(Product, { id: 1, price: 14 }));
          throw new Error('rolled back');
        })
        .catch(() => undefined),
    [],
  ],
  'a transaction whose savepoint is rolled back': [
    ({ data }) =>
      data.transaction(async (m) => {
        await m.save(Stock, { shop: 1, shelf: 'a', pieces: 5 });
        await m
          .transaction(async (inner) => {
            await inner.save(Stock, { shop: 1, shelf: 'b', pieces: 5 });
            throw new Error('rolled back');
          })
          .catch(() => undefined);
      }),
    // one too many does no harm
    ['stock', 'other stock'],
  ],
};

/** One of each kind: which entries a change leads to is the same with every store. */
const KINDS = [
  'save of a new entity',
  'save of a loaded entity',
  'save that changes nothing',
  'save of a many-to-many relation',
  'update of a query builder',
  'composite key',
  'a class below in one table',
  'a committed transaction',
  'a transaction that is rolled back',
];
const CHANGES_BY_STORE = {
  memory: Object.keys(CHANGES),
  redis: extent(KINDS, Object.keys(CHANGES)),
};

async function one(m: EntityManager): Promise<Product> {
  return m.findOneByOrFail(Product, { id: 1 });
}

async function reset({ data }: Shop): Promise<void> {
  const tables = data.entityMetadatas.map(({ tablePath }) =>
    tablePath
      .split('.')
      .map((name) => `"${name}"`)
      .join('.'),
  );
  await data.query(`TRUNCATE ${[...new Set(tables)].join(', ')} RESTART IDENTITY CASCADE`);
  const [first] = await data.manager.save(Category, [{ name: 'first' }, { name: 'second' }]);
  await data.manager.save(Product, [{ sku: 'a', category: first! }, { sku: 'b', category: first! }, { sku: 'gone' }]);
  await data.manager.softDelete(Product, { sku: 'gone' });
  await data.manager.save(Stock, [
    { shop: 1, shelf: 'a', pieces: 1 },
    { shop: 1, shelf: 'b', pieces: 2 },
  ]);
  await data.manager.save(data.manager.create(Dog, { name: 'Rex' }));
}

describe.each(['memory', 'redis'] as const)('what a change invalidates, with the %s store', (store) => {
  let shop: Shop;
  /** Each case has keys of its own: tags go on leading to those of the case before, whose rows had the same identities. */
  let run = 0;
  beforeAll(async () => {
    shop = await openShop({ schema: schema.schema, store: STORES[store]() });
  });
  afterAll(() => shop.close());
  beforeEach(async () => {
    await reset(shop);
    run++;
  });

  const load = (name: string) => {
    const { entity, load } = ENTRIES[name]!;
    return shop.cache.getOrLoadWithOutcome([run, name], () => load(shop.data.manager), { entity });
  };

  it.each(CHANGES_BY_STORE[store])('%s', async (change) => {
    const [make, expected] = CHANGES[change]!;
    for (const name of ALL) await load(name);
    for (const name of ALL) expect((await load(name)).outcome, `${name} is cached`).toBe('HIT');
    await make(shop);
    const outdated = [];
    for (const name of ALL) {
      const { value, outcome } = await load(name);
      if (outcome !== 'HIT') outdated.push(name);
      expect(value, name).toEqual(await ENTRIES[name]!.load(shop.data.manager));
    }
    expect(outdated.sort()).toEqual([...expected].sort());
  });
});
