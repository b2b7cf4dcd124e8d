import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { afterAll, afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { outboxMigration } from '../../../lib/typeorm.js';
import { ProcessPool } from '../../support/process/process-pool.js';
import { ShopProcess, type ShopSettings } from '../../support/process/shop-process.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

const OUTBOX = { outbox: { intervalMs: 100 }, announceTimeoutMs: 200 };
const HOUR_MS = 3_600_000;

const processes = new ProcessPool<ShopSettings, ShopProcess>(() => new ShopProcess());
afterAll(() => processes.end());

let namespace: string;
let schema: string;
let admin: DataSource;
let shops: ShopProcess[];
let proxies: TcpProxy[];

beforeEach(async () => {
  namespace = `outbox-${randomUUID()}`;
  schema = namespace.replaceAll('-', '_');
  shops = [];
  proxies = [];
  admin = new DataSource({ type: 'postgres', url: inject('postgresUrl'), schema, migrations: [outboxMigration()] });
  await admin.initialize();
  await admin.query(`CREATE SCHEMA ${schema}`);
  await admin.query(`CREATE TABLE ${schema}.item (id int PRIMARY KEY, price int, version int)`);
  await admin.query(`INSERT INTO ${schema}.item VALUES (1, 1, 1)`);
  await admin.runMigrations();
});

afterEach(async () => {
  await processes.giveBack(shops).finally(async () => {
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await admin.query(`DROP SCHEMA ${schema} CASCADE`);
    await admin.destroy();
  });
});

async function open(more: Partial<ShopSettings> = {}): Promise<ShopProcess> {
  const shop = await processes.open({
    namespace,
    schema,
    redisUrl: inject('redisUrl'),
    postgresUrl: inject('postgresUrl'),
    ...more,
    options: { ttlMs: HOUR_MS, ...OUTBOX, ...more.options },
  });
  shops.push(shop);
  return shop;
}

async function proxied(url: string): Promise<{ proxy: TcpProxy; url: string }> {
  const target = new URL(url);
  const proxy = await TcpProxy.open(Number(target.port));
  proxies.push(proxy);
  target.hostname = '127.0.0.1';
  target.port = String(proxy.port);
  return { proxy, url: target.href };
}

const left = async (): Promise<number> => {
  const rows: unknown[] = await admin.query(`SELECT id FROM ${schema}.distributed_cache_outbox`);
  return rows.length;
};
const isEmpty = () => vi.waitFor(async () => expect(await left()).toBe(0), 60_000);

describe('a change that is committed', { timeout: 180_000 }, () => {
  it('by a process that is killed before it announces it, is announced by another that has an outbox; without one it is not', async () => {
    const reader = await open();
    for (const [outbox, price] of [
      [true, 2],
      [false, 3],
    ] as const) {
      // prettier-ignore
      const writer = await open({ holdAnnouncements: true, options: outbox ? {} : { outbox: false } });
      const before = await reader.price();
      reader.forget();
      // 1. It commits. 2. It is killed at the gate between commit and announcement.
      void writer.write(price).catch(() => undefined);
      await writer.until('announcing');
      expect(await reader.price()).toBe(before);
      await writer.kill();
      expect(await left()).toBe(outbox ? 1 : 0);
      // 3. The other finds it.
      if (!outbox) {
        expect(await reader.price()).toBe(before);
        continue;
      }
      await reader.until('outbox-drained');
      expect(await reader.price()).toBe(price);
      await isEmpty();
    }
  });

  it('while Redis is away, by a process that is killed before it is back, is announced when it is', async () => {
    const redis = await proxied(inject('redisUrl'));
    const writer = await open({ redisUrl: redis.url });
    const reader = await open({ redisUrl: redis.url });
    expect(await reader.price()).toBe(1);
    // 1. Redis is away for all. 2. The change is committed; its announcement fails, and is kept by a process that is killed.
    redis.proxy.refuse();
    await writer.write(2);
    await writer.until('announcement-failed');
    await writer.kill();
    // 3. The other finds the row, and can't announce it either.
    await reader.until('outbox-failing');
    expect(await left()).toBe(1);
    // 4. Redis is back, with the old value.
    redis.proxy.heal();
    await reader.until('outbox-drained');
    expect(await reader.price()).toBe(2);
    await isEmpty();
  });

  it('although its own process was told that it failed, because the reply to its COMMIT was lost, is announced', async () => {
    const database = await proxied(inject('postgresUrl'));
    const writer = await open({ postgresUrl: database.url });
    expect(await writer.price()).toBe(1);
    // 1. The database commits. 2. The reply is lost, the write fails, and nothing is announced.
    const lost = database.proxy.lose('reply', (request) => request.includes('COMMIT'));
    await expect(writer.write(2)).rejects.toThrow();
    await lost;
    // 3. The row was committed with the change.
    await writer.until('outbox-drained');
    expect(await writer.price()).toBe(2);
    await isEmpty();
  });

  it('is read by others at once, and its row goes, where the process lives', async () => {
    const [writer, reader] = [await open(), await open()];
    for (let price = 2; price < 12; price++) {
      await writer.write(price);
      expect(await reader.price()).toBe(price);
    }
    await isEmpty();
  });
});
