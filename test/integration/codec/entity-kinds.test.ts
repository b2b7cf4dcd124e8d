import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { ClassRegistry } from '../../../lib/codec/class-registry.js';
import { EntityCatalog } from '../../../lib/codec/entity-metadata.js';
import { describeShape, entityShape } from '../../../lib/codec/entity-shape.js';
import { TaggedJsonCodec } from '../../../lib/codec/tagged-json-codec.js';
import {
  Address,
  Author,
  Book,
  closeLibrary,
  Film,
  Geo,
  LOADS,
  type Medium,
  Money,
  openLibrary,
  Output,
  Photo,
  Profile,
  ran,
  Shelf,
  Stock,
} from '../../support/entity-kinds.js';

const schema = `kinds_${randomUUID().replaceAll('-', '')}`;
let source: DataSource;
let queries: string[];
let codec: TaggedJsonCodec;

function codecWith(...classes: (typeof Money)[]): TaggedJsonCodec {
  const registry = new ClassRegistry();
  new EntityCatalog().add(source).registerClasses(registry);
  for (const target of classes) registry.register(target);
  return new TaggedJsonCodec(registry);
}

beforeAll(async () => {
  ({ source, queries } = await openLibrary(inject('postgresUrl'), schema));
  codec = codecWith(Money);
});

afterAll(() => closeLibrary(source, schema));

async function load<T>(name: keyof typeof LOADS): Promise<{ loaded: T; back: T }> {
  const loaded = (await LOADS[name]?.(source)) as T;
  queries.length = 0;
  ran.constructors = ran.setters = 0;
  const back = codec.decode(codec.encode(loaded)) as T;
  expect({ ...ran, queries: [...queries] }).toStrictEqual({ constructors: 0, setters: 0, queries: [] });
  return { loaded, back };
}

describe('every kind of entity', () => {
  it.each(Object.keys(LOADS))('%s: deeply equal, in the same order, and nothing ran or was asked', async (name) => {
    const { loaded, back } = await load(name);
    expect(back).toStrictEqual(loaded);
    expect(JSON.stringify(back, text)).toBe(JSON.stringify(loaded, text));
  });

  it('relations: instances of their classes all the way down, each side of a relation of both', async () => {
    const { back } = await load<Author>('relations of both sides');
    expect(back.books).toHaveLength(2);
    for (const { author } of back.books) {
      expect(author).toBeInstanceOf(Author);
      expect(author.books.every((book) => book instanceof Book)).toBe(true);
    }
    expect(back.profile).toBeInstanceOf(Profile);
  });

  it('columns keep their types', async () => {
    const { back } = await load<Book>('columns of many types');
    expect([back.isbn, back.title]).toStrictEqual([9_780_000_000_001n, 'ONE']);
    expect(Buffer.isBuffer(back.cover)).toBe(true);
    expect(back.editions.map((edition) => edition.getTime())).toStrictEqual([1_706_702_400_123, 0]);
    expect([back.createdAt, back.updatedAt].every((stamp) => stamp instanceof Date)).toBe(true);
  });

  it('an abstract base class lends its getters, embedded classes theirs', async () => {
    const { back } = await load<Author>('eager relation');
    expect([back.isNew, back.label, back.home.geo.isNorth]).toStrictEqual([true, '#1 Ann', true]);
    expect(back.home).toBeInstanceOf(Address);
    expect(back.home.geo).toBeInstanceOf(Geo);
  });

  it('a virtual column has its value; one that is not selected is not there, until it is named', async () => {
    const { back } = await load<Author>('column that is not selected');
    expect(back.bookCount).toBe(2);
    expect(back.secret).toBeUndefined();
    expect((await load<Author>('column that is selected by name')).back.secret).toBe('hunter2');
  });

  it('a single table gives each row its own class', async () => {
    const { back } = await load<Medium[]>('single table, by the parent');
    expect(back.map((medium) => medium.constructor)).toStrictEqual([Photo, Photo, Film]);
    expect(back[0]?.describe()).toBe('cat (640 px)');
    expect((back[2] as Film).poster).toBeInstanceOf(Photo);
  });

  it('views, composite keys and trees', async () => {
    expect((await load<Output[]>('view')).back[0]).toBeInstanceOf(Output);
    expect((await load<Stock[]>('composite key and transformed class')).back[1]?.price).toStrictEqual(
      new Money(-1n, 'CHF'),
    );
    const [root] = (await load<Shelf[]>('tree')).back;
    expect(root?.children[0]?.children[0]).toBeInstanceOf(Shelf);
    expect((await load<Shelf>('way up a tree')).back.parent?.parent?.name).toBe('fiction');
  });

  it('what came back is known to the database: save() changes its row', async () => {
    const { back } = await load<Stock[]>('composite key and transformed class');
    const [stock] = back;
    if (stock === undefined) return expect.fail('no stock');
    stock.price = new Money(5n, 'EUR');
    await source.getRepository(Stock).save(stock);
    expect(await source.getRepository(Stock).countBy({ bookId: 1 })).toBe(2);
    expect((await source.getRepository(Stock).findOneByOrFail({ bookId: 1, store: 'A' })).price.cents).toBe(5n);
  });
});

describe('lazy relations', () => {
  it('not loaded: stay so, and load after a hit', async () => {
    const { back } = await load<Book>('lazy relation that is not loaded');
    expect(Object.keys(back).filter((key) => key.includes('translator'))).toStrictEqual([]);
    expect((await back.translator)?.name).toBe('Bob');
    expect(queries).toHaveLength(1);
  });

  it.each(['lazy relation that is loaded', 'lazy relation that was awaited', 'lazy relation that is null'])(
    '%s: stays loaded, and asks nothing',
    async (name) => {
      const { loaded, back } = await load<Book>(name);
      queries.length = 0;
      const [expected, translator] = [await loaded.translator, await back.translator];
      expect(queries).toStrictEqual([]);
      expect(translator).toStrictEqual(expected);
      expect(translator?.constructor ?? null).toBe(name.endsWith('null') ? null : Author);
    },
  );

  it('loaded before, can be set and saved after a hit', async () => {
    const { back } = await load<Book>('lazy relation that was awaited');
    const [ann] = await source.getRepository(Author).findBy({ name: 'Ann' });
    back.translator = Promise.resolve(ann ?? null);
    await source.getRepository(Book).save(back);
    const saved = await source.getRepository(Book).findOneByOrFail({ id: back.id });
    expect((await saved.translator)?.name).toBe('Ann');
    const [bob] = await source.getRepository(Author).findBy({ name: 'Bob' });
    await source.createQueryBuilder().relation(Book, 'translator').of(back.id).set(bob?.id);
  });
});

describe('values of a class that a transformer makes', () => {
  it('are refused with the way out while their class is not registered', async () => {
    const stocks = await LOADS['composite key and transformed class']?.(source);
    expect(() => codecWith().encode(stocks)).toThrow(
      'value[0].price is a Money and cannot be cached. Cache a plain object instead, or, if its own properties are all it has, register its class: classes: [Money].',
    );
  });
});

describe('entities that contain themselves', () => {
  it('are refused with the path and the way out; TypeORM makes none by itself', async () => {
    const { loaded } = await load<Author>('relations of both sides');
    for (const book of loaded.books) book.author = loaded;
    expect(() => codec.encode(loaded)).toThrow(
      'value.books[0].author is an Author and cannot be cached. It contains itself (it is also value). Leave one side of the relation out, or cache its id.',
    );
  });
});

describe('the shape of an entity', () => {
  it('is this text, whatever the version of TypeORM', () => {
    expect(describeShape(source.getMetadata(Author))).toStrictEqual([
      '["column","bookCount","int",[]]',
      '["column","createdAt","timestamptz",[]]',
      '["column","email","text",[]]',
      '["column","home.city","text",[]]',
      '["column","home.geo.latitude","float8",[]]',
      '["column","home.geo.longitude","float8",[]]',
      '["column","id","int",[]]',
      '["column","name","text",[]]',
      '["column","secret","text","unselected",[]]',
      '["column","updatedAt","timestamptz",[]]',
      '["column","version","int4",[]]',
      '["embedded","home","Address"]',
      '["embedded","home.geo","Geo"]',
      '["relation","books","one-to-many","Book"]',
      '["relation","profile","one-to-one","Profile","eager"]',
    ]);
    expect(entityShape(source.getMetadata(Author))).toBe('uaEbP4bN');
    expect(describeShape(source.getMetadata(Output))).toStrictEqual([
      '["column","author","undefined",[]]',
      '["column","books","undefined",[]]',
    ]);
  });

  it('stands beside the name in each entry', async () => {
    const { loaded } = await load<Author>('eager relation');
    expect(codec.encode(loaded)).toContain(`{"$class":["Author#${entityShape(source.getMetadata(Author))}",{"id":1,`);
  });
});

function text(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : Object.is(value, -0) ? '-0' : value;
}
