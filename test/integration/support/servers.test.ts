import { existsSync, readlinkSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import { createClient } from 'redis';
import { describe, expect, inject, it, vi } from 'vitest';

import { running } from '../../support/process/running.js';
import {
  ask,
  startMariaDb,
  startPostgres,
  startRedis,
  startRedisSentinel,
  startZooKeeper,
} from '../../../servers/index.js';

async function selectOne(connectionString: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ value: unknown }>(sql);
    return rows[0]?.value;
  } finally {
    await client.end();
  }
}

/** Asked until it answers so: a machine that stands still for a second makes an answer late. */
function expectAnswer(port: number, question: string, answer: string): Promise<void> {
  return vi.waitFor(async () => expect(await ask(port, question)).toContain(answer), { timeout: 30_000 });
}

describe('the shared servers', () => {
  it('answer at the addresses that tests are given', async () => {
    const redis = createClient({ url: inject('redisUrl') });
    redis.on('error', () => undefined);
    await redis.connect();
    expect(await redis.ping()).toBe('PONG');
    await redis.close();

    const port = Number(inject('zooKeeperConnect').split(':').at(-1));
    await expectAnswer(port, 'ruok', 'imok');

    expect(await selectOne(inject('postgresUrl'), 'select 1 as value')).toBe(1);
  });
});

/** Most of its time is waiting for servers to begin and to end: the cases overlap. */
describe.concurrent('a server of the test’s own', () => {
  it('Redis: killed, restarted on its port, frozen, resumed, stopped', async ({ onTestFinished }) => {
    const redis = await startRedis({ args: ['--maxmemory', '3mb'] });
    onTestFinished(() => redis.stop());
    await expectAnswer(redis.port, 'CONFIG GET maxmemory\r\n', '3145728');
    const first = redis.pid;

    await redis.kill();
    expect(running(first)).toBe(false);
    expect(await ask(redis.port, 'PING\r\n', 200)).toBe('');

    await redis.restart();
    await expectAnswer(redis.port, 'PING\r\n', '+PONG\r\n');

    redis.pause();
    expect(await ask(redis.port, 'PING\r\n', 200)).toBe('');
    redis.resume();
    await expectAnswer(redis.port, 'PING\r\n', '+PONG\r\n');

    redis.pause();
    const last = redis.pid;
    await redis.stop();
    await redis.stop();
    expect(running(last)).toBe(false);
    expect(() => redis.pid).toThrow('not running');
  });

  it('ZooKeeper: takes its tick, keeps its port when it was killed as its log was made, and says why when it cannot start', async ({
    onTestFinished,
  }) => {
    const zooKeeper = await startZooKeeper({ tickTimeMs: 150, minSessionTimeoutMs: 500 });
    onTestFinished(() => zooKeeper.stop());
    await expectAnswer(zooKeeper.port, 'conf', 'tickTime=150');
    await expectAnswer(zooKeeper.port, 'conf', 'minSessionTimeout=500');

    const logs = join(readlinkSync(`/proc/${zooKeeper.pid}/cwd`), 'data', 'version-2');
    await zooKeeper.kill();
    writeFileSync(join(logs, 'log.7'), '');
    await zooKeeper.restart();
    await expectAnswer(zooKeeper.port, 'ruok', 'imok');

    zooKeeper.pause();
    // The signal reaches the threads of the JVM one after the other.
    await expect.poll(() => ask(zooKeeper.port, 'ruok', 200), { timeout: 60_000 }).toBe('');
    await zooKeeper.kill();
    expect(await ask(zooKeeper.port, 'ruok', 200)).toBe('');
    writeFileSync(join(logs, 'log.8'), 'this is no header of a log');
    const start = zooKeeper.restart();
    await expect(start).rejects.toThrow('zookeeper did not start: it ended with exit code 1. Its last words:\n');
    await expect(start).rejects.toThrow('log.8');
  });

  it('PostgreSQL: keeps its data when killed and restarted; a frozen one freezes its sessions too', async ({
    onTestFinished,
  }) => {
    const postgres = await startPostgres();
    onTestFinished(() => postgres.stop());
    await selectOne(postgres.url, 'create table kept as select 42 as value');

    await postgres.restart();
    expect(await selectOne(postgres.url, 'select value from kept')).toBe(42);

    const client = new pg.Client({ connectionString: postgres.url });
    client.on('error', () => undefined);
    await client.connect();
    postgres.pause();
    let answered = false;
    const answer = client.query('select 1').then(() => (answered = true));
    expect(await ask(postgres.port, 'x', 200)).toBe('');
    expect(answered).toBe(false);
    postgres.resume();
    expect(await answer).toBe(true);
    await client.end();
  });

  it('MariaDB: keeps its data when killed and restarted, and leaves nothing', async ({ onTestFinished }) => {
    const mariaDb = await startMariaDb();
    onTestFinished(() => mariaDb.stop());
    const ask = async (sql: string): Promise<unknown> => {
      const connection = await createConnection(mariaDb.url);
      const [rows] = await connection.query(sql);
      await connection.end();
      return rows;
    };
    await ask('create table kept as select 42 as value');
    await mariaDb.restart();
    expect(await ask('select value from kept')).toEqual([{ value: 42 }]);
    const last = mariaDb.pid;
    await mariaDb.stop();
    expect(running(last)).toBe(false);
  });
});

describe.concurrent('a Redis behind Sentinels', () => {
  it('is healthy when every Sentinel knows of every replica: one that it does not know is told of no new master', async ({
    onTestFinished,
  }) => {
    const sentinel = await startRedisSentinel();
    onTestFinished(() => sentinel.stop());
    const master = await sentinel.master();
    const replica = sentinel.servers.find((server) => server !== master)!;
    const tell = (port: number, words: string) => ask(port, `${words}\r\n`);
    const forgetful = sentinel.sentinels[0]!.port;
    const replicasKnown = async () =>
      /num-slaves\r\n\$\d+\r\n(\d)/.exec(await tell(forgetful, `SENTINEL MASTER ${sentinel.name}`))?.[1];
    // 1. A Sentinel asks the master who follows it while one replica does not; it asks again after ten seconds.
    await tell(replica.port, 'REPLICAOF NO ONE');
    await expectAnswer(master.port, 'INFO replication\r\n', 'connected_slaves:1');
    await tell(forgetful, `SENTINEL RESET ${sentinel.name}`);
    await vi.waitFor(async () => expect(await replicasKnown()).toBe('1'), { timeout: 30_000 });
    // 2. The replica is back, and all of the rest is well long before that.
    await tell(replica.port, `REPLICAOF 127.0.0.1 ${String(master.port)}`);
    await sentinel.healthy(2);
    await vi.waitFor(async () => expect(await replicasKnown()).toBe('2'), { timeout: 30_000 });
  });
});

describe.concurrent('a test process that is killed', () => {
  it.each(['SIGKILL', 'SIGTERM'] as const)('by %s leaves no server and no data behind', async (signal) => {
    const script = fileURLToPath(new URL('./abandoned-server.fixture.mjs', import.meta.url));
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const { pid, directory } = JSON.parse(line.toString()) as { pid: number; directory: string };
    expect(running(pid)).toBe(true);
    child.kill(signal);
    await vi.waitFor(
      () => {
        expect(running(pid)).toBe(false);
        expect(existsSync(directory)).toBe(false);
      },
      { timeout: 60_000 },
    );
  });
});
