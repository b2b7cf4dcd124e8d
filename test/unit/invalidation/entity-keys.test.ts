import { describe, expect, it } from 'vitest';
import type { TypeOrmEntityMetadata } from '../../../lib/codec/entity-metadata.js';
import type { EntityChange } from '../../../lib/invalidation/entity-change.js';
import { entityKeys, tellsNoRow } from '../../../lib/invalidation/entity-keys.js';
import { PendingChanges } from '../../../lib/invalidation/pending-changes.js';
import { upsertTarget } from '../../../lib/invalidation/typeorm/upsert-target.js';

const column = (name: string) => ({ getEntityValue: (row: object) => (row as Record<string, unknown>)[name] });
const product: TypeOrmEntityMetadata = {
  name: 'Product',
  target: class {},
  embeddeds: [],
  primaryColumns: [column('id')],
};
const stock: TypeOrmEntityMetadata = { ...product, name: 'Stock', primaryColumns: [column('shop'), column('shelf')] };
const version = { kind: 'version', order: 3n };

const keys = (change: Partial<EntityChange>) => entityKeys({ kind: 'update', metadata: product, ...change });
const tags = (change: Partial<EntityChange>) => keys(change).map(({ tag }) => tag);
const BULK = Array.from({ length: 32 }, (_, index) => `bulk:Product:#${index}`);

describe('entityKeys', () => {
  it('an update of a row', () => {
    const row = { id: 42 };
    expect(keys({ entity: row, databaseEntity: row, version })).toEqual([
      { tag: 'row:Product:42', change: 'changed', version },
      { tag: 'part:Product:42' },
      { tag: 'list:Product' },
      { tag: 'absence:Product' },
    ]);
  });

  it.each([
    ['insert', 'inserted'],
    ['remove', 'removed'],
    ['soft-remove', 'changed'],
    ['recover', 'changed'],
  ] as const)('%s: rows come and go', (kind, change) => {
    const found = keys({ kind, entityId: 42, version });
    expect(found[0]).toEqual({ tag: 'row:Product:42', change, version });
    expect(found.map(({ tag }) => tag)).toContain('members:Product');
  });

  it('a foreign key that changed takes the row from one list to another', () => {
    expect(tags({ databaseEntity: { id: 1 }, movedBetweenLists: true })).toContain('members:Product');
  });

  it('keys of any type, as texts: a bigint key is digits in one place and a number in another', () => {
    for (const id of [42, 42n, '42']) expect(tags({ kind: 'insert', entityId: id })[0]).toBe('row:Product:42');
    expect(tags({ kind: 'insert', entityId: new Date(0) })[0]).toBe('row:Product:"1970-01-01T00:00:00.000Z"');
    expect(tags({ kind: 'insert', entityId: Buffer.from([1, 255]) })[0]).toBe('row:Product:01ff');
  });

  it('composite keys, in the order of their columns', () => {
    expect(tags({ metadata: stock, kind: 'remove', entityId: { shelf: 'a', shop: 1 } })[0]).toBe('row:Stock:1:a');
  });

  it('the stored key as well as the given one', () => {
    const found = tags({ entity: { id: 'ABC' }, databaseEntity: { id: 'abc' } });
    expect(found).toEqual(expect.arrayContaining(['row:Product:ABC', 'row:Product:abc']));
  });

  it('no row is told: every entry with rows of the entity', () => {
    expect(tags({})).toEqual(BULK);
    expect(tags({ kind: 'remove' })).toEqual(BULK);
    expect(tags({ kind: 'insert', entity: { sku: 'a' } })).toEqual(BULK);
    expect(tags({ entity: { id: 42, price: 1 } }), 'what a query builder sets, of which rows?').toEqual(BULK);
    expect(tags({ metadata: stock, kind: 'remove', entityId: 1 })).toHaveLength(32);
  });

  it('an accessor that throws does not make the write fail', () => {
    const throwing = {
      ...product,
      primaryColumns: [
        {
          getEntityValue: () => {
            throw new Error('no');
          },
        },
      ],
    };
    expect(tags({ metadata: throwing, databaseEntity: {} })).toEqual(BULK);
    expect(tellsNoRow({ kind: 'update', metadata: throwing, databaseEntity: {} })).toBe(false);
  });

  it('classes of one table share its rows', () => {
    expect(
      tags({ kind: 'insert', entityId: 1, metadata: { ...product, name: 'Book', parentEntityMetadata: product } })[0],
    ).toBe('row:Product:1');
  });
});

describe('PendingChanges', () => {
  it('the last word on a row counts', () => {
    const pending = new PendingChanges();
    pending.add({ kind: 'remove', metadata: product, entityId: 1, version });
    pending.add({ kind: 'insert', metadata: product, entityId: 1 });
    expect(pending.all().filter(({ tag }) => tag === 'row:Product:1')).toEqual([
      { tag: 'row:Product:1', change: 'inserted' },
    ]);
  });

  it('a transaction that touches very many rows announces its entities as a whole', () => {
    const pending = new PendingChanges();
    pending.add({ kind: 'insert', metadata: stock, entityId: { shop: 1, shelf: 'a' } });
    for (let id = 0; id < 20_000; id++) pending.add({ kind: 'insert', metadata: product, entityId: id });
    pending.add({ kind: 'insert', metadata: { ...product, name: 'Late' }, entityId: 1 });
    const found = pending.all().map(({ tag }) => tag);
    expect(found).toHaveLength(96);
    expect(found).toEqual(expect.arrayContaining([...BULK, 'bulk:Stock:#0', 'bulk:Late:#31']));
  });
});

describe('upsertTarget', () => {
  it.each([
    ['INSERT INTO "t"("a") VALUES ($1)', undefined],
    ['INSERT INTO "t"("a") VALUES ($1) ON CONFLICT DO NOTHING', undefined],
    ['INSERT INTO "t"("a") VALUES ($1) ON CONFLICT ( "a", "b" ) DO UPDATE SET "a" = EXCLUDED."a"', ['a', 'b']],
    ['INSERT INTO "t"("a") VALUES ($1) ON CONFLICT ( "a" ) WHERE "x" = 1 DO UPDATE SET "a" = 1', ['a']],
    ['INSERT INTO "t"("a") VALUES ($1) ON CONFLICT ON CONSTRAINT "u" DO UPDATE SET "a" = 1', []],
    ['INSERT INTO `t`(`a`) VALUES (?) ON DUPLICATE KEY UPDATE `a` = VALUES(`a`)', []],
  ])('%s', (sql, columns) => {
    expect(upsertTarget(sql)).toEqual(columns);
  });
});
