import { describe, expect, it } from 'vitest';
import { ClassRegistry } from '../../../lib/codec/class-registry.js';
import { EntityCatalog } from '../../../lib/codec/entity-metadata.js';
import type { TypeOrmEntityMetadata } from '../../../lib/codec/typeorm-types.js';
import { describeShape, entityShape } from '../../../lib/codec/entity-shape.js';

class Product {}
class Category {}
class Audit {}

const cents = { to: (value: bigint) => String(value), from: (value: string) => BigInt(value) };
const metadata: TypeOrmEntityMetadata = {
  name: 'Product',
  target: Product,
  columns: [
    { propertyPath: 'id', type: Number, isSelect: true, isArray: false, isVirtual: false },
    { propertyPath: 'price', type: 'bigint', transformer: cents },
    { propertyPath: 'audit.at', type: 'timestamptz' },
    { propertyPath: 'categoryId', type: 'int', isVirtual: true },
  ],
  relations: [
    {
      propertyName: 'category',
      propertyPath: 'category',
      relationType: 'many-to-one',
      type: Category,
      isLazy: false,
      isEager: false,
      isOneToMany: false,
      isManyToMany: false,
      isOwning: true,
    },
  ],
  embeddeds: [{ type: Audit, propertyName: 'audit', isArray: false, embeddeds: [] }],
};
const [id, price, at, foreignKey] = metadata.columns ?? [];

function withColumn(from: string, change: object): TypeOrmEntityMetadata {
  return {
    ...metadata,
    columns: (metadata.columns ?? []).map((column) =>
      column.propertyPath === from ? { ...column, ...change } : column,
    ),
  };
}

function withRelation(change: object): TypeOrmEntityMetadata {
  return { ...metadata, relations: (metadata.relations ?? []).map((relation) => ({ ...relation, ...change })) };
}

describe('entityShape', () => {
  it('is eight characters of the same text in every process', () => {
    expect(describeShape(metadata).map((line) => line.replace(/to \(.*/, '…'))).toStrictEqual([
      '["column","audit.at","timestamptz",[]]',
      '["column","id","Number",[]]',
      '["column","price","bigint",["…',
      '["embedded","audit","Audit"]',
      '["relation","category","many-to-one","Category"]',
    ]);
    const { transformer, ...plain } = price ?? { propertyPath: '' };
    expect(transformer).toBe(cents);
    expect(entityShape({ ...metadata, columns: [id, plain, at].filter((column) => column !== undefined) })).toBe(
      'YkPIWvKK',
    );
  });

  const same: [string, TypeOrmEntityMetadata][] = [
    ['the order of declaration', { ...metadata, columns: [...(metadata.columns ?? [])].reverse() }],
    ['a foreign key without a property', { ...metadata, columns: [id, price, at].filter((c) => c !== undefined) }],
    ['flags that are left out instead of false', withRelation({ isLazy: undefined, isEager: undefined })],
    ['what only the database sees', withColumn('id', { databaseName: 'product_id', length: '20', isNullable: true })],
    ['the same transformer, in a list', withColumn('price', { transformer: [cents] })],
  ];

  it.each(same)('does not count %s', (_, other) => {
    expect(entityShape(other)).toBe(entityShape(metadata));
  });

  const other: [string, TypeOrmEntityMetadata][] = [
    ['a column more', { ...metadata, columns: [...(metadata.columns ?? []), { propertyPath: 'name', type: String }] }],
    ['a column less', { ...metadata, columns: [id, at, foreignKey].filter((column) => column !== undefined) }],
    ['another name', withColumn('id', { propertyPath: 'key' })],
    ['another type', withColumn('id', { type: 'uuid' })],
    ['a list of it', withColumn('id', { isArray: true })],
    ['select: false', withColumn('id', { isSelect: false })],
    ['no transformer', withColumn('price', { transformer: undefined })],
    ['another transformer', withColumn('price', { transformer: { ...cents, from: (value: string) => Number(value) } })],
    ['a foreign key with a property', withColumn('categoryId', { isVirtual: false })],
    ['no relation', { ...metadata, relations: [] }],
    ['a relation to another class', withRelation({ type: Audit })],
    ['a relation of another kind', withRelation({ relationType: 'one-to-many' })],
    ['a lazy relation', withRelation({ isLazy: true })],
    ['an eager relation', withRelation({ isEager: true })],
    [
      'another embedded class',
      { ...metadata, embeddeds: [{ type: Product, propertyName: 'audit', isArray: false, embeddeds: [] }] },
    ],
    [
      'an embedded object further down',
      { ...metadata, embeddeds: [{ type: Audit, embeddeds: [{ type: Audit, propertyName: 'audit', embeddeds: [] }] }] },
    ],
  ];

  it.each(other)('counts %s', (_, changed) => {
    expect(entityShape(changed)).not.toBe(entityShape(metadata));
  });

  it('is written beside the name by whoever has registered the entities of a data source', () => {
    const classes = new ClassRegistry().register(Product);
    const catalog = new EntityCatalog().add({ entityMetadatas: [metadata] });
    catalog.registerClasses(classes);
    catalog.registerClasses(classes);
    expect(classes.ofInstance(new Product())?.storedName).toBe(`Product#${entityShape(metadata)}`);
    expect(classes.ofInstance(new Audit())?.storedName).toBe('Audit');
  });
});
