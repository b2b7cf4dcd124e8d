import { randomUUID } from 'node:crypto';
import { Controller, Get } from '@nestjs/common';
import { DistributedCacheService, LockedCacheable, type CacheEvent } from 'nestjs-distributed-cache';
import { redisLock, redisStore } from 'nestjs-distributed-cache/redis';
import {
  Column,
  DataSource,
  Entity,
  PrimaryColumn,
  UpdateDateColumn,
  VersionColumn,
  type DataSourceOptions,
} from 'typeorm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { get, startApp, stopApps, type AppParts, type RunningApp } from './support/app.js';

const schema = `versions_${randomUUID().replaceAll('-', '')}`;

abstract class Row {
  @PrimaryColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'text' })
  name!: string;
}

/** Ordered by its date alone, as TypeORM writes it. */
@Entity({ schema })
class Dated extends Row {
  @UpdateDateColumn({ type: 'timestamptz', update: false })
  updatedAt!: Date;
}

/** Stamped by a trigger that reads the clock. */
@Entity({ schema })
class Clocked extends Row {
  @UpdateDateColumn({ type: 'timestamptz', update: false, default: () => 'clock_timestamp()' })
  updatedAt!: Date;
}

@Entity({ schema })
class Counted extends Row {
  @VersionColumn({ type: 'int', update: false })
  version!: number;
}

/** Both may be written by save(). */
@Entity({ schema })
class StaleCount extends Row {
  @VersionColumn({ type: 'int' })
  version!: number;
}

@Entity({ schema })
class StaleDate extends Row {
  @UpdateDateColumn({ type: 'timestamptz' })
  updatedAt!: Date;
}

@Entity({ schema })
class Plain extends Row {}

const entities = [Dated, Clocked, Counted, StaleCount, StaleDate, Plain];
const options = () => ({ type: 'postgres' as const, url: inject('postgresUrl'), schema, entities });
const key = ['row', 1];

let dataSource: DataSource;

beforeAll(async () => {
  dataSource = await new DataSource(options()).initialize();
  await dataSource.query(`CREATE SCHEMA ${schema}`);
  await dataSource.synchronize();
  await dataSource.query(
    `CREATE FUNCTION ${schema}.stamp() RETURNS trigger AS $$ BEGIN NEW."updatedAt" := clock_timestamp(); RETURN NEW; END $$ LANGUAGE plpgsql`,
  );
  await dataSource.query(
    `CREATE TRIGGER stamp BEFORE UPDATE ON ${schema}.clocked FOR EACH ROW EXECUTE FUNCTION ${schema}.stamp()`,
  );
});
afterAll(async () => {
  await dataSource.query(`DROP SCHEMA ${schema} CASCADE`);
  await dataSource.destroy();
});
beforeEach(async () => {
  for (const entity of entities) {
    await dataSource.getRepository<Row>(entity).clear();
    await dataSource.getRepository<Row>(entity).insert({ id: 1, name: 'first' });
  }
});
afterEach(stopApps);

/** An application whose cache is in Redis. */
async function start(
  parts: AppParts = {},
): Promise<RunningApp & { readonly cache: DistributedCacheService; readonly warnings: () => string[] }> {
  const url = inject('redisUrl');
  const running = await startApp({
    ...parts,
    cache: {
      namespace: randomUUID(),
      store: redisStore({ url }),
      lock: redisLock({ url }),
      dataSources: [dataSource],
      log: false,
      ...parts.cache,
    },
  });
  const warnings = (): string[] => running.lines.filter((line) => line.startsWith('warn '));
  return { ...running, cache: running.app.get(DistributedCacheService), warnings };
}

const find = <T extends Row>(entity: new () => T): Promise<T> =>
  dataSource.getRepository<Row>(entity).findOneByOrFail({ id: 1 }) as Promise<T>;

const stampAt = (stamp: string): Promise<unknown> =>
  dataSource.query(`UPDATE ${schema}.dated SET name = $1::text, "updatedAt" = $1::text::timestamptz`, [stamp]);

function regressions(events: readonly CacheEvent[]): unknown[] {
  return events.filter(({ type }) => type === 'version-regressed');
}

describe('two updates within one millisecond, on PostgreSQL', () => {
  const [OLDER, NEWER] = ['2024-01-31 12:00:00.123456+00', '2024-01-31 12:00:00.123457+00'];
  const read = async (): Promise<[Dated, Dated]> => {
    await stampAt(OLDER);
    const older = await find(Dated);
    await stampAt(NEWER);
    return [older, await find(Dated)];
  };

  it('the older is refused while the newer’s floor is live, and the newer is stored', async () => {
    const { cache, events } = await start();
    const [older, newer] = await read();
    expect(older.updatedAt.getTime()).toBe(newer.updatedAt.getTime());
    await cache.invalidate(key, { version: newer.updatedAt });
    // As from a replica that lags behind: begun after the announcement, under a lease of its own.
    expect(await cache.getOrLoad(key, () => older, { entity: Dated })).toMatchObject({ name: OLDER });
    expect(await cache.get(key)).toBeUndefined();
    expect(regressions(events)).toMatchObject([
      {
        version: { kind: 'updated-at-us', order: 1706702400123456n },
        floor: { kind: 'updated-at-us', order: 1706702400123457n },
      },
    ]);
    await cache.getOrLoad(key, () => find(Dated), { entity: Dated });
    expect(await cache.get(key)).toMatchObject({ name: NEWER });
  });

  it('floors and loads of different precision do not compare: the lease alone decides, and nothing is refused for ever', async () => {
    const { cache, events } = await start();
    const [, newer] = await read();
    const inMilliseconds = Object.assign(new Dated(), { id: 1, name: OLDER, updatedAt: new Date(0) });
    // Announced exactly, loaded in milliseconds.
    await cache.invalidate(key, { version: newer.updatedAt });
    await cache.getOrLoad(key, () => inMilliseconds, { entity: Dated });
    expect(await cache.get(key)).toMatchObject({ name: OLDER });
    // Announced in milliseconds, loaded exactly.
    await cache.invalidate(key, { version: new Date('2030-01-01') });
    await cache.getOrLoad(key, () => newer, { entity: Dated });
    expect(await cache.get(key)).toMatchObject({ name: NEWER });
    expect(regressions(events)).toEqual([]);
  });

  it.each([
    ['its date', ({ updatedAt }: Dated) => ({ version: updatedAt })],
    ['its entity', () => ({ entity: Dated })],
  ])('set() of a value that is ordered by a date announces and stores nothing, by %s', async (_, by) => {
    const { cache } = await start();
    await stampAt(OLDER);
    await cache.getOrLoad(key, () => find(Dated), { entity: Dated });
    await stampAt(NEWER);
    const newer = await find(Dated);
    expect(await cache.set(key, newer, by(newer))).toBe('invalidated');
    expect(await cache.get(key)).toBeUndefined();
  });
});

describe('a transaction that began earlier commits later, on PostgreSQL', () => {
  /** 1. A begins; 2. B changes the row and commits; 3. A changes the row and commits. Gives the rows that B and A left. */
  async function inversion<T extends Row>(entity: new () => T, afterEach: (row: T) => Promise<void>): Promise<[T, T]> {
    const earlier = dataSource.createQueryRunner();
    await earlier.startTransaction();
    await earlier.query('SELECT now()');
    await dataSource.getRepository<Row>(entity).update(1, { name: 'second' });
    const second = await find(entity);
    await afterEach(second);
    await earlier.manager.getRepository<Row>(entity).update(1, { name: 'third' });
    await earlier.commitTransaction();
    await earlier.release();
    const third = await find(entity);
    await afterEach(third);
    return [second, third];
  }

  it('its stamp is older: no reader gets the row before it, whatever the stamps say, and nothing is said', async () => {
    const { cache, events, warnings } = await start();
    await cache.getOrLoad(key, () => find(Dated), { entity: Dated });
    expect(warnings()).toEqual([]);
    const [second, third] = await inversion(Dated, () => cache.invalidate(key));
    expect(third.updatedAt < second.updatedAt).toBe(true);
    expect(await cache.getOrLoad(key, () => find(Dated), { entity: Dated })).toMatchObject({ name: 'third' });
    expect(await cache.get(key)).toMatchObject({ name: 'third' });
    expect(regressions(events)).toEqual([]);
  });

  it('a load that has read the row before it is refused by the lease', async () => {
    const { cache } = await start();
    let loaded: Promise<unknown> | undefined;
    let begun!: () => void;
    let open!: () => void;
    const hasBegun = new Promise<void>((resolve) => (begun = resolve));
    const gate = new Promise<void>((resolve) => (open = resolve));
    await inversion(Dated, async ({ name }) => {
      if (name === 'third') return cache.invalidate(key);
      // It reads what the later transaction left, and is slow.
      loaded = cache.getOrLoad(
        key,
        async () => {
          const row = await find(Dated);
          begun();
          await gate;
          return row;
        },
        { entity: Dated },
      );
      await hasBegun;
    });
    open();
    expect(await loaded).toMatchObject({ name: 'second' });
    expect(await cache.get(key)).toBeUndefined();
    expect(await cache.getOrLoad(key, () => find(Dated), { entity: Dated })).toMatchObject({ name: 'third' });
  });

  it('announced with its version it is served right, not stored while the higher floor lives, and told', async () => {
    const { cache, events } = await start();
    await cache.getOrLoad(key, () => find(Dated), { entity: Dated });
    await inversion(Dated, ({ updatedAt }) => cache.invalidate(key, { version: updatedAt }));
    expect(await cache.getOrLoad(key, () => find(Dated), { entity: Dated })).toMatchObject({ name: 'third' });
    expect(regressions(events)).toHaveLength(1);
    expect(await cache.get(key)).toBeUndefined();
  });

  it.each([
    ['a trigger that reads the clock', Clocked],
    ['a @VersionColumn', Counted],
  ] as const)('%s keeps the order, and nothing is said', async (_, entity) => {
    const { cache, events, warnings } = await start();
    const load = (): Promise<Row> => cache.getOrLoad<Row>(key, () => find<Row>(entity), { entity });
    await load();
    const version = (row: Row): Date | bigint =>
      row instanceof Clocked ? row.updatedAt : BigInt((row as Counted).version);
    const [second, third] = await inversion<Row>(entity, (row) => cache.invalidate(key, { version: version(row) }));
    expect(version(third) >= version(second)).toBe(true);
    await load();
    expect(await cache.get(key)).toMatchObject({ name: 'third' });
    expect(regressions(events)).toEqual([]);
    expect(warnings()).toEqual([]);
  });
});

describe('save() of an entity that was read before another change', () => {
  it.each([
    ['@VersionColumn', StaleCount],
    ['@UpdateDateColumn', StaleDate],
  ] as const)('writes its old %s back, which is told once, with the cure', async (column, entity) => {
    const { cache, warnings } = await start();
    await cache.getOrLoad<Row>(key, () => find<Row>(entity), { entity });
    const rows = dataSource.getRepository<Row>(entity);
    for (const name of ['third', 'fifth']) {
      const stale = await find<Row>(entity);
      // The dates must differ in milliseconds: TypeORM compares no more than that.
      await dataSource.query('SELECT pg_sleep(0.002)');
      await rows.update(1, { name: `before ${name}` });
      await rows.save(Object.assign(stale, { name }));
    }
    const told = warnings().filter((line) => line.includes('save() gave a'));
    expect(told).toHaveLength(1);
    expect(told[0]).toContain(`Declare ${column}({ update: false })`);
  });

  it('is well with update: false, and nothing is said', async () => {
    const { cache, warnings } = await start();
    await cache.getOrLoad(key, () => find(Counted), { entity: Counted });
    const stale = await find(Counted);
    await dataSource.getRepository(Counted).update(1, { name: 'second' });
    await dataSource.getRepository(Counted).save(Object.assign(stale, { name: 'third' }));
    expect(await find(Counted)).toMatchObject({ name: 'third', version: 3 });
    expect(warnings()).toEqual([]);
  });

  it('is heard as long as the application runs, and no longer', async () => {
    const before = dataSource.subscribers.length;
    const { cache, app } = await start();
    await cache.getOrLoad(key, () => find(StaleCount), { entity: StaleCount });
    expect(dataSource.subscribers.slice(before).map(({ constructor }) => constructor.name)).toContain(
      'StaleSaveSubscriber',
    );
    await app.close();
    expect(dataSource.subscribers).toHaveLength(before);
  });
});

describe('what is wrong with versions', () => {
  const REPLICAS = { replicaLagMs: 1_000 };

  @Controller()
  class RowsController {
    @Get('stale')
    @LockedCacheable({ key: () => key, entity: StaleCount })
    findOne(): Promise<StaleCount> {
      return find(StaleCount);
    }
  }

  it('is not said where nothing is read from replicas: there the lease alone keeps the past out', async () => {
    const { cache, warnings, url } = await start({ controllers: [RowsController] });
    await get(`${url}/stale`);
    for (const entity of [Plain, Dated, StaleDate, StaleCount, Counted])
      await cache.getOrLoad([entity.name], () => find<Row>(entity), { entity });
    expect(warnings()).toEqual([]);
  });

  it('is said where the data source names replicas', async () => {
    const { url } = options() as { url?: string };
    const replicated = new DataSource({
      ...options(),
      entities: [StaleCount],
      replication: { master: { url }, slaves: [{ url }] },
    } as DataSourceOptions);
    await replicated.initialize();
    try {
      const { warnings } = await start({ controllers: [RowsController], cache: { dataSources: [replicated] } });
      expect(warnings()).toMatchObject([expect.stringContaining('The @VersionColumn of StaleCount')]);
    } finally {
      await replicated.destroy();
    }
  });

  it('is said at start of the entities that routes name, at first use of others, once, and of none that is not cached', async () => {
    const { cache, warnings, url } = await start({ controllers: [RowsController], cache: REPLICAS });
    expect(warnings()).toEqual([
      'warn The @VersionColumn of StaleCount can go backwards: save() of an entity that was read before another change writes its old number back. ' +
        'Declare it @VersionColumn({ update: false }); TypeORM raises it all the same.',
    ]);
    await get(`${url}/stale`);
    for (const id of [1, 2]) await cache.getOrLoad(['plain', id], () => find(Plain), { entity: Plain });
    expect(warnings().slice(1)).toEqual([
      'warn Plain has neither a @VersionColumn nor an @UpdateDateColumn: its values have no version, and the lease alone orders them. ' +
        'Add @VersionColumn({ update: false }), or give a version function.',
    ]);
  });

  it('is not said of an entity whose versions come from a function', async () => {
    const { cache, warnings } = await start({ cache: REPLICAS });
    await cache.getOrLoad(key, () => find(Plain), { entity: Plain, version: ({ id }) => id });
    expect(warnings()).toEqual([]);
  });

  it('is said later of a data source that is initialized later', async () => {
    const late = new DataSource({ ...options(), entities: [StaleCount] });
    const { cache, warnings } = await start({
      controllers: [RowsController],
      cache: { ...REPLICAS, dataSources: [late] },
    });
    expect(warnings()).toEqual([]);
    await late.initialize();
    try {
      await cache.getOrLoad(key, () => late.getRepository(StaleCount).findOneByOrFail({ id: 1 }), {
        entity: StaleCount,
      });
      expect(warnings()).toMatchObject([expect.stringContaining('The @VersionColumn of StaleCount')]);
    } finally {
      await late.destroy();
    }
  });
});
