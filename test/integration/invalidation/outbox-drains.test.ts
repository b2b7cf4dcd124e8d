import { randomUUID } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { rowTag } from '../../../lib/core/tag-names.js';
import type { StagedStore } from '../../support/staged-store.js';
import { Stock, type Shop, type ShopOptions } from './shop.js';
import { NO_DRAINS, outboxShops, sharedStores, SOON } from './outbox-support.js';

const box = outboxShops(SOON);
const shopOn = (store: StagedStore, options: Partial<ShopOptions> = {}): Promise<Shop> =>
  box.open({ store, ...options });

const piecesOf = async ({ cache, data }: Shop): Promise<number | undefined> =>
  (await cache.getOrLoad(['stock'], () => data.manager.findOneBy(Stock, box.where), { entity: Stock }))?.pieces;
/** How many rows that others left this one has announced. */
const drained = ({ events }: Shop): number =>
  events.reduce((sum, event) => sum + (event.type === 'outbox-drained' ? event.rows : 0), 0);
const announced = ({ events }: Shop): string[] =>
  events.flatMap((event) => (event.type === 'tags-announced' ? event.tags : []));
const until = (expectation: () => unknown) => vi.waitFor(expectation, 30_000);
const isEmpty = () => until(async () => expect(await box.rows.texts(box.namespace)).toEqual([]));
const ids = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index));
const tags = (of: readonly string[]): string[] => of.map((id) => rowTag('Stock', [id]));

describe('what is left in the outbox', () => {
  it('because the announcement failed is announced by another instance', async () => {
    const store = sharedStores();
    const away = store();
    const [writer, other] = [await shopOn(away, NO_DRAINS), await shopOn(store())];
    await writer.data.manager.save(Stock, { ...box.where, pieces: 1 });
    expect(await piecesOf(other)).toBe(1);
    // 1. The writer does not reach the store. 2. It commits. 3. It would repeat the announcement for ever; another finds the row.
    away.down = true;
    await writer.data.manager.save(Stock, { ...box.where, pieces: 2 });
    expect(writer.events.map(({ type }) => type)).toContain('announcement-failed');
    await until(() => expect(drained(other)).toBe(1));
    expect(await piecesOf(other)).toBe(2);
    await isEmpty();
  });

  it('while nobody reaches the store stays there, and one line tells it', async () => {
    const store = sharedStores()();
    const shop = await shopOn(store);
    await box.rows.leave(box.namespace, ids(3));
    store.down = true;
    await until(() => expect(shop.events.map(({ type }) => type)).toContain('outbox-failing'));
    expect([drained(shop), (await box.rows.texts(box.namespace)).length]).toEqual([0, 3]);
    store.down = false;
    await until(() => expect(drained(shop)).toBe(3));
    await isEmpty();
  });

  it('is announced by two at once without waiting for each other, and each row by one of them at least', async () => {
    const store = sharedStores();
    const [first, second] = [store(), store()];
    await box.rows.leave(box.namespace, ids(30));
    const options = { outbox: { intervalMs: 100, batchSize: 7 } };
    // 1. One has locked its rows, and announces. 2. The other takes all that are not locked.
    const gate = first.stop('before', 'announce');
    const a = await shopOn(first, options);
    await gate.arrived;
    const b = await shopOn(second, options);
    await until(() => expect(drained(b)).toBe(23));
    expect(drained(a)).toBe(0);
    gate.open();
    await until(() => expect(drained(a)).toBe(7));
    await isEmpty();
    expect(new Set([...announced(a), ...announced(b)])).toEqual(new Set(tags(ids(30))));
  });

  it('is announced again when whoever announced it died before it removed the rows', async () => {
    const store = sharedStores()();
    await box.rows.leave(box.namespace, ids(2));
    const gate = store.stop('after', 'announce');
    const shop = await shopOn(store);
    // 1. It is announced. 2. Whoever did that loses its database. 3. The rows are free again, and found.
    await gate.arrived;
    await box.rows.data.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE '%${box.schema}%FOR UPDATE SKIP LOCKED'`,
    );
    expect(await box.rows.texts(box.namespace)).toHaveLength(2);
    gate.open();
    await until(() => expect(drained(shop)).toBe(2));
    await isEmpty();
    expect(shop.events.map(({ type }) => type)).toContain('outbox-failing');
    expect(announced(shop).filter((tag) => tag === tags(['1'])[0])).toHaveLength(2);
  });

  it('is taken in pieces, however much it is', async () => {
    await box.rows.leave(box.namespace, ids(250));
    const shop = await shopOn(sharedStores()());
    await isEmpty();
    expect(shop.events.filter(({ type }) => type === 'outbox-drained')).toMatchObject([
      { rows: 100 },
      { rows: 100 },
      { rows: 50 },
    ]);
    expect(announced(shop)).toEqual(tags(ids(250)));
  });

  it('and cannot be read clears the namespace: it may be anything', async () => {
    const shop = await shopOn(sharedStores()());
    await shop.data.manager.save(Stock, { ...box.where, pieces: 1 });
    await piecesOf(shop);
    await box.rows.leave(box.namespace, ['unknown'], '{"format":"of a later release"}');
    await isEmpty();
    expect(shop.events.map(({ type }) => type)).toContain('cleared');
    expect(await shop.cache.get(['stock'])).toBeUndefined();
  });

  it('by another application stays, and so do rows that are their writer’s business', async () => {
    const other = randomUUID();
    await box.rows.leave(other, ids(2));
    const store = sharedStores()();
    const shop = await shopOn(store, { announceTimeoutMs: 60_000, outbox: { intervalMs: 100 } });
    const gate = store.stop('before', 'announce');
    const written = shop.data.manager.save(Stock, { ...box.where, pieces: 1 });
    await gate.arrived;
    await box.rows.leave(box.namespace, ids(1));
    await until(() => expect(drained(shop)).toBe(1));
    expect([(await box.rows.texts(other)).length, (await box.rows.texts(box.namespace)).length]).toEqual([2, 1]);
    gate.open();
    await written;
    await isEmpty();
  });

  it('is drained where the pool has one connection only', async () => {
    const shop = await shopOn(sharedStores()(), { poolSize: 1 });
    await box.rows.leave(box.namespace, ids(3));
    await shop.data.manager.save(Stock, { ...box.where, pieces: 1 });
    await until(() => expect(drained(shop)).toBe(3));
    await isEmpty();
  });
});
