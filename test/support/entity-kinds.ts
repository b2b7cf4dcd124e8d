import { Exclude, Expose, Transform, Type } from 'class-transformer';
import {
  ChildEntity,
  Column,
  CreateDateColumn,
  DataSource,
  Entity,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  OneToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  TableInheritance,
  Tree,
  TreeChildren,
  TreeParent,
  UpdateDateColumn,
  VersionColumn,
  ViewColumn,
  ViewEntity,
  VirtualColumn,
  JoinColumn,
  type Relation,
} from 'typeorm';

const MOMENT = new Date('2024-01-31T12:00:00.123Z');

/** Counts what no decoding may run. */
export const ran = { constructors: 0, setters: 0 };

/** An abstract class that entities extend: keys, stamps and behaviour come from it. */
export abstract class Stamped {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;

  @CreateDateColumn({ type: 'timestamptz' })
  createdAt!: Date;

  @UpdateDateColumn({ type: 'timestamptz' })
  updatedAt!: Date;

  @VersionColumn({ type: 'int' })
  version!: number;

  constructor() {
    ran.constructors++;
  }

  get isNew(): boolean {
    return this.version === 1;
  }
}

/** A value class; the transformer makes it, so it has to be registered. */
export class Money {
  constructor(
    readonly cents: bigint,
    readonly currency: string,
  ) {}

  toString(): string {
    return `${String(this.cents)} ${this.currency}`;
  }
}

const asMoney = {
  to: (money: Money | null) => money?.toString(),
  from: (text: string | null) => {
    const [cents, currency] = text?.split(' ') ?? [];
    return cents === undefined || currency === undefined ? null : new Money(BigInt(cents), currency);
  },
};
const asBigint = { to: (value: bigint) => String(value), from: (value: string) => BigInt(value) };
const asCode = { to: (value: string) => value.toLowerCase(), from: (value: string) => value.toUpperCase() };

export class Geo {
  @Column({ type: 'float8' })
  latitude!: number;

  @Column({ type: 'float8' })
  longitude!: number;

  get isNorth(): boolean {
    return this.latitude > 0;
  }
}

/** Embedded, with another embedded object in it and a prefix. */
export class Address {
  @Column({ type: 'text' })
  city!: string;

  @Column(() => Geo, { prefix: 'geo_' })
  geo!: Geo;
}

@Entity()
export class Profile {
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @Column({ type: 'text' })
  bio!: string;
}

@Entity()
export class Genre {
  @PrimaryColumn({ type: 'text' })
  code!: string;
}

@Entity()
export class Author extends Stamped {
  @Column({ type: 'text' })
  name!: string;

  @Exclude()
  @Column({ type: 'text', select: false, nullable: true })
  secret?: string | null;

  @Expose({ groups: ['staff'] })
  @Column({ type: 'text' })
  email!: string;

  @Column(() => Address, { prefix: 'home' })
  home!: Address;

  @OneToOne(() => Profile, { eager: true, cascade: true })
  @JoinColumn()
  profile!: Relation<Profile>;

  @OneToMany(() => Book, (book) => book.author)
  books!: Relation<Book[]>;

  @VirtualColumn({ type: 'int', query: (alias) => `SELECT count(*)::int FROM book WHERE "authorId" = ${alias}.id` })
  bookCount!: number;

  @Expose()
  get label(): string {
    return `#${String(this.id)} ${this.name}`;
  }

  set label(_: string) {
    ran.setters++;
  }
}

@Entity()
export class Book extends Stamped {
  @Column({ type: 'text', transformer: asCode })
  title!: string;

  @Transform(({ value }) => String(value))
  @Column({ type: 'bigint', transformer: asBigint })
  isbn!: bigint;

  @Column({ type: 'text', array: true })
  keywords!: string[];

  @Exclude()
  @Column({ type: 'bytea' })
  cover!: Buffer;

  @Type(() => Date)
  @Column({ type: 'timestamptz', array: true })
  editions!: Date[];

  @Column({ type: 'jsonb' })
  extra!: unknown;

  @ManyToOne(() => Author, (author) => author.books)
  author!: Relation<Author>;

  @ManyToMany(() => Genre, { cascade: true })
  @JoinTable()
  genres!: Relation<Genre[]>;

  @ManyToOne(() => Author, { lazy: true, nullable: true })
  translator!: Promise<Author | null>;
}

/** A single table for all classes. */
@Entity()
@TableInheritance({ column: { type: 'text', name: 'kind' } })
export class Medium {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'text' })
  title!: string;

  describe(): string {
    return this.title;
  }
}

@ChildEntity()
export class Photo extends Medium {
  @Column({ type: 'int' })
  width!: number;

  override describe(): string {
    return `${super.describe()} (${String(this.width)} px)`;
  }
}

@ChildEntity()
export class Film extends Medium {
  @Column({ type: 'int' })
  minutes!: number;

  @ManyToOne(() => Photo, { eager: true, cascade: true })
  poster!: Relation<Photo>;
}

/** A composite key. */
@Entity()
export class Stock {
  @PrimaryColumn({ type: 'int' })
  bookId!: number;

  @PrimaryColumn({ type: 'text' })
  store!: string;

  @Transform(({ value }) => (value as Money).toString())
  @Column({ type: 'text', transformer: asMoney })
  price!: Money;
}

@Entity()
@Tree('materialized-path')
export class Shelf {
  @PrimaryGeneratedColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'text' })
  name!: string;

  @TreeChildren({ cascade: true })
  children!: Shelf[];

  @TreeParent()
  parent!: Shelf | null;
}

@ViewEntity({ expression: 'SELECT "authorId" AS author, count(*)::int AS books FROM book GROUP BY "authorId"' })
export class Output {
  @ViewColumn()
  author!: number;

  @ViewColumn()
  books!: number;
}

export const ENTITIES = [Author, Book, Film, Genre, Medium, Output, Photo, Profile, Shelf, Stock];

/** One thing to load, by name. */
export const LOADS: Readonly<Record<string, (source: DataSource) => Promise<unknown>>> = {
  'columns of many types': (source) => book(source),
  'relation to one': (source) => book(source, { author: true }),
  'relation to many': (source) => author(source, { books: true }),
  'nested relations': (source) => author(source, { books: { genres: true } }),
  'relations of both sides': (source) => author(source, { books: { author: { books: true } } }),
  'eager relation': (source) => author(source),
  'relations by queries of their own': (source) =>
    source.getRepository(Author).find({ relations: { books: { author: true } }, relationLoadStrategy: 'query' }),
  'relation that is empty': (source) =>
    source.getRepository(Book).findOneOrFail({ where: { id: 2 }, relations: { genres: true } }),
  'lazy relation that is not loaded': (source) => book(source),
  'lazy relation that is loaded': (source) => book(source, { translator: true }),
  'lazy relation that was awaited': async (source) => {
    const found = await book(source);
    await found.translator;
    return found;
  },
  'lazy relation that is null': (source) =>
    source.getRepository(Book).findOneOrFail({ where: { id: 2 }, relations: { translator: true } }),
  'column that is not selected': (source) => author(source),
  'column that is selected by name': (source) =>
    source.getRepository(Author).findOneOrFail({ where: { id: 1 }, select: { id: true, secret: true, name: true } }),
  'single table, by the parent': (source) => source.getRepository(Medium).find({ order: { id: 'ASC' } }),
  'single table, by a child': (source) => source.getRepository(Film).find(),
  'composite key and transformed class': (source) => source.getRepository(Stock).find({ order: { store: 'ASC' } }),
  view: (source) => source.getRepository(Output).find(),
  tree: (source) => source.getTreeRepository(Shelf).findTrees(),
  'way up a tree': async (source) => {
    const shelves = source.getTreeRepository(Shelf);
    return shelves.findAncestorsTree(await shelves.findOneByOrFail({ name: 'thrillers' }));
  },
  'list with a count': (source) => source.getRepository(Book).findAndCount({ order: { id: 'ASC' } }),
  'raw rows': (source) => source.getRepository(Book).createQueryBuilder('book').getRawMany(),
  'page of entities': async (source) => ({ items: await source.getRepository(Book).find(), total: 2, at: MOMENT }),
  nothing: (source) => source.getRepository(Book).findOneBy({ id: -1 }),
};

function author(source: DataSource, relations = {}): Promise<Author> {
  return source.getRepository(Author).findOneOrFail({ where: { id: 1 }, relations });
}

function book(source: DataSource, relations = {}): Promise<Book> {
  return source.getRepository(Book).findOneOrFail({ where: { id: 1 }, relations });
}

/** A database with a few rows of each kind in a schema of its own. `queries` tells what was sent since it was emptied. */
export async function openLibrary(url: string, schema: string): Promise<{ source: DataSource; queries: string[] }> {
  const queries: string[] = [];
  const admin = await new DataSource({ type: 'postgres', url }).initialize();
  await admin.query(`CREATE SCHEMA "${schema}"`);
  await admin.destroy();
  const source = await new DataSource({
    type: 'postgres',
    url,
    schema,
    entities: ENTITIES,
    synchronize: true,
    // The views and virtual columns name their tables without a schema.
    extra: { options: `-c search_path=${schema}` },
    logging: ['query'],
    logger: {
      logQuery: (query) => void queries.push(query),
      logQueryError: () => undefined,
      logQuerySlow: () => undefined,
      logSchemaBuild: () => undefined,
      logMigration: () => undefined,
      log: () => undefined,
    },
  }).initialize();
  await fillLibrary(source);
  queries.length = 0;
  return { source, queries };
}

async function fillLibrary(source: DataSource): Promise<void> {
  const home = { city: 'Köln', geo: { latitude: 50.94, longitude: -0 } };
  const writers = await source.getRepository(Author).save([
    { name: 'Ann', secret: 'hunter2', email: 'ann@example.org', home, profile: { bio: 'writes' } },
    { name: 'Bob', email: 'bob@example.org', home, profile: { bio: '' } },
  ]);
  const [ann, bob] = writers as [Author, Author];
  const details = { keywords: ['a', 'b'], cover: Buffer.from([0, 255]), editions: [MOMENT, new Date(0)] };
  await source.getRepository(Book).save({
    ...{ ...details, title: 'ONE', isbn: 9_780_000_000_001n, extra: { $Date: 'not a date', n: [1, null] } },
    ...{ author: ann, genres: [{ code: 'crime' }, { code: 'drama' }] },
  });
  await source.getRepository(Book).save({ ...details, title: 'TWO', isbn: 2n ** 60n, extra: 'text', author: ann });
  await source.createQueryBuilder().relation(Book, 'translator').of(1).set(bob.id);
  await source.getRepository(Photo).save({ title: 'cat', width: 640 });
  await source.getRepository(Film).save({ title: 'cats', minutes: 90, poster: { title: 'poster', width: 1_024 } });
  await source.getRepository(Stock).save([
    { bookId: 1, store: 'A', price: new Money(999n, 'EUR') },
    { bookId: 1, store: 'B', price: new Money(-1n, 'CHF') },
  ]);
  const root = await source.getRepository(Shelf).save({ name: 'fiction' });
  const crime = await source.getRepository(Shelf).save({ name: 'crime', parent: root });
  await source.getRepository(Shelf).save({ name: 'thrillers', parent: crime });
}

export async function closeLibrary(source: DataSource | undefined, schema: string): Promise<void> {
  if (source?.isInitialized !== true) return;
  await source.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
  await source.destroy();
}
