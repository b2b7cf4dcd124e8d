import { Logger } from '@nestjs/common';
import { describe, expect, it, vi } from 'vitest';
import { Animal, Stock } from './shop.js';
import { NO_DRAINS, outboxShops, sharedStores } from './outbox-support.js';

const box = outboxShops(NO_DRAINS);

/** A shop whose next announcement stops at a gate, after whose opening no row is left. */
async function heldShop() {
  const store = sharedStores()();
  const shop = await box.open({ store });
  const gate = store.stop('before', 'announce');
  return { shop, gate, store };
}

const text = (name: string): string => expect.stringContaining(name) as string;
const isEmpty = () => vi.waitFor(async () => expect(await box.rows.texts(box.namespace)).toEqual([]), 20_000);

describe('the outbox', () => {
  it('has what a transaction changes from its commit until that is announced', async () => {
    const { shop, gate } = await heldShop();
    const written = shop.data.transaction(async (manager) => {
      await manager.save(Stock, { ...box.where, pieces: 1 });
      await manager.transaction((inner) => inner.save(Stock, { ...box.where, pieces: 2 }));
      expect(await box.rows.texts(box.namespace)).toEqual([]);
    });
    await gate.arrived;
    // one row for the transaction, savepoints and all, with the version that it gave
    expect(await box.rows.texts(box.namespace)).toEqual([text('"version","2"')]);
    gate.open();
    await written;
    await isEmpty();
  });

  it('has what a save, a removal and a change that tells no row write in transactions of their own', async () => {
    const { shop, gate, store } = await heldShop();
    const saved = shop.data.manager.save(Stock, { ...box.where, pieces: 1 });
    await gate.arrived;
    expect(await box.rows.texts(box.namespace)).toHaveLength(1);
    gate.open();
    const stock = await saved;
    await isEmpty();

    const second = store.stop('before', 'announce');
    const removed = shop.data.manager.remove(Stock, stock);
    await second.arrived;
    expect(await box.rows.texts(box.namespace)).toEqual([text('"removed"')]);
    second.open();
    await removed;

    const third = store.stop('before', 'announce');
    const bulk = shop.data.transaction((manager) => manager.update(Stock, box.where, { pieces: 5 }));
    await third.arrived;
    expect(await box.rows.texts(box.namespace)).toContainEqual(text('bulk'));
    third.open();
    await bulk;
    await isEmpty();
  });

  it('has nothing of what is rolled back', async () => {
    const shop = await box.open({ store: sharedStores()() });
    await shop.data
      .transaction(async (manager) => {
        await manager.save(Stock, { ...box.where, pieces: 1 });
        await manager.transaction((inner) => inner.save(Stock, { ...box.where, shop: 2, pieces: 1 }));
        throw new Error('rolled back');
      })
      .catch(() => undefined);
    expect(await box.rows.texts(box.namespace)).toEqual([]);
    expect(shop.events.filter(({ type }) => type === 'tags-announced')).toEqual([]);
  });

  it('keeps what was changed before a savepoint that is rolled back around another', async () => {
    const { shop, gate } = await heldShop();
    const written = shop.data.transaction(async (outer) => {
      // 1. This is changed first.
      await outer.save(Stock, { ...box.where, pieces: 1 });
      await outer
        .transaction(async (middle) => {
          // 2. A savepoint ends within another, which is rolled back and takes with it what was written since it began.
          await middle.transaction((inner) => inner.save(Stock, { ...box.where, shop: 2, pieces: 1 }));
          throw new Error('rolled back');
        })
        .catch(() => undefined);
    });
    // 3. The transaction commits.
    await gate.arrived;
    expect(await shop.data.manager.countBy(Stock, { shelf: box.namespace })).toBe(1);
    expect(await box.rows.texts(box.namespace)).toEqual([text(box.namespace)]);
    gate.open();
    await written;
    await isEmpty();
  });

  it('has what another subscriber writes before the same commit', async () => {
    const { shop, gate } = await heldShop();
    let once = true;
    shop.data.subscribers.push({
      async beforeTransactionCommit({ queryRunner }) {
        if (once) await queryRunner.manager.save(Animal, { name: 'late' });
        once = false;
      },
    });
    const written = shop.data.manager.save(Stock, { ...box.where, pieces: 1 });
    await gate.arrived;
    const told = (await box.rows.texts(box.namespace)).join();
    expect([told.includes('stock'), told.includes('animal')]).toEqual([true, true]);
    gate.open();
    await written;
    await isEmpty();
  });

  it('makes a transaction fail that it cannot keep, with the error of the database, and nothing is changed', async () => {
    const shop = await box.open({ store: sharedStores()() });
    await box.rows.data.query(`ALTER TABLE ${box.rows.table} RENAME TO gone`);
    try {
      await expect(shop.data.manager.save(Stock, { ...box.where, pieces: 1 })).rejects.toMatchObject({ code: '42P01' });
      expect(await shop.data.manager.countBy(Stock, box.where)).toBe(0);
    } finally {
      await box.rows.data.query(`ALTER TABLE "${box.schema}".gone RENAME TO distributed_cache_outbox`);
    }
    await shop.data.manager.save(Stock, { ...box.where, pieces: 1 });
    await isEmpty();
  });

  it('is passed by outside of a transaction, which is said once', async () => {
    const warn = vi.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    try {
      const { shop, gate } = await heldShop();
      const written = shop.data.manager.insert(Stock, { ...box.where, pieces: 1 });
      await gate.arrived;
      expect(await box.rows.texts(box.namespace)).toEqual([]);
      gate.open();
      await written;
      await shop.data.manager.update(Stock, box.where, { pieces: 2 });
      const lines = warn.mock.calls.flat().filter((line) => String(line).includes('outside of a transaction'));
      expect(lines).toEqual([text('A change of Stock')]);
    } finally {
      warn.mockRestore();
    }
  });

  it('must be there when the application starts', async () => {
    await expect(box.open({ store: sharedStores()(), outbox: { table: 'no_such_table' } })).rejects.toThrow(
      `expected a table ${box.schema}.no_such_table in the data source "default" (postgres), found none. Add outboxMigration()`,
    );
  });
});
