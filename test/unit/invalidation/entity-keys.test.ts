import { describe, expect, it } from 'vitest';
import type { TypeOrmColumn, TypeOrmEntityMetadata } from '../../../lib/codec/typeorm-types.js';
import type { EntityChange } from '../../../lib/invalidation/entity-change.js';
import { entityKeys, tellsNoRow } from '../../../lib/invalidation/entity-keys.js';
import { PendingChanges } from '../../../lib/invalidation/pending-changes.js';
import { column, entity, inOneDatabase, junction } from './fake-entities.js';

const product = entity('product', [column('id', 'int')]);
const stock = entity('stock', [column('shop', 'int'), column('shelf', 'text')]);
const page = entity('page', [column('id', 'uuid')]);
inOneDatabase('postgres', product, stock, page);
const version = { kind: 'version', order: 3n };

const keys = (change: Partial<EntityChange>) => entityKeys({ kind: 'update', metadata: product, ...change });
const tags = (change: Partial<EntityChange>) => keys(change).map(({ tag }) => tag);
const bulk = (table: string) => Array.from({ length: 32 }, (_, index) => `bulk:${table}:#${String(index)}`);
const lists = (table: string) => [`list:${table}`, `absence:${table}`, `members:${table}`];
const price = column('price', 'int') as TypeOrmColumn;

describe('entityKeys', () => {
  it('an update of a row', () => {
    const row = { id: 42 };
    expect(keys({ entity: row, databaseEntity: row, version, updatedColumns: [price] })).toEqual([
      { tag: 'row:product:42', change: 'changed', version },
      { tag: 'part:product:42' },
      { tag: 'list:product' },
      { tag: 'absence:product' },
    ]);
  });

  it.each([
    ['insert', 'inserted'],
    ['remove', 'removed'],
    ['soft-remove', 'changed'],
    ['recover', 'changed'],
  ] as const)('%s: rows come and go', (kind, change) => {
    const found = keys({ kind, entityId: 42, version });
    expect(found[0]).toEqual({ tag: 'row:product:42', change, version });
    expect(found.map(({ tag }) => tag)).toContain('members:product');
  });

  it('keys of any type, as texts: a bigint key is digits in one place and a number in another', () => {
    for (const id of [42, 42n, '42']) expect(tags({ kind: 'insert', entityId: id })[0]).toBe('row:product:42');
    expect(tags({ kind: 'insert', entityId: new Date(0) })[0]).toBe('row:product:"1970-01-01T00:00:00.000Z"');
    expect(tags({ kind: 'insert', entityId: Buffer.from([1, 255]) })[0]).toBe('row:product:01ff');
  });

  it('composite keys, in the order of their columns', () => {
    expect(tags({ metadata: stock, kind: 'remove', entityId: { shelf: 'a', shop: 1 } })[0]).toBe('row:stock:1:a');
  });

  it('the stored key as well as the given one', () => {
    const found = tags({ metadata: page, entity: { id: 'ABC' }, databaseEntity: { id: 'abc' } });
    expect(found).toEqual(expect.arrayContaining(['row:page:ABC', 'row:page:abc']));
  });

  it('a key that was only given may be spelled otherwise in the database: the whole table', () => {
    const id = '0f8fad5b-d9cb-469f-a165-70867728950e';
    expect(tags({ metadata: page, kind: 'remove', entityId: id })[0]).toBe(`row:page:${id}`);
    expect(tags({ metadata: page, kind: 'remove', entityId: id.toUpperCase() })).toEqual(bulk('page'));
    expect(tags({ kind: 'remove', entityId: '042' })).toEqual(bulk('product'));
  });

  it('no row is told: every entry with rows of the table', () => {
    expect(tags({})).toEqual(bulk('product'));
    expect(tags({ kind: 'remove' })).toEqual(bulk('product'));
    expect(tags({ kind: 'insert', entity: { sku: 'a' } })).toEqual(bulk('product'));
    expect(tags({ entity: { id: 42, price: 1 } }), 'what a query builder sets, of which rows?').toEqual(
      bulk('product'),
    );
    expect(tags({ metadata: stock, kind: 'remove', entityId: 1 })).toEqual(bulk('stock'));
  });

  it('an upsert that may have found another row: both', () => {
    const found = tags({ kind: 'insert', entity: { id: 42 }, mayBeAnother: true });
    expect(found).toEqual(expect.arrayContaining(['row:product:42', ...bulk('product')]));
  });

  it('an accessor that throws does not make the write fail', () => {
    const throwing = {
      ...column('id', 'int'),
      getEntityValue: () => {
        throw new Error('no');
      },
    };
    const metadata = { ...product, primaryColumns: [throwing] };
    expect(tags({ metadata, databaseEntity: {} })).toEqual(bulk('product'));
    expect(tellsNoRow({ kind: 'update', metadata, databaseEntity: {} })).toBe(false);
  });

  it('classes of one table share its rows', () => {
    const book = { ...product, name: 'Book', parentEntityMetadata: product };
    const catalogued = { ...product, name: 'Catalogued' };
    for (const metadata of [book, catalogued])
      expect(tags({ kind: 'insert', entityId: 1, metadata })[0]).toBe('row:product:1');
  });
});

describe('a foreign key that changes takes the row from one list to another', () => {
  const shelf = column('shelfId', 'int');
  const book: TypeOrmEntityMetadata = {
    ...entity('book', [column('id', 'int')]),
    foreignKeys: [{ referencedEntityMetadata: product, columns: [shelf], referencedColumns: [column('id', 'int')] }],
  };
  inOneDatabase('postgres', book, product);
  const row = { id: 1 };

  it.each([
    ['through the relation', { updatedRelations: [{}] }, true],
    ['through its plain column', { updatedColumns: [shelf as TypeOrmColumn] }, true],
    ['and another column does not', { updatedColumns: [price] }, false],
    ['what changed is not told', {}, true],
  ])('%s', (_, more, moves) => {
    const found = tags({ metadata: book, databaseEntity: row, entity: row, ...more });
    expect(found.includes('members:book')).toBe(moves);
  });
});

describe('a row of a many-to-many relation', () => {
  const label = entity('label', [column('name', 'text')]);
  const labels = junction('product_labels', { productId: product, labelName: label });
  inOneDatabase('postgres', product, label, labels);

  it('concerns both rows, and the lists of both sides', () => {
    const found = tags({ kind: 'insert', metadata: labels, entity: { productId: 7, labelName: 'new' } });
    expect(found).toEqual([
      'row:product:7',
      'part:product:7',
      ...lists('product'),
      'row:label:new',
      'part:label:new',
      ...lists('label'),
    ]);
  });

  it('that is not told concerns both tables', () => {
    expect(tags({ kind: 'remove', metadata: labels })).toEqual([...bulk('product'), ...bulk('label')]);
  });

  it('whose key may be spelled otherwise concerns the whole table of that side', () => {
    const pages = junction('page_labels', { pageId: page, labelName: label });
    inOneDatabase('postgres', page, label, pages);
    const found = tags({ kind: 'insert', metadata: pages, entity: { pageId: 'ABC', labelName: 'new' } });
    expect(found).toEqual([...bulk('page'), 'row:label:new', 'part:label:new', ...lists('label')]);
  });

  it('that refers to another column than the key concerns the whole table of that side', () => {
    const other = junction('product_codes', { productCode: product, labelName: label }, { productCode: 'code' });
    inOneDatabase('postgres', product, label, other);
    const found = tags({ kind: 'insert', metadata: other, entity: { productCode: 'x', labelName: 'new' } });
    expect(found).toEqual([...bulk('product'), 'row:label:new', 'part:label:new', ...lists('label')]);
  });

  it('is told by a class on its table too, as it was and as it is', () => {
    const mapped = entity(
      'product_labels',
      [column('id', 'int')],
      [column('productId', 'int'), column('labelName', 'text')],
    );
    inOneDatabase('postgres', product, label, labels, mapped);
    const found = tags({
      kind: 'update',
      metadata: mapped,
      databaseEntity: { id: 1, productId: 7, labelName: 'new' },
      entity: { id: 1, productId: 8, labelName: 'new' },
    });
    expect(found).toEqual(expect.arrayContaining(['row:product_labels:1', 'row:product:7', 'row:product:8']));
    expect(tags({ kind: 'insert', metadata: labels, entity: { productId: 7, labelName: 'new' } })).toEqual(
      expect.arrayContaining(bulk('product_labels')),
    );
  });
});

describe('what the database changes by itself', () => {
  const shop = entity('shop', [column('id', 'int')]);
  const referring = (name: string, onDelete: string, to: TypeOrmEntityMetadata, onUpdate = 'NO ACTION') => ({
    ...entity(name, [column('id', 'int')]),
    foreignKeys: [
      {
        referencedEntityMetadata: to,
        columns: [column(`${to.name}Id`, 'int')],
        referencedColumns: [column('id', 'int')],
        onDelete,
        onUpdate,
      },
    ],
  });
  const till = referring('till', 'CASCADE', shop, 'CASCADE');
  const receipt = referring('receipt', 'SET NULL', till);
  const line = referring('line', 'CASCADE', receipt);
  const owner = referring('owner', 'RESTRICT', shop);
  const label = entity('label', [column('id', 'int')]);
  const labels = junction('shop_labels', { shopId: shop, labelId: label });
  const cascading = { ...labels, foreignKeys: referring('', 'CASCADE', shop).foreignKeys };
  inOneDatabase('postgres', shop, till, receipt, line, owner, label, cascading);

  it('rows that go with a removed one, those that lose their reference, and no others', () => {
    const found = tags({ kind: 'remove', metadata: shop, databaseEntity: { id: 1 } });
    expect(found).toEqual(expect.arrayContaining([...bulk('till'), ...bulk('receipt')]));
    expect(
      found.filter((tag) => /line|owner/.test(tag)),
      'a receipt stays',
    ).toEqual([]);
  });

  it('the rows that a removed one was related to', () => {
    expect(tags({ kind: 'remove', metadata: shop, databaseEntity: { id: 1 } })).toEqual(
      expect.arrayContaining(lists('label')),
    );
  });

  it('foreign keys that follow their column', () => {
    const changed = (name: string) =>
      tags({ metadata: shop, databaseEntity: { id: 1 }, updatedColumns: [column(name, 'int')] });
    expect(changed('id')).toEqual(expect.arrayContaining(bulk('till')));
    expect(changed('name')).not.toContain('bulk:till:#0');
  });

  it('foreign keys that follow a column which an upsert sets, and not those that follow the key by which it finds its row', () => {
    const coded = { ...till.foreignKeys[0]!, referencedColumns: [column('code', 'text')] };
    const city = { ...entity('city', [column('id', 'int')]), foreignKeys: [coded] };
    inOneDatabase('postgres', shop, till, city);
    const upsert = (row: object) => tags({ kind: 'insert', metadata: shop, entity: row, identity: ['1'] });
    expect(upsert({ id: 1, code: 'x' })).toEqual(expect.arrayContaining(bulk('city')));
    expect(upsert({ id: 1, name: 'y' }).filter((tag) => /till|city/.test(tag))).toEqual([]);
    inOneDatabase('postgres', shop, till, receipt, line, owner, label, cascading);
  });

  it('nothing when a row is only marked as deleted', () => {
    expect(tags({ kind: 'soft-remove', metadata: shop, databaseEntity: { id: 1 } })).not.toContain('bulk:till:#0');
  });
});

describe('a view', () => {
  const base = entity('base', [column('id', 'int')]);
  const label = entity('label', [column('id', 'int')]);
  const labels = junction('base_labels', { baseId: base, labelId: label });
  const view = { ...entity('view', []), tableType: 'view', dependsOn: new Set([base.target]) };
  const onView = { ...entity('summary', []), tableType: 'view', dependsOn: new Set(['view']) };
  inOneDatabase('postgres', base, label, labels, view, onView);

  it('hears of every change of what it is made of, and so do views that are made of it', () => {
    const both = [...bulk('view'), ...bulk('summary')];
    expect(tags({ metadata: base, databaseEntity: { id: 1 } })).toEqual(expect.arrayContaining(both));
    expect(tags({ kind: 'insert', metadata: labels, entity: { baseId: 1, labelId: 2 } })).toEqual(
      expect.arrayContaining(both),
    );
    expect(tags({ metadata: label, databaseEntity: { id: 1 } })).not.toContain('bulk:view:#0');
  });
});

describe('PendingChanges', () => {
  it('the last word on a row counts', () => {
    const pending = new PendingChanges();
    pending.add({ kind: 'remove', metadata: product, entityId: 1, version });
    pending.add({ kind: 'insert', metadata: product, entityId: 1 });
    expect(pending.all().filter(({ tag }) => tag === 'row:product:1')).toEqual([
      { tag: 'row:product:1', change: 'inserted' },
    ]);
  });

  it('what says nothing of the row itself takes nothing away', () => {
    const label = entity('label', [column('name', 'text')]);
    const labels = junction('product_labels', { productId: product, labelName: label });
    inOneDatabase('postgres', product, label, labels);
    const pending = new PendingChanges();
    pending.add({ kind: 'update', metadata: product, databaseEntity: { id: 1 }, version });
    pending.add({ kind: 'insert', metadata: labels, entity: { productId: 1, labelName: 'new' } });
    expect(pending.all()).toContainEqual({ tag: 'row:product:1', change: 'changed', version });
  });

  it('a transaction that touches very many rows announces its tables as a whole', () => {
    const pending = new PendingChanges();
    pending.add({ kind: 'insert', metadata: stock, entityId: { shop: 1, shelf: 'a' } });
    for (let id = 0; id < 6_000; id++) pending.add({ kind: 'insert', metadata: product, entityId: id });
    pending.add({ kind: 'insert', metadata: page, entityId: '1' });
    const found = pending.all().map(({ tag }) => tag);
    expect(found).toHaveLength(96);
    expect(found).toEqual(expect.arrayContaining([...bulk('product'), 'bulk:stock:#0', 'bulk:page:#31']));
  });
});
