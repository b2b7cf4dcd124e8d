import { describe, expect, it } from 'vitest';
import type { TypeOrmDataSource } from '../../../../lib/codec/typeorm-types.js';
import type { CacheEvent } from '../../../../lib/core/cache-event.js';
import { Outbox } from '../../../../lib/invalidation/outbox/outbox.js';
import { outboxMigration, type MigrationRunner } from '../../../../lib/invalidation/outbox/outbox-migration.js';
import { ManualClock } from '../../../../lib/testing/manual-clock.js';

function setUp(type = 'postgres') {
  const clock = new ManualClock();
  const events: CacheEvent[] = [];
  const statements: string[] = [];
  const database = { down: false, hasTable: true };
  const runner = {
    isTransactionActive: false,
    query: (sql: string) => {
      statements.push(sql);
      return database.down ? Promise.reject(new Error('away')) : Promise.resolve([]);
    },
    hasTable: () => (database.down ? Promise.reject(new Error('away')) : Promise.resolve(database.hasTable)),
    release: () => Promise.resolve(),
  };
  const dataSource = {
    entityMetadatas: [],
    options: { type, schema: 'shop' },
    driver: { escape: (name: string) => `"${name}"` },
    createQueryRunner: () => runner,
  } as TypeOrmDataSource;
  const outbox = new Outbox({
    clock,
    table: 'notices',
    namespace: 'shop',
    intervalMs: 1_000,
    batchSize: 100,
    timeoutMs: 2_000,
    announce: () => Promise.resolve(),
    clear: () => Promise.resolve(),
    report: (event) => void events.push(event),
  });
  return { clock, database, dataSource, events, outbox, runner, statements };
}

describe('Outbox', () => {
  it('refuses a database that it does not know', () => {
    const { dataSource, outbox } = setUp('oracle');
    expect(() => outbox.watch(dataSource)).toThrow(
      'outbox: expected data sources of type postgres, mysql, mariadb, sqlite, better-sqlite3, sqljs, got one of type oracle.',
    );
  });

  it('lets an application start whose database does not answer, and tells it', async () => {
    const { database, dataSource, events, outbox } = setUp();
    outbox.watch(dataSource);
    await outbox.check();
    expect(events).toEqual([]);
    database.down = true;
    await outbox.check();
    expect(events).toMatchObject([{ type: 'outbox-failing' }]);
    database.down = false;
    database.hasTable = false;
    await expect(outbox.check()).rejects.toThrow(
      'expected a table shop.notices in the data source "default" (postgres)',
    );
  });

  it('asks nothing of a connection on which somebody else’s transaction is open', async () => {
    const { clock, dataSource, outbox, runner, statements } = setUp('sqljs');
    outbox.watch(dataSource);
    outbox.start();
    runner.isTransactionActive = true;
    outbox.remove([{ id: '1', dataSource }]);
    await clock.advance(10_000);
    expect(statements).toEqual([]);
    runner.isTransactionActive = false;
    outbox.remove([{ id: '2', dataSource }]);
    await clock.advance(100);
    expect(statements).toContainEqual('DELETE FROM "shop"."notices" WHERE id IN (?)');
  });

  it('leaves no timer when it has stopped, and removes what is announced after that', async () => {
    const { clock, dataSource, outbox, statements } = setUp();
    outbox.watch(dataSource);
    outbox.watch(dataSource);
    outbox.start();
    expect(clock.pendingTimers).toBe(1);
    await outbox.stop();
    outbox.remove([{ id: '1', dataSource }]);
    expect(clock.pendingTimers).toBe(0);
    await outbox.close();
    expect(statements).toEqual(['DELETE FROM "shop"."notices" WHERE id IN ($1)']);
  });

  it('lets no transaction be committed that it cannot keep', async () => {
    const { database, dataSource, outbox, runner } = setUp();
    const queryRunner = { ...runner, dataSource };
    await expect(outbox.write(queryRunner, [{ tag: 't' }])).rejects.toThrow('belongs to no data source');
    outbox.watch(dataSource);
    database.down = true;
    await expect(outbox.write(queryRunner, [{ tag: 't' }])).rejects.toThrow('away');
  });
});

describe('outboxMigration()', () => {
  const run = async (options?: { table?: string }, type = 'postgres') => {
    const statements: string[] = [];
    const runner: MigrationRunner = {
      connection: { options: { type, schema: 'shop' }, driver: { escape: (name) => `"${name}"` } },
      query: (sql) => Promise.resolve(statements.push(sql)),
    };
    const migration = new (outboxMigration(options))();
    await migration.up(runner);
    await migration.down(runner);
    return { name: migration.name, statements };
  };

  it('has a name with a time, as TypeORM wants it, for each table', async () => {
    const names = [(await run()).name, (await run({ table: 'notices' })).name];
    expect(names).toEqual(['DistributedCacheOutbox1767225600000', 'DistributedCacheOutbox_notices_1767225600000']);
  });

  it('makes the table where the module looks for it, and an index in the order of draining', async () => {
    expect((await run({ table: 'other.notices' })).statements).toEqual([
      'CREATE TABLE "other"."notices" (id varchar(36) NOT NULL PRIMARY KEY, namespace varchar(64) NOT NULL, created_at bigint NOT NULL, changes text NOT NULL)',
      'CREATE INDEX "notices_order" ON "other"."notices" (namespace, created_at)',
      'DROP TABLE "other"."notices"',
    ]);
    expect((await run({}, 'mysql')).statements[0]).toContain('changes longtext');
  });
});
