import {
  Column,
  Entity,
  InsertQueryBuilder,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  VersionColumn,
  type EntityManager,
  type SelectQueryBuilder,
} from 'typeorm';
import { describe, expect, it } from 'vitest';
import { openHouse, type CachedRead } from './heard.js';

@Entity()
class Item {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'text', unique: true })
  sku!: string;

  @Column({ type: 'int', default: 1 })
  price!: number;

  @VersionColumn({ type: 'int' })
  version!: number;
}

/** Its key has several spellings. */
@Entity()
class Word {
  @PrimaryColumn({ type: 'text', collation: 'NOCASE' })
  text!: string;

  @Column({ type: 'int' })
  length!: number;
}

const item: CachedRead = { entity: Item, load: (manager) => manager.findOneBy(Item, { id: 1 }) };
const other: CachedRead = { entity: Item, load: (manager) => manager.findOneBy(Item, { id: 2 }) };
const items: CachedRead = { entity: Item, load: (manager) => manager.find(Item) };

async function filled() {
  const house = await openHouse([Item, Word]);
  for (const sku of ['a', 'b']) await house.manager.save(house.manager.create(Item, { sku }));
  await house.manager.save(house.manager.create(Word, { text: 'word', length: 4 }));
  return house;
}

const inserting = (manager: EntityManager) => manager.createQueryBuilder().insert().into(Item);

describe('an insert of a query builder', () => {
  it('that is plain tells its row: entries of others stay', async () => {
    const { lostBy, manager } = await filled();
    expect(await lostBy({ item, items }, () => manager.insert(Item, { sku: 'c' }))).toEqual(['items']);
    expect(await lostBy({ item, items }, () => inserting(manager).values({ sku: 'd' }).orIgnore().execute())).toEqual([
      'items',
    ]);
  });

  it('that is an upsert by the key tells its row', async () => {
    const { lostBy, manager } = await filled();
    const write = () => manager.upsert(Item, { id: 1, sku: 'a', price: 2 }, ['id']);
    expect(await lostBy({ item, other, items }, write)).toEqual(['item', 'items']);
  });

  it('that is an upsert by the key, where the last key that SQLite has given is another', async () => {
    const { lostBy, manager } = await filled();
    await manager.insert(Item, { sku: 'z' });
    const card: CachedRead = {
      entity: Item,
      rows: () => [[Item, 1]],
      load: (inside) => inside.findOneBy(Item, { id: 1 }).then((found) => ({ price: found?.price })),
    };
    expect(await lostBy({ card }, () => manager.upsert(Item, { id: 1, sku: 'a', price: 8 }, ['id']))).toEqual(['card']);
  });

  it('that is an upsert by another column, whatever else stands in the statement', async () => {
    const { lostBy, manager } = await filled();
    const commented = inserting(manager)
      .comment('DO NOTHING of the kind, ON CONFLICT ("id")')
      .values({ sku: 'a', price: 3 })
      .orUpdate(['price'], ['sku']);
    expect(await lostBy({ item, items }, () => commented.execute())).toEqual(['item', 'items']);
    const withTable = inserting(manager)
      .addCommonTableExpression(manager.createQueryBuilder(Item, 'i').select('i.id'), 'known')
      .values({ sku: 'a', price: 4 })
      .orUpdate(['price'], ['sku']);
    expect(await lostBy({ item, items }, () => withTable.execute())).toEqual(['item', 'items']);
  });

  it('that is an upsert by a key in another spelling', async () => {
    const { lostBy, manager } = await filled();
    const word: CachedRead = { entity: Word, load: (inside) => inside.findOneBy(Word, { text: 'word' }) };
    expect(await lostBy({ word }, () => manager.upsert(Word, { text: 'WORD', length: 5 }, ['text']))).toEqual(['word']);
  });

  // TypeORM 0.3 has no such method.
  const fromSelect = Object.keys(Object.getOwnPropertyDescriptors(InsertQueryBuilder.prototype)).filter(
    (name) => name === 'valuesFromSelect',
  );
  it.each(fromSelect)('that takes its rows from a query: %s', async (method) => {
    const { lostBy, manager } = await filled();
    const into = manager.createQueryBuilder().insert().into(Item, ['sku', 'version']) as unknown as Record<
      string,
      (select: (from: SelectQueryBuilder<Item>) => unknown) => { execute(): Promise<unknown> }
    >;
    const copies = into[method]?.((select) =>
      select.select("i.sku || '-copy'", 'sku').addSelect('1', 'version').from(Item, 'i'),
    );
    expect(await lostBy({ items }, () => copies?.execute())).toEqual(['items']);
  });
});

describe('writes that call no listeners', () => {
  const silent: Readonly<Record<string, (manager: EntityManager) => Promise<unknown>>> = {
    save: (manager) => manager.save(Item, { id: 1, price: 5 }, { listeners: false }),
    'save without a transaction': (manager) =>
      manager.save(Item, { id: 1, price: 5 }, { listeners: false, transaction: false }),
    'save in a transaction, beside one that calls them': (manager) =>
      manager.transaction(async (inside) => {
        await inside.save(Item, { id: 2, price: 6 });
        await inside.save(Item, { id: 1, price: 5 }, { listeners: false });
        await inside.save(Item, { id: 2, price: 7 });
      }),
    remove: async (manager) => manager.remove(await manager.findOneByOrFail(Item, { id: 1 }), { listeners: false }),
    'a query builder': (manager) =>
      manager.createQueryBuilder().update(Item).set({ price: 8 }).where('id = 1').callListeners(false).execute(),
    'a query builder that deletes': (manager) =>
      manager.createQueryBuilder().delete().from(Item).where('id = 1').callListeners(false).execute(),
  };

  it.each(Object.entries(silent))('%s: the whole table', async (_, write) => {
    const { lostBy, manager } = await filled();
    expect(await lostBy({ item, other, items }, () => write(manager))).toEqual(['item', 'other', 'items']);
  });

  it('save() itself runs such statements, and tells its rows', async () => {
    const { lostBy, manager } = await filled();
    expect(await lostBy({ item, other, items }, () => manager.save(Item, { id: 1, price: 5 }))).toEqual([
      'item',
      'items',
    ]);
  });

  const save = (manager: EntityManager) => manager.save(Item, { id: 1, price: 5 }, { listeners: false });
  /** The sku is there. */
  const failing: Readonly<Record<string, (manager: EntityManager) => Promise<unknown>>> = {
    insert: (manager) => manager.insert(Item, { sku: 'a' }),
    save: (manager) => manager.save(manager.create(Item, { sku: 'a' })),
    'save without a transaction': (manager) => manager.save(manager.create(Item, { sku: 'a' }), { transaction: false }),
  };
  it.each(Object.entries(failing))('%s that failed before takes nothing from what is heard', async (_, fail) => {
    const { lostBy, manager } = await filled();
    await fail(manager).catch(() => undefined);
    expect(await lostBy({ item, items }, () => save(manager))).toEqual(['item', 'items']);
    const inside = () =>
      manager.transaction(async (open) => {
        await fail(open).catch(() => undefined);
        await save(open);
        await open.save(Item, { id: 1, price: 6 }, { listeners: false });
      });
    expect(await lostBy({ item, items }, inside)).toEqual(['item', 'items']);
  });

  it('inside a subscriber of the application, while save() tells a row of the same table', async () => {
    const { data, lostBy, manager } = await filled();
    const unset = ({ manager: inside }: { manager: EntityManager }) =>
      inside.createQueryBuilder().update(Item).set({ price: 0 }).where('id = 1').callListeners(false).execute();
    const subscriber = { listenTo: () => Item, beforeInsert: unset, beforeUpdate: unset };
    data.subscribers.push(subscriber as never);
    expect(await lostBy({ item }, () => manager.save(manager.create(Item, { sku: 'z' })))).toEqual(['item']);
    await manager.query('UPDATE item SET price = 7 WHERE id = 1');
    expect(await lostBy({ other, item }, () => manager.save(Item, { id: 2, price: 9 }))).toEqual(['other', 'item']);
  });

  it('by a builder that was made by another one, and by one that was made before the start', async () => {
    const { lostBy, manager } = await filled();
    const silent = () =>
      manager.createQueryBuilder().update(Item).set({ price: 9 }).where('id = 1').callListeners(false);
    expect(await lostBy({ item }, () => silent().clone().execute())).toEqual(['item']);
    await manager.query('UPDATE item SET price = 7 WHERE id = 1');
    const row = { sku: 'r', price: 77 };
    const builder = inserting(manager).values(row);
    await builder.execute();
    row.sku = 'a';
    expect(await lostBy({ item }, () => builder.clone().orUpdate(['price'], ['sku']).execute())).toEqual(['item']);
  });

  it('the application has its own of TypeORM: its builders, its subscribers, its errors', async () => {
    const { data, manager } = await filled();
    expect(Object.keys(manager.createQueryBuilder().update(Item))).not.toContain('execute');
    const updated: number[] = [];
    data.subscribers.push({
      listenTo: () => Item,
      afterUpdate: ({ updatedColumns }: { updatedColumns: unknown[] }) => void updated.push(updatedColumns.length),
    } as never);
    await manager.save(Item, { id: 1, price: 5 });
    expect(updated).toEqual([1]);
    await expect(
      inserting(manager)
        .values([null] as never)
        .execute(),
    ).rejects.not.toThrow('weak map');
  });

  it('a removal beside remove(), which removes all its rows by one statement', async () => {
    const { lostBy, manager } = await filled();
    await manager.save(manager.create(Item, { sku: 'c' }));
    const third: CachedRead = { entity: Item, load: (inside) => inside.findOneBy(Item, { id: 3 }) };
    const write = () =>
      manager.transaction(async (inside) => {
        await inside.createQueryBuilder().delete().from(Item).where('id = 3').callListeners(false).execute();
        await inside.remove(await inside.findBy(Item, [{ id: 1 }, { id: 2 }]));
      });
    expect(await lostBy({ item, other, third }, write)).toEqual(['item', 'other', 'third']);
  });

  it('right before the commit, by a subscriber of the application', async () => {
    const { data, lostBy, manager } = await filled();
    data.subscribers.push({
      beforeTransactionCommit: ({ manager: inside }: { manager: EntityManager }) =>
        inside.createQueryBuilder().update(Item).set({ price: 3 }).where('id = 1').callListeners(false).execute(),
    } as never);
    expect(await lostBy({ item }, () => manager.save(manager.create(Word, { text: 'late', length: 4 })))).toEqual([
      'item',
    ]);
  });

  it('nothing is heard of one that failed in a transaction', async () => {
    const { lostBy, manager } = await filled();
    const write = () =>
      manager.transaction((inside) =>
        inserting(inside)
          .values({ sku: 'a' })
          .callListeners(false)
          .execute()
          .catch(() => undefined),
      );
    expect(await lostBy({ item, items }, write)).toEqual([]);
  });

  it('inserts of save() that tell no key: lists, and no row', async () => {
    const { lostBy, manager } = await filled();
    const write = () => manager.save(manager.create(Item, { sku: 'n' }), { reload: false });
    expect(await lostBy({ item, items }, write)).toEqual(['items']);
  });

  it('nothing is heard of a transaction that is rolled back', async () => {
    const { lostBy, manager } = await filled();
    const write = () =>
      manager
        .transaction(async (inside) => {
          await inside.save(Item, { id: 1, price: 5 }, { listeners: false });
          throw new Error('rolled back');
        })
        .catch(() => undefined);
    expect(await lostBy({ item, other, items }, write)).toEqual([]);
  });
});

describe('the version that travels with a change', () => {
  it('is not that of a row which the database has left as it was', async () => {
    const { lostBy, manager } = await filled();
    const write = () =>
      inserting(manager).values({ id: 1, sku: 'a', version: 99 }).orIgnore().updateEntity(false).execute();
    expect(await lostBy({ item }, write)).toEqual(['item']);
    expect(await lostBy({ item }, () => undefined), 'stored again').toEqual([]);
  });

  it('is not one that a rollback to a savepoint took back', async () => {
    const { lostBy, manager } = await filled();
    const write = () =>
      manager.transaction(async (outer) => {
        await outer.save(Item, { id: 2, price: 6 });
        await outer
          .transaction(async (inner) => {
            await inner.save(Item, { id: 1, price: 5 });
            throw new Error('rolled back');
          })
          .catch(() => undefined);
      });
    expect(await lostBy({ item, other }, write)).toEqual(['item', 'other']);
    expect(await lostBy({ item, other }, () => undefined), 'stored again').toEqual([]);
  });

  it('is not the one before it, with { reload: false }', async () => {
    const { events, lostBy, manager } = await filled();
    const write = async () => {
      const found = await manager.findOneByOrFail(Item, { id: 1 });
      await manager.save(Object.assign(found, { price: 9 }), { reload: false });
    };
    await lostBy({ item }, write);
    expect(await lostBy({ item }, () => undefined), 'stored again').toEqual([]);
    expect(events.filter(({ type }) => type === 'superseded')).toEqual([]);
  });
});
