import pg from 'pg';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { startPostgres, startPostgresReplica, type OwnPostgres } from '../../../servers/index.js';
import { openCacheContext, type CacheContext } from '../../support/cache-context.js';

interface Row {
  readonly value: string;
  readonly version: number;
}

let servers: OwnPostgres[] = [];
let primary: pg.Client;
let replica: pg.Client;
let context: CacheContext;

beforeAll(async () => {
  context = await openCacheContext(inject('redisUrl'));
  const first = await startPostgres();
  servers = [first];
  primary = new pg.Client({ connectionString: first.url });
  await primary.connect();
  await primary.query('create table rows (id int primary key, value text, version int)');
  await primary.query(`insert into rows values (1, 'old', 1)`);
  const second = await startPostgresReplica(first);
  servers.push(second);
  replica = new pg.Client({ connectionString: second.url });
  await replica.connect();
});

afterAll(async () => {
  await Promise.all([primary.end(), replica.end(), context.close()]);
  for (const server of servers.reverse()) await server.stop();
});

async function readReplica(): Promise<Row | undefined> {
  return (await replica.query<Row>('select value, version from rows where id = 1')).rows[0];
}

const load = async (): Promise<string | undefined> =>
  (await context.cache.getOrLoad(['row', 1], readReplica, { version: (row) => row?.version }))?.value;

const refusals = (): string[] =>
  context.events.filter((event) => event.type === 'superseded').map(({ reason }) => reason);

it('a streaming replica that lags: what it gives after the announcement is answered, and stored only once it has caught up', async () => {
  await vi.waitFor(async () => expect(await load()).toBe('old'), { timeout: 30_000 });
  // 1. The replica stops replaying. 2. The row changes on the primary, and the change is announced.
  await replica.query('select pg_wal_replay_pause()');
  await vi.waitFor(async () => {
    const { rows } = await replica.query<{ state: string }>('select pg_get_wal_replay_pause_state() as state');
    expect(rows[0]!.state).toBe('paused');
  }, 30_000);
  await primary.query(`update rows set value = 'new', version = 2 where id = 1`);
  await context.cache.invalidate(['row', 1], { version: { kind: 'extracted', order: 2n } });
  // 3. A load begins after that and reads the old row from the replica: its lease is in order, its version is not.
  expect(await load()).toBe('old');
  expect(refusals()).toEqual(['older']);
  expect(context.events.map(({ type }) => type)).toContain('version-regressed');
  expect(await context.cache.get(['row', 1])).toBeUndefined();
  // 4. The replica catches up.
  await replica.query('select pg_wal_replay_resume()');
  await vi.waitFor(async () => expect((await readReplica())?.value).toBe('new'), { timeout: 30_000 });
  expect(await load()).toBe('new');
  expect(await context.cache.get(['row', 1])).toEqual({ value: 'new', version: 2 });
  // 5. Announced without a version it leaves the old floor, which has nothing against the row of before: the promise ends there.
  await replica.query('select pg_wal_replay_pause()');
  await primary.query(`update rows set value = 'newest', version = 3 where id = 1`);
  await context.cache.invalidate(['row', 1]);
  expect(await load()).toBe('new');
  expect(await context.cache.get(['row', 1])).toEqual({ value: 'new', version: 2 });
  await replica.query('select pg_wal_replay_resume()');
});
