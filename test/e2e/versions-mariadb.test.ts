import { randomUUID } from 'node:crypto';
import { DistributedCacheService, type CacheEvent, type DistributedCacheOptions } from 'nestjs-distributed-cache';
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
import { obtainMariaDb } from '../support/maria-db.js';
import { startApp, stopApps } from './support/app.js';

const name = `versions_${randomUUID().replaceAll('-', '').slice(0, 12)}`;

abstract class Row {
  @PrimaryColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'varchar', length: 50 })
  name!: string;
}

/** As TypeORM makes it: `datetime(6)`, `ON UPDATE CURRENT_TIMESTAMP(6)`. */
@Entity({ name: 'dated' })
class Dated extends Row {
  @UpdateDateColumn({ update: false })
  updatedAt!: Date;
}

/** Stamped by a trigger that reads the clock. */
@Entity({ name: 'clocked' })
class Clocked extends Row {
  @UpdateDateColumn({ update: false, default: () => 'SYSDATE(6)' })
  updatedAt!: Date;
}

@Entity({ name: 'counted' })
class Counted extends Row {
  @VersionColumn({ update: false })
  version!: number;
}

const entities = [Dated, Clocked, Counted];
const key = ['row', 1];
const server = obtainMariaDb();
let options: DataSourceOptions;
let dataSource: DataSource;

beforeAll(async () => {
  const { url } = await server;
  const admin = await new DataSource({ type: 'mariadb', url }).initialize();
  await admin.query(`CREATE DATABASE ${name}`);
  await admin.destroy();
  options = { type: 'mariadb', url: url.replace(/\/[^/]*$/, `/${name}`), entities };
  dataSource = await new DataSource(options).initialize();
  await dataSource.synchronize();
  await dataSource.query('CREATE TRIGGER clock BEFORE UPDATE ON clocked FOR EACH ROW SET NEW.updatedAt = SYSDATE(6)');
});
afterAll(async () => {
  await dataSource.dropDatabase();
  await dataSource.destroy();
  await (await server).stop();
});
beforeEach(async () => {
  for (const entity of entities) {
    await dataSource.getRepository<Row>(entity).clear();
    await dataSource.getRepository<Row>(entity).insert({ id: 1, name: 'first' });
  }
});
afterEach(stopApps);

async function start(
  source = dataSource,
  policy: DistributedCacheOptions = {},
): Promise<{
  readonly cache: DistributedCacheService;
  readonly events: readonly CacheEvent[];
  readonly warnings: () => string[];
}> {
  const url = inject('redisUrl');
  const { app, events, lines } = await startApp({
    cache: {
      namespace: randomUUID(),
      store: redisStore({ url }),
      lock: redisLock({ url }),
      dataSources: [source],
      log: false,
      ...policy,
    },
  });
  const warnings = (): string[] => lines.filter((line) => line.startsWith('warn '));
  return { cache: app.get(DistributedCacheService), events, warnings };
}

const find = <T extends Row>(entity: new () => T): Promise<T> =>
  dataSource.getRepository<Row>(entity).findOneByOrFail({ id: 1 }) as Promise<T>;

/** The digits after the second, as the database has them. */
async function fraction(table: string): Promise<string> {
  const [row] = await dataSource.query<{ micros: string }[]>(
    `SELECT DATE_FORMAT(updatedAt, '%f') micros FROM ${table}`,
  );
  return row?.micros ?? '';
}

describe('@UpdateDateColumn on MariaDB', () => {
  it('two updates within one millisecond: the older is refused while the newer’s floor is live', async () => {
    const { cache, events } = await start();
    await dataSource.query("UPDATE dated SET name = 'older', updatedAt = '2024-01-31 12:00:00.123456'");
    const older = await find(Dated);
    await dataSource.query("UPDATE dated SET name = 'newer', updatedAt = '2024-01-31 12:00:00.123457'");
    const newer = await find(Dated);
    expect(older.updatedAt.getTime()).toBe(newer.updatedAt.getTime());
    await cache.invalidate(key, { version: newer.updatedAt });
    expect(await cache.getOrLoad(key, () => older, { entity: Dated })).toMatchObject({ name: 'older' });
    expect(await cache.get(key)).toBeUndefined();
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'version-regressed',
        version: { kind: 'updated-at-us', order: 1706702400123456n },
        floor: { kind: 'updated-at-us', order: 1706702400123457n },
      }),
    );
    await cache.getOrLoad(key, () => find(Dated), { entity: Dated });
    expect(await cache.get(key)).toMatchObject({ name: 'newer' });
  });

  it.each<[string, (rows: ReturnType<typeof dataSource.getRepository<Dated>>) => Promise<unknown>]>([
    ['save()', async (rows) => rows.save(Object.assign(await rows.findOneByOrFail({ id: 1 }), { name: 'second' }))],
    ['update()', (rows) => rows.update(1, { name: 'second' })],
    [
      'a query builder',
      (rows) => rows.createQueryBuilder().update().set({ name: 'second' }).where({ id: 1 }).execute(),
    ],
  ])('%s stamps in whole seconds, where raw SQL stamps in microseconds', async (_, change) => {
    const rows = dataSource.getRepository(Dated);
    await change(rows);
    expect(await fraction('dated')).toBe('000000');
    let found = '000000';
    // One stamp in a million has no fraction.
    for (let attempt = 0; found === '000000' && attempt < 5; attempt++) {
      await dataSource.query('UPDATE dated SET name = ?', [`raw ${String(attempt)}`]);
      found = await fraction('dated');
    }
    expect(found).not.toBe('000000');
  });

  it('an update falls behind the insert of the same second: served right, not stored while that floor lives, and warned about where replicas are read', async () => {
    const { cache, events, warnings } = await start(dataSource, { replicaLagMs: 1_000 });
    // The last microsecond of a second that is not over before the update: a second of the future.
    await dataSource.query(
      'UPDATE dated SET updatedAt = TIMESTAMPADD(MICROSECOND, 999999, TIMESTAMPADD(SECOND, 60, NOW()))',
    );
    const inserted = await find(Dated);
    await cache.invalidate(key, { version: inserted.updatedAt });
    await dataSource.getRepository(Dated).update(1, { name: 'second' });
    expect(await cache.getOrLoad(key, () => find(Dated), { entity: Dated })).toMatchObject({ name: 'second' });
    expect(await cache.get(key)).toBeUndefined();
    expect(events).toContainEqual(expect.objectContaining({ type: 'version-regressed' }));
    expect(warnings()).toMatchObject([
      expect.stringContaining(
        'Dated is ordered by its @UpdateDateColumn, which is in whole seconds after every update',
      ),
    ]);
  });

  it('a trigger that reads the clock stamps every update in microseconds, and nothing is said', async () => {
    const { cache, warnings } = await start();
    const rows = dataSource.getRepository(Clocked);
    let before = (await cache.getOrLoad(key, () => find(Clocked), { entity: Clocked })).updatedAt;
    for (const title of ['second', 'third', 'fourth']) {
      const saved = await rows.save(Object.assign(await find(Clocked), { name: title }));
      expect(saved.updatedAt >= before).toBe(true);
      await cache.invalidate(key, { version: saved.updatedAt });
      await cache.getOrLoad(key, () => find(Clocked), { entity: Clocked });
      expect(await cache.get(key)).toMatchObject({ name: title });
      before = saved.updatedAt;
    }
    expect(warnings()).toEqual([]);
  });

  it('that is read as a text is read in milliseconds, and warned about where replicas are read', async () => {
    const texts = await new DataSource({ ...options, dateStrings: true } as DataSourceOptions).initialize();
    try {
      const { cache, events, warnings } = await start(texts, { replicaLagMs: 1_000 });
      await cache.getOrLoad(key, () => texts.getRepository(Clocked).findOneByOrFail({ id: 1 }), { entity: Clocked });
      expect(events).toContainEqual(
        expect.objectContaining({
          type: 'stored',
          version: expect.objectContaining({ kind: 'updated-at' }) as unknown,
        }),
      );
      expect(warnings()).toMatchObject([
        expect.stringContaining('The @UpdateDateColumn of Clocked is read in milliseconds'),
      ]);
    } finally {
      await texts.destroy();
    }
  });
});

it('@VersionColumn on MariaDB counts every update, and nothing is said', async () => {
  const { cache, events, warnings } = await start();
  await dataSource.getRepository(Counted).update(1, { name: 'second' });
  await cache.getOrLoad(key, () => find(Counted), { entity: Counted });
  expect(events).toContainEqual(expect.objectContaining({ type: 'stored', version: { kind: 'version', order: 2n } }));
  expect(warnings()).toEqual([]);
});
