import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { Module, type INestApplicationContext, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Column, DataSource, Entity, PrimaryColumn, VersionColumn, type DataSourceOptions } from 'typeorm';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { DistributedCacheModule, inProcessLock, type CacheEvent } from '../../../lib/index.js';
import { outboxMigration } from '../../../lib/typeorm.js';
import { obtainMariaDb } from '../../support/maria-db.js';
import type { StagedStore } from '../../support/staged-store.js';
import { NO_DRAINS, sharedStores, SOON } from './outbox-support.js';

@Entity({ name: 'parcel' })
class Parcel {
  @PrimaryColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'int' })
  weight!: number;

  @VersionColumn({ type: 'int' })
  version!: number;
}

const unique = `outbox_${randomUUID().replaceAll('-', '').slice(0, 12)}`;
const table = 'cache_notices';
const common = { entities: [Parcel], migrations: [outboxMigration({ table })] };
const mariaDb = obtainMariaDb();

/** A database of its own on each kind of server. */
const DATABASES: Readonly<Record<string, () => Promise<DataSourceOptions>>> = {
  postgres: async () => {
    const admin = await new DataSource({ type: 'postgres', url: inject('postgresUrl') }).initialize();
    await admin.query(`CREATE SCHEMA ${unique}`);
    await admin.destroy();
    return { type: 'postgres', url: inject('postgresUrl'), schema: unique, ...common };
  },
  mariadb: async () => {
    const { url } = await mariaDb;
    const admin = await new DataSource({ type: 'mariadb', url }).initialize();
    await admin.query(`CREATE DATABASE ${unique}`);
    await admin.destroy();
    return { type: 'mariadb', url: url.replace(/\/[^/]*$/, `/${unique}`), timezone: 'Z', ...common };
  },
  sqlite: () => Promise.resolve({ type: 'sqljs', ...common }),
};

const pathOf = ({ options }: DataSource): string =>
  options.type === 'postgres' ? `${options.schema ?? ''}.${table}` : table;
const open: { app: INestApplicationContext; data: DataSource }[] = [];

afterAll(async () => (await mariaDb).stop());

describe.each(Object.entries(DATABASES))('the outbox on %s', (_name, database) => {
  let options: DataSourceOptions;
  beforeAll(async () => {
    options = await database();
  });
  afterEach(async () => {
    for (const { app, data } of open.splice(0)) {
      await app.close();
      await data.destroy();
    }
  });

  async function start(store: StagedStore, intervalMs: number) {
    const events: CacheEvent[] = [];
    const data = await new DataSource(options).initialize();
    open.push({ data, app: { close: () => Promise.resolve() } as INestApplicationContext });
    await data.runMigrations();
    // once more: what has been made is not made again
    await data.runMigrations();
    await data.synchronize();
    class RootModule {}
    Module({
      imports: [
        DistributedCacheModule.forRoot({
          namespace: unique,
          lock: inProcessLock(),
          store,
          dataSources: [data],
          ...NO_DRAINS,
          outbox: { table, intervalMs },
          observers: [{ observe: (event) => void events.push(event) }],
        }),
      ],
    })(RootModule);
    const app = await NestFactory.createApplicationContext(RootModule as Type, { logger: ['error'] });
    open.push({ data: { destroy: () => Promise.resolve() } as DataSource, app });
    return { data, events };
  }

  const rowsOf = async (data: DataSource): Promise<{ changes: string; created_at: string | number }[]> =>
    data.query(`SELECT changes, created_at FROM ${pathOf(data)}`);

  /** As if they had been written an hour ago. */
  const age = (data: DataSource): Promise<unknown> =>
    data.query(`UPDATE ${pathOf(data)} SET created_at = created_at - 3600000`);

  it('has what is committed, by the clock of the database, and nothing of what is rolled back', async () => {
    const store = sharedStores()();
    const { data } = await start(store, 600_000);
    await data.transaction((manager) => manager.save(Parcel, { id: 1, weight: 1 }).then(() => Promise.reject(new Error()))).catch(() => undefined); // prettier-ignore
    expect(await rowsOf(data)).toEqual([]);
    const gate = store.stop('before', 'announce');
    const written = data.transaction((manager) => manager.save(Parcel, { id: 1, weight: 1 }));
    await gate.arrived;
    const [row, ...others] = await rowsOf(data);
    expect(others).toEqual([]);
    expect(row?.changes).toContain('parcel');
    // In a test the database's clock is this machine's.
    expect(Math.abs(Number(row?.created_at) - Date.now())).toBeLessThan(60_000);
    gate.open();
    await written;
    await vi.waitFor(async () => expect(await rowsOf(data)).toEqual([]), 20_000);
  });

  it('is drained of what is left', async () => {
    const away = sharedStores()();
    const { data, events } = await start(away, 100);
    away.down = true;
    await data.transaction((manager) => manager.save(Parcel, { id: 2, weight: 1 }));
    await vi.waitFor(() => expect(events.map(({ type }) => type)).toContain('announcement-failed'), 20_000);
    expect(await rowsOf(data)).toHaveLength(1);
    await age(data);
    await vi.waitFor(() => expect(events.map(({ type }) => type)).toContain('outbox-failing'), 20_000);
    away.down = false;
    await vi.waitFor(() => expect(events).toContainEqual({ type: 'outbox-drained', rows: 1 }), 20_000);
    expect(await rowsOf(data)).toEqual([]);
  });

  it('lets others write while it is drained', async () => {
    const store = sharedStores()();
    const { data, events } = await start(store, 100);
    // 1. A row is left. 2. It is taken, and its announcement takes long. 3. Meanwhile others change rows and commit.
    const drain = store.stop('before', 'announce');
    await data.query(
      `INSERT INTO ${pathOf(data)} (id, namespace, created_at, changes) VALUES ('left', '${unique}', 1, '[["left"]]')`,
    );
    await drain.arrived;
    for (let weight = 2; weight < 12; weight++)
      await data.transaction((manager) => manager.save(Parcel, { id: 3, weight }));
    // 4. Their own rows are announced and removed, several at once, although the row of the drain is locked. 5. One more writes.
    await vi.waitFor(async () => expect(await rowsOf(data)).toHaveLength(1), 20_000);
    await data.transaction((manager) => manager.save(Parcel, { id: 3, weight: 12 }));
    // Nobody has waited until the drain gave up.
    expect(events.filter(({ type }) => type.startsWith('outbox-'))).toEqual([]);
    drain.open();
    await vi.waitFor(async () => expect(await rowsOf(data)).toEqual([]), 20_000);
  });

  it('is gone when its migration is taken back', async () => {
    const { data } = await start(sharedStores()(), 600_000);
    await data.undoLastMigration();
    await expect(rowsOf(data)).rejects.toThrow();
    await data.runMigrations();
    expect(await rowsOf(data)).toEqual([]);
  });
});

it('is announced where it was left, in each of several databases', async () => {
  const store = sharedStores()();
  const schemas = [randomUUID(), randomUUID()].map((id) => `tenant_${id.replaceAll('-', '')}`);
  const tenants: DataSource[] = [];
  for (const schema of schemas) {
    const data = await new DataSource({ type: 'postgres', url: inject('postgresUrl'), schema, ...common }).initialize();
    await data.query(`CREATE SCHEMA ${schema}`);
    await data.runMigrations();
    await data.synchronize();
    tenants.push(data);
  }
  const events: CacheEvent[] = [];
  class RootModule {}
  Module({
    imports: [
      DistributedCacheModule.forRoot({
        ...SOON,
        namespace: unique,
        lock: inProcessLock(),
        store,
        dataSources: tenants,
        outbox: { table, intervalMs: 100 },
        observers: [{ observe: (event) => void events.push(event) }],
      }),
    ],
  })(RootModule);
  const app = await NestFactory.createApplicationContext(RootModule as Type, { logger: ['error'] });
  const counts = (): Promise<number[]> =>
    Promise.all(
      tenants.map(async (data) => {
        const rows: unknown[] = await data.query(`SELECT id FROM ${pathOf(data)}`);
        return rows.length;
      }),
    );
  try {
    store.down = true;
    for (const data of tenants) await data.transaction((manager) => manager.save(Parcel, { id: 1, weight: 1 }));
    expect(await counts()).toEqual([1, 1]);
    store.down = false;
    await vi.waitFor(async () => expect(await counts()).toEqual([0, 0]), 30_000);
    expect(events.filter(({ type }) => type === 'outbox-drained')).toHaveLength(2);
  } finally {
    await app.close();
    for (const [index, data] of tenants.entries()) {
      await data.query(`DROP SCHEMA ${schemas[index] ?? ''} CASCADE`);
      await data.destroy();
    }
  }
});
