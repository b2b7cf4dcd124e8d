import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { openCacheContext, type CacheContext } from '../../support/cache-context.js';

interface Row {
  readonly value: string;
  readonly stamp: Date;
}

const table = `stamps_${randomUUID().replaceAll('-', '')}`;
let context: CacheContext;
let early: pg.Client;
let late: pg.Client;

beforeEach(async () => {
  context = await openCacheContext(inject('redisUrl'));
  [early, late] = [1, 2].map(() => new pg.Client({ connectionString: inject('postgresUrl') })) as [
    pg.Client,
    pg.Client,
  ];
  await Promise.all([early.connect(), late.connect()]);
  await late.query(`create table ${table} (id int primary key, value text, stamp timestamptz)`);
  await late.query(`insert into ${table} values (1, 'old', now())`);
});
afterEach(async () => {
  await late.query(`drop table ${table}`);
  await Promise.all([early.end(), late.end()]);
  await context.close();
});

async function read(): Promise<Row> {
  const loader = async (): Promise<Row> =>
    (await late.query<Row>(`select value, stamp from ${table} where id = 1`)).rows[0]!;
  return context.cache.getOrLoad(['row', 1], loader, { version: ({ stamp }) => stamp });
}

async function update(by: pg.Client, value: string, clock: 'now()' | 'clock_timestamp()'): Promise<Date> {
  const { rows } = await by.query<Row>(`update ${table} set value = $1, stamp = ${clock} returning stamp`, [value]);
  return rows[0]!.stamp;
}

const announce = (stamp: Date): Promise<void> =>
  context.cache.invalidate(['row', 1], { version: { kind: 'extracted', order: BigInt(stamp.getTime()) } });

/** The early transaction begins; the late one begins after it, and commits before it. */
async function commitInReverse(clock: 'now()' | 'clock_timestamp()'): Promise<{ first: Date; second: Date }> {
  await early.query('begin');
  await early.query('select now()');
  await late.query('select pg_sleep(0.02)');
  const first = await update(late, 'committed first', clock);
  await announce(first);
  expect((await read()).value).toBe('committed first');
  const second = await update(early, 'committed last', clock);
  await early.query('commit');
  await announce(second);
  return { first, second };
}

describe('an update in an older transaction, committed after a newer one', () => {
  it('now() stamps it older: readers get it, and nothing older than announced is stored', async () => {
    // 1. `now()` is the begin of a transaction: what commits last has the older stamp.
    const { first, second } = await commitInReverse('now()');
    expect(second.getTime()).toBeLessThan(first.getTime());
    // 2. Its announcement took the value away. 3. Each reader gets the row as it is; what its stamp calls old is not stored.
    expect(await context.cache.get(['row', 1])).toBeUndefined();
    expect((await read()).value).toBe('committed last');
    expect((await read()).value).toBe('committed last');
    expect(await context.cache.get(['row', 1])).toBeUndefined();
    expect(context.events.map(({ type }) => type)).toContain('version-regressed');
  });

  it('clock_timestamp() stamps it newer: it is stored', async () => {
    const { first, second } = await commitInReverse('clock_timestamp()');
    expect(second.getTime()).toBeGreaterThan(first.getTime());
    expect((await read()).value).toBe('committed last');
    expect(await context.cache.get(['row', 1])).toMatchObject({ value: 'committed last' });
  });
});

describe('two updates in one millisecond', () => {
  it('look alike to JavaScript, and the first is not served after the second was announced', async () => {
    // 1. The row is updated; a load has read it and is not done.
    await late.query(`update ${table} set value = 'first', stamp = '2026-01-01 00:00:00.000100Z'`);
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    let arrive = (): void => undefined;
    const arrived = new Promise<void>((resolve) => (arrive = resolve));
    const loading = context.cache.getOrLoad<Row>(
      ['row', 1],
      async () => {
        const { rows } = await late.query<Row>(`select value, stamp from ${table} where id = 1`);
        arrive();
        await gate;
        return rows[0]!;
      },
      { version: ({ stamp }) => stamp },
    );
    await arrived;
    // 2. It is updated again 800 microseconds later, and that is announced: the same millisecond.
    await late.query(`update ${table} set value = 'second', stamp = '2026-01-01 00:00:00.000900Z'`);
    await announce(new Date('2026-01-01T00:00:00.000Z'));
    // 3. The load fills: its version is not below the floor, but its lease is gone.
    open();
    expect((await loading).value).toBe('first');
    expect(await context.cache.get(['row', 1])).toBeUndefined();
    expect((await read()).value).toBe('second');
    expect(await context.cache.get(['row', 1])).toMatchObject({ value: 'second' });
  });
});
