import { randomUUID } from 'node:crypto';
import { DataSource, type QueryRunner } from 'typeorm';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { openCacheContext, type CacheContext } from '../../support/cache-context.js';

interface Row {
  readonly value: string;
}

const table = `transactions_${randomUUID().replaceAll('-', '')}`;
const KEY = ['row', 1];
let source: DataSource;
let runner: QueryRunner;
let context: CacheContext;

beforeEach(async () => {
  context = await openCacheContext(inject('redisUrl'));
  source = await new DataSource({ type: 'postgres', url: inject('postgresUrl') }).initialize();
  await source.query(`create table ${table} (id int primary key, value text)`);
  await source.query(`insert into ${table} values (1, 'committed')`);
  runner = source.createQueryRunner();
});
afterEach(async () => {
  await runner.release();
  await source.query(`drop table ${table}`);
  await source.destroy();
  await context.close();
});

const rowFrom = async (from: DataSource | QueryRunner): Promise<Row> =>
  ((await from.query(`select value from ${table} where id = 1`)) as Row[])[0]!;
const write = (value: string): Promise<unknown> => runner.query(`update ${table} set value = $1`, [value]);
const read = async (): Promise<string> => (await context.cache.getOrLoad(KEY, () => rowFrom(source))).value;
const invalidations = (): number => context.events.filter(({ type }) => type === 'invalidated').length;

describe('a transaction, whose changes are announced after its outermost commit', () => {
  it('rolled back after the row was written: nothing is announced, and what is cached is the row', async () => {
    expect(await read()).toBe('committed');
    // 1. A transaction writes. 2. It is rolled back, so its announcement is never made.
    await runner.startTransaction();
    await write('never committed');
    await runner.rollbackTransaction();
    expect(await context.cache.get(KEY)).toEqual({ value: 'committed' });
    expect(await rowFrom(source)).toEqual({ value: 'committed' });
    expect(invalidations()).toBe(0);
  });

  it('commits a savepoint and is rolled back itself: that commit was none', async () => {
    expect(await read()).toBe('committed');
    // 1. Inside a transaction a savepoint is made, written under and released. 2. The transaction is rolled back.
    await runner.startTransaction();
    await runner.startTransaction();
    await write('never committed');
    await runner.commitTransaction();
    // An announcement belongs where no transaction is active any more, which is not here.
    expect(runner.isTransactionActive).toBe(true);
    await runner.rollbackTransaction();
    expect(runner.isTransactionActive).toBe(false);
    expect(await context.cache.get(KEY)).toEqual({ value: 'committed' });
    expect(await rowFrom(source)).toEqual({ value: 'committed' });
  });

  it('is read by a load in mid-air: the row of before is cached until the announcement, and not after it', async () => {
    // 1. A transaction has written. 2. A reader loads what is committed, which is the row of before.
    await runner.startTransaction();
    await write('new');
    expect(await read()).toBe('committed');
    // 3. It commits, and announces. 4. Who begins after that gets the new row.
    await runner.commitTransaction();
    await context.cache.invalidate(KEY);
    expect(await read()).toBe('new');
  });

  it('announced before the commit lets the row of before back in: announce after it', async () => {
    // 1. A transaction writes, and announces too early. 2. A reader loads what is committed. 3. The transaction commits.
    await runner.startTransaction();
    await write('new');
    await context.cache.invalidate(KEY);
    expect(await read()).toBe('committed');
    await runner.commitTransaction();
    // 4. Nobody tells of the change any more.
    expect(await context.cache.get(KEY)).toEqual({ value: 'committed' });
  });

  it('reads its own rows past the cache, so that nobody else sees what is not committed', async () => {
    await runner.startTransaction();
    await write('not committed');
    const { manager } = runner;
    const answer = await context.cache.getOrLoadWithOutcome(KEY, () => rowFrom(runner), { manager });
    expect(answer).toEqual({ value: { value: 'not committed' }, outcome: 'BYPASS' });
    expect(await context.cache.get(KEY)).toBeUndefined();
    await runner.rollbackTransaction();
    expect(await read()).toBe('committed');
  });
});
