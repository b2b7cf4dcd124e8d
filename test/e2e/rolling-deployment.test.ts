import { randomUUID } from 'node:crypto';
import { DistributedCacheService, inProcessLock, type CacheAnswer } from 'nestjs-distributed-cache';
import { redisLock, redisStore } from 'nestjs-distributed-cache/redis';
import { Column, DataSource, Entity, PrimaryColumn, VersionColumn } from 'typeorm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { startApp, stopApps, type RunningApp } from './support/app.js';

const schema = `rolling_${randomUUID().replaceAll('-', '')}`;
const KEY = ['product', 1];

type Product = object & { readonly version: number; readonly price?: string; readonly cents?: number };
type ProductClass = new () => Product;

/** The entity as the old release has it. */
function oldProduct(): ProductClass {
  @Entity({ name: 'product' })
  class Product {
    @PrimaryColumn({ type: 'int' })
    id!: number;

    @Column({ type: 'text' })
    price!: string;

    @VersionColumn({ type: 'int' })
    version!: number;
  }
  return Product;
}

/** And as the new one has it: of the same name, over the same table. */
function newProduct(): ProductClass {
  @Entity({ name: 'product' })
  class Product {
    @PrimaryColumn({ type: 'int' })
    id!: number;

    @Column({ type: 'int' })
    cents!: number;

    @VersionColumn({ type: 'int' })
    version!: number;
  }
  return Product;
}

/** One instance of the application, in one of its releases. */
class Release {
  loads = 0;
  private constructor(
    readonly running: RunningApp,
    private readonly source: DataSource,
    readonly Product: ProductClass,
  ) {}

  static async start(Product: ProductClass, namespace: string, shared: boolean): Promise<Release> {
    const source = await connect([Product]);
    const redisUrl = inject('redisUrl');
    const running = await startApp({
      providers: [{ provide: DataSource, useValue: source }],
      cache: {
        ...{ namespace, ttlMs: 3_600_000, store: redisStore({ url: redisUrl }) },
        lock: shared ? redisLock({ url: redisUrl }) : inProcessLock(),
      },
    });
    return new Release(running, source, Product);
  }

  get cache(): DistributedCacheService {
    return this.running.app.get(DistributedCacheService);
  }

  async read(): Promise<CacheAnswer<Product>> {
    const answer = await this.cache.getOrLoadWithOutcome(
      KEY,
      () => {
        this.loads++;
        return this.source.getRepository(this.Product).findOneByOrFail({ id: 1 } as never);
      },
      { entity: this.Product },
    );
    expect(answer.value).toBeInstanceOf(this.Product);
    expect(Object.keys(answer.value).sort()).toEqual(Object.keys(new this.Product()).sort());
    return answer;
  }

  async outcomes(times: number): Promise<string[]> {
    const found = [];
    for (let index = 0; index < times; index++) found.push((await this.read()).outcome);
    return found;
  }

  events(type: string): unknown[] {
    return this.running.events.filter((event) => event.type === type);
  }

  close(): Promise<void> {
    return this.source.destroy();
  }
}

let admin: DataSource;
const releases: Release[] = [];

async function connect(entities: ProductClass[]): Promise<DataSource> {
  return new DataSource({ type: 'postgres', url: inject('postgresUrl'), schema, entities }).initialize();
}

async function start(make: () => ProductClass, namespace: string, shared = false): Promise<Release> {
  const release = await Release.start(make(), namespace, shared);
  releases.push(release);
  return release;
}

beforeAll(async () => {
  admin = await connect([]);
  await admin.query(`CREATE SCHEMA ${schema}`);
  await admin.query(`CREATE TABLE ${schema}.product (id int primary key, price text, cents int, version int)`);
});

beforeEach(() => admin.query(`INSERT INTO ${schema}.product VALUES (1, '1.00', 100, 1)`));

afterEach(async () => {
  await stopApps();
  for (const release of releases.splice(0)) await release.close();
  await admin.query(`DELETE FROM ${schema}.product`);
});

afterAll(async () => {
  await admin.query(`DROP SCHEMA ${schema} CASCADE`);
  await admin.destroy();
});

async function change(version: number): Promise<void> {
  await admin.query(`UPDATE ${schema}.product SET price = $1, cents = $2, version = $3`, [
    `${String(version)}.00`,
    version * 100,
    version,
  ]);
}

describe('a deployment with a changed entity', () => {
  it('reads what the old release left behind as a miss of its own kind, and replaces it', async () => {
    const namespace = `rolling-${randomUUID()}`;
    const old = await start(oldProduct, namespace);
    expect(await old.outcomes(2)).toEqual(['MISS', 'HIT']);
    const young = await start(newProduct, namespace);
    expect(await young.outcomes(2)).toEqual(['MISS', 'HIT']);
    expect(young.events('other-shape')).toEqual([expect.objectContaining({ stays: false })]);
    expect(young.events('corrupt-entry')).toEqual([]);
    expect(young.running.lines.filter((line) => line.includes('with other classes'))).toHaveLength(1);
  });

  it('a release with the same entity reads what the other stored', async () => {
    const namespace = `rolling-${randomUUID()}`;
    await (await start(oldProduct, namespace)).read();
    const again = await start(oldProduct, namespace);
    expect((await again.read()).outcome).toBe('HIT');
    expect(again.events('other-shape')).toEqual([]);
  });

  it('runs beside the old release: each gets its own shape, one of them by hits, and neither undoes the other without end', async () => {
    const namespace = `rolling-${randomUUID()}`;
    const [old, young] = [await start(oldProduct, namespace), await start(newProduct, namespace)];
    const rounds = async (count: number): Promise<number[]> => {
      for (let round = 0; round < count; round++)
        await Promise.all([old.read(), young.read(), old.read(), young.read()]);
      return [old.loads, young.loads];
    };
    // Each may replace the other's entry once; from then on one of them is served.
    const [oldBefore, newBefore] = await rounds(5);
    const [oldAfter, newAfter] = await rounds(10);
    const grown = [(oldAfter ?? 0) - (oldBefore ?? 0), (newAfter ?? 0) - (newBefore ?? 0)].sort((a, b) => a - b);
    expect(grown[0]).toBe(0);
    expect(grown[1]).toBeLessThanOrEqual(20);
    for (const release of [old, young]) {
      expect(release.events('corrupt-entry')).toEqual([]);
      expect(
        release.events('other-shape').filter((event) => !(event as { stays: boolean }).stays).length,
      ).toBeLessThanOrEqual(1);
    }
  });

  it('the change that one of them announces reaches the other', async () => {
    const namespace = `rolling-${randomUUID()}`;
    const [old, young] = [await start(oldProduct, namespace), await start(newProduct, namespace)];
    for (let version = 2; version < 12; version++) {
      await Promise.all([old.read(), young.read()]);
      await change(version);
      await (version % 2 === 0 ? old : young).cache.invalidate(KEY, { version });
      const [fromOld, fromNew] = await Promise.all([old.read(), young.read()]);
      expect([fromOld.value.price, fromNew.value.cents]).toEqual([`${String(version)}.00`, version * 100]);
    }
  });

  it('four instances, crowds of callers and one lock: all end with their own shape', async () => {
    const namespace = `rolling-${randomUUID()}`;
    const fleet = [
      ...[await start(oldProduct, namespace, true), await start(newProduct, namespace, true)],
      ...[await start(oldProduct, namespace, true), await start(newProduct, namespace, true)],
    ];
    for (let version = 2; version < 6; version++) {
      const answers = await Promise.all(fleet.flatMap((release) => Array.from({ length: 25 }, () => release.read())));
      expect(answers.map(({ value }) => value.version)).toEqual(answers.map(() => version - 1));
      await change(version);
      await fleet[version % 4]?.cache.invalidate(KEY, { version });
    }
    // The bound: each round every process loads for itself at most twice (its own flight, and one behind it), and replaces at most once in all.
    for (const { loads } of fleet) expect(loads).toBeLessThanOrEqual(4 * 2 + 1);
  });
});
