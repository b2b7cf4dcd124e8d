import 'reflect-metadata';

import { randomUUID } from 'node:crypto';

import {
  Column,
  CreateDateColumn,
  DataSource,
  Entity,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  PrimaryGeneratedColumn,
  UpdateDateColumn,
  VersionColumn,
  type Relation,
} from 'typeorm';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { ClassRegistry } from '../../../lib/codec/class-registry.js';
import { EntityCatalog } from '../../../lib/codec/entity-metadata.js';
import { versionOf } from '../../../lib/codec/entity-version.js';
import { TaggedJsonCodec } from '../../../lib/codec/tagged-json-codec.js';
import { UnserializableValueError } from '../../../lib/core/errors.js';

const schema = `codec_${randomUUID().replaceAll('-', '')}`;
const bigintText = {
  to: (value: bigint) => String(value),
  from: (value: string | null) => (value === null ? null : BigInt(value)),
};
let constructed = 0;

class Period {
  @Column({ type: 'timestamptz' })
  from!: Date;

  @Column({ type: 'timestamptz', nullable: true })
  until!: Date | null;

  covers(moment: Date): boolean {
    return moment >= this.from && (this.until === null || moment < this.until);
  }
}

@Entity({ schema })
class Tag {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'text' })
  label!: string;
}

@Entity({ schema })
class Category {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'text' })
  name!: string;

  @OneToMany(() => Product, (product) => product.category)
  products!: Relation<Product[]>;
}

@Entity({ schema })
class Product {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'bigint', transformer: bigintText })
  stock!: bigint;

  @Column({ type: 'bytea', nullable: true })
  image!: Buffer | null;

  @Column({ type: 'jsonb' })
  attributes!: unknown;

  @Column({ type: 'interval' })
  warranty!: { readonly years: number; toPostgres(): string } | string;

  @Column(() => Period)
  sale!: Period;

  @CreateDateColumn({ type: 'timestamptz' })
  createdAt!: Date;

  @UpdateDateColumn({ type: 'timestamptz' })
  updatedAt!: Date;

  @VersionColumn({ type: 'int' })
  version!: number;

  @ManyToOne(() => Category, (category) => category.products, { cascade: true })
  category!: Relation<Category>;

  @ManyToMany(() => Tag, { cascade: true })
  @JoinTable()
  tags!: Tag[];

  @ManyToOne(() => Category, { lazy: true })
  origin!: Promise<Category | null>;

  constructor() {
    constructed++;
  }

  get soldOut(): boolean {
    return this.stock === 0n;
  }
}

const queries: string[] = [];
let dataSource: DataSource;
let codec: TaggedJsonCodec;
let catalog: EntityCatalog;
let id: number;

beforeAll(async () => {
  dataSource = new DataSource({
    type: 'postgres',
    url: inject('postgresUrl'),
    entities: [Product, Category, Tag],
    logging: ['query'],
    logger: {
      logQuery: (query) => void queries.push(query),
      logQueryError: () => undefined,
      logQuerySlow: () => undefined,
      logSchemaBuild: () => undefined,
      logMigration: () => undefined,
      log: () => undefined,
    },
  });
  await dataSource.initialize();
  await dataSource.query(`CREATE SCHEMA ${schema}`);
  await dataSource.synchronize();
  id = await insertProduct();
  const classes = new ClassRegistry();
  catalog = new EntityCatalog().add(dataSource);
  catalog.registerClasses(classes);
  codec = new TaggedJsonCodec(classes);
});

afterAll(async () => {
  if (!dataSource.isInitialized) return;
  await dataSource.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  await dataSource.destroy();
});

async function insertProduct(): Promise<number> {
  const origin = await dataSource.getRepository(Category).save({ name: 'imported' });
  const { id: created } = await dataSource.getRepository(Product).save({
    name: 'Größe "L"',
    stock: 2n ** 60n,
    image: Buffer.from([0, 255]),
    attributes: { $Date: 'not a date', list: [1, null] },
    warranty: '2 years 3 days',
    sale: { from: new Date('2024-01-01T00:00:00.001Z'), until: null },
    category: { name: 'shirts' },
    tags: [{ label: 'red' }, { label: 'new' }],
  });
  await dataSource.createQueryBuilder().relation(Product, 'origin').of(created).set(origin.id);
  return created;
}

function load(relations: Record<string, boolean | object> = {}): Promise<Product> {
  return dataSource.getRepository(Product).findOneOrFail({ where: { id }, relations });
}

function roundTrip<T>(value: T): T {
  return codec.decode(codec.encode(value)) as T;
}

describe('entities through the codec', () => {
  it('bring an interval of the driver back as one', async () => {
    const { warranty } = await load();
    const back = roundTrip(await load()).warranty;
    expect(warranty).toMatchObject({ years: 2, days: 3 });
    expect(back).toStrictEqual(warranty);
    expect(Object.getPrototypeOf(back)).toHaveProperty('toPostgres');
  });

  it('come back as instances of their class, with columns, dates, embedded objects and loaded relations', async () => {
    const product = await load({ category: true, tags: true });
    constructed = 0;
    const back = roundTrip(product);
    expect(constructed).toBe(0);
    expect(back).toStrictEqual(product);
    expect(back).toBeInstanceOf(Product);
    expect(back.soldOut).toBe(false);
    expect(back.stock).toBe(2n ** 60n);
    expect(back.updatedAt).toStrictEqual(product.updatedAt);
    expect(Buffer.isBuffer(back.image)).toBe(true);
    expect(back.sale).toBeInstanceOf(Period);
    expect(back.sale.covers(new Date('2024-06-01'))).toBe(true);
    expect(back.sale.until).toBeNull();
    expect(back.category).toBeInstanceOf(Category);
    expect(back.tags.map((tag) => tag instanceof Tag && tag.label).sort()).toStrictEqual(['new', 'red']);
  });

  it('come back in lists, and from the other side of a relation', async () => {
    const categories = await dataSource
      .getRepository(Category)
      .find({ relations: { products: { tags: true } }, order: { id: 'ASC' } });
    const back = roundTrip(categories);
    expect(back).toStrictEqual(categories);
    expect(back[1]?.products[0]?.tags[0]).toBeInstanceOf(Tag);
  });

  it('are known to the database after a hit: save() changes the row instead of making one', async () => {
    const product = roundTrip(await load());
    product.name = 'renamed';
    await dataSource.getRepository(Product).save(product);
    expect(await dataSource.getRepository(Product).count()).toBe(1);
    expect((await load()).name).toBe('renamed');
  });

  it('that contain each other are refused, and the message says where', async () => {
    const product = await load({ category: { products: true } });
    product.category.products = [product];
    expect(() => codec.encode(product)).toThrow(UnserializableValueError);
    expect(() => codec.encode(product)).toThrow(
      'value.category.products[0] is a Product and cannot be cached. It contains itself',
    );
  });
});

describe('lazy relations through the codec', () => {
  it('that are not loaded are not triggered, stay unloaded, and still load after a hit', async () => {
    const product = await load();
    queries.length = 0;
    const back = roundTrip(product);
    expect(queries).toStrictEqual([]);
    expect(Object.keys(back)).toStrictEqual(Object.keys(product));
    expect((await back.origin)?.name).toBe('imported');
    expect(queries).toHaveLength(1);
  });

  it('that are loaded stay loaded', async () => {
    const product = await load();
    await product.origin;
    queries.length = 0;
    const back = roundTrip(product);
    const origin = await back.origin;
    expect(origin).toBeInstanceOf(Category);
    expect(origin?.name).toBe('imported');
    expect(queries).toStrictEqual([]);
  });

  it('that are being loaded are left out', async () => {
    const product = await load();
    const loading = product.origin;
    const back = roundTrip(product);
    await loading;
    expect(Object.keys(back)).not.toContain('__promise_origin__');
    expect((await back.origin)?.name).toBe('imported');
  });
});

describe('versions of entities', () => {
  it('are the version column first, then the update date, of what was loaded and of what came back', async () => {
    const product = await load();
    const entity = catalog.find(Product);
    expect(versionOf(product, { entity })).toStrictEqual({
      version: { kind: 'version', order: BigInt(product.version) },
    });
    expect(versionOf(roundTrip(product), { entity })).toStrictEqual(versionOf(product, { entity }));
    const unversioned = await dataSource
      .getRepository(Product)
      .findOneOrFail({ where: { id }, select: { id: true, updatedAt: true } });
    expect(versionOf(unversioned, { entity })).toStrictEqual({
      version: { kind: 'updated-at', order: BigInt(product.updatedAt.getTime()) },
    });
  });

  it('rise when the row is saved', async () => {
    const product = await load();
    const entity = catalog.find(Product);
    const before = versionOf(product, { entity }).version;
    product.name += '!';
    await dataSource.getRepository(Product).save(product);
    expect(versionOf(await load(), { entity }).version?.order).toBe((before?.order ?? 0n) + 1n);
  });
});
