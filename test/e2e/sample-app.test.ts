import { randomUUID } from 'node:crypto';
import { Test } from '@nestjs/testing';
import type { INestApplication } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import type { SampleAppConfig } from '../../sample-app/config.js';
import { CacheStats } from 'nestjs-distributed-cache';
import { SampleAppModule } from '../../sample-app/sample-app.module.js';
import { OwnSchema } from './support/own-schema.js';

const REPORT_DELAY_MS = 200;

interface Answer {
  readonly status: number;
  readonly cache: string | null;
  readonly body: unknown;
}

interface Instance {
  readonly app: INestApplication;
  get(path: string): Promise<Answer>;
  patch(id: number | string, body: unknown): Promise<Answer>;
}

describe('the sample application on PostgreSQL', () => {
  const started: INestApplication[] = [];
  /** One catalogue for all: a test that changes a product has that product to itself. */
  const schema = new OwnSchema();
  let namespace: string;

  beforeAll(() => schema.create());
  afterAll(() => schema.drop());

  beforeEach(() => {
    namespace = randomUUID();
  });

  afterEach(async () => {
    await Promise.all(started.splice(0).map((app) => app.close()));
  });

  async function start(
    servers: Pick<SampleAppConfig, 'redisUrl' | 'zooKeeperConnect'> = {},
    databaseUrl = schema.url,
  ): Promise<Instance> {
    const config = {
      host: '127.0.0.1',
      port: 0,
      databaseUrl,
      namespace,
      reportDelayMs: REPORT_DELAY_MS,
      cacheMode: 'distributed' as const,
      greeting: 'full' as const,
      ...servers,
    };
    const module = await Test.createTestingModule({ imports: [SampleAppModule.forConfig(config)] }).compile();
    const app = module.createNestApplication({ forceCloseConnections: true, logger: ['error'] });
    started.push(app);
    await app.listen(config.port, config.host);
    const url = await app.getUrl();
    const send = async (path: string, init?: RequestInit): Promise<Answer> => {
      const response = await fetch(`${url}${path}`, init);
      return { status: response.status, cache: response.headers.get('x-cache'), body: await response.json() };
    };
    return {
      app,
      get: (path) => send(path),
      patch: (id, body) =>
        send(`/products/${id}`, {
          method: 'PATCH',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }),
    };
  }

  it('serves a product from the cache from the second request on', async () => {
    const { get } = await start();
    const miss = await get('/products/42');
    expect(miss).toMatchObject({
      status: 200,
      cache: 'MISS',
      body: {
        id: 42,
        name: 'Classic Linen Luggage Tag',
        priceCents: 1189,
        category: { id: 12, slug: 'travel', name: 'Travel' },
        version: 1,
      },
    });
    expect(await get('/products/42')).toEqual({ ...miss, cache: 'HIT' });
    expect(await get('/products/042')).toEqual({ ...miss, cache: 'HIT' });
    expect(await get('/products/43')).toMatchObject({ cache: 'MISS', body: { id: 43 } });
  });

  it('refuses what is no id', async () => {
    const { get, patch } = await start();
    for (const id of ['abc', '0', '-1', '1.5', '2147483648', '99999999999999999999']) {
      expect(await get(`/products/${id}`)).toMatchObject({
        status: 400,
        body: { message: expect.stringContaining(`'${id}'`) },
      });
      expect(await patch(id, { priceCents: 1 })).toMatchObject({ status: 400 });
    }
  });

  it('knows what it does not have', async () => {
    const { get, patch } = await start();
    expect(await get('/products/3001')).toMatchObject({ status: 404, body: { message: 'There is no product 3001' } });
    expect(await patch(3001, { priceCents: 1 })).toMatchObject({
      status: 404,
      body: { message: 'There is no product 3001' },
    });
    expect(await get('/products?category=cars')).toMatchObject({
      status: 404,
      body: { message: expect.stringContaining('garden-tools') },
    });
    expect(await get('/products')).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('garden-tools') },
    });
    expect(await get('/products?category=toys&category=music')).toMatchObject({ status: 400 });
  });

  it('serves a category from the cache, each under its own key', async () => {
    const { get } = await start();
    const travel = await get('/products?category=travel');
    expect(travel).toMatchObject({ status: 200, cache: 'MISS' });
    expect((travel.body as { id: number }[]).some(({ id }) => id === 42)).toBe(true);
    expect(await get('/products?category=travel')).toEqual({ ...travel, cache: 'HIT' });
    const toys = await get('/products?category=toys');
    expect(toys).toMatchObject({ status: 200, cache: 'MISS' });
    expect((toys.body as { id: number }[]).some(({ id }) => id === 42)).toBe(false);
  });

  it('shows a change at once, in the product and in its category, and not elsewhere', async () => {
    const { get, patch } = await start();
    await get('/products/21');
    await get('/products?category=travel');
    await get('/products/43');
    const toys = await get('/products?category=toys');

    const changed = await patch(21, { name: ' Red Flask ', priceCents: 1999 });
    expect(changed).toMatchObject({ status: 200, body: { id: 21, name: 'Red Flask', priceCents: 1999, version: 2 } });

    expect(await get('/products/21')).toEqual({ ...changed, cache: 'MISS' });
    expect(await get('/products/21')).toEqual({ ...changed, cache: 'HIT' });
    const travel = await get('/products?category=travel');
    expect(travel.cache).toBe('MISS');
    expect((travel.body as { id: number }[]).find(({ id }) => id === 21)).toMatchObject({
      name: 'Red Flask',
      priceCents: 1999,
    });
    expect((await get('/products/43')).cache).toBe('HIT');
    expect(await get('/products?category=toys')).toEqual({ ...toys, cache: 'HIT' });
  });

  it('refuses a change it does not understand, and changes nothing', async () => {
    const { get, patch } = await start();
    const before = await get('/products/42');
    const bodies = [
      [],
      {},
      { price: 1 },
      { priceCents: '1' },
      { priceCents: -1 },
      { priceCents: 1.5 },
      { priceCents: 100_000_001 },
      { name: ' ' },
    ];
    for (const body of [...bodies, { name: 'x'.repeat(201) }, { name: 'a\0b' }, { priceCents: 1, version: 7 }]) {
      expect({ body, answer: await patch(42, body) }).toMatchObject({ body, answer: { status: 400 } });
    }
    expect(await get('/products/42')).toEqual({ ...before, cache: 'HIT' });
  });

  it('loads the slow report once for all who ask at once', async () => {
    const { get } = await start();
    // The query waits for the table, so that all eight have asked before it answers.
    const table = await schema.hold('sale');
    const asking = Promise.all(Array.from({ length: 8 }, () => get('/reports/top-sellers')));
    try {
      await expect
        .poll(async () => (await get('/stats')).body, { timeout: 30_000 })
        .toMatchObject({ requests: 8, reads: 8, hits: 0, loads: 1, waits: 7 });
    } finally {
      await table.release();
    }
    const answers = await asking;
    expect(answers.map(({ cache }) => cache).sort()).toEqual(['MISS', ...Array<string>(7).fill('WAITED')]);
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    const report = answers[0]?.body as { productId: number; name: string; unitsSold: number; revenueCents: number }[];
    expect(report).toHaveLength(10);
    expect(report[0]).toEqual({
      productId: 1,
      name: expect.any(String),
      unitsSold: 668,
      revenueCents: expect.any(Number),
    });
    expect(report.map(({ unitsSold }) => unitsSold)).toEqual(
      report.map(({ unitsSold }) => unitsSold).sort((a, b) => b - a),
    );
    expect((await get('/reports/top-sellers')).cache).toBe('HIT');
    expect((await get('/stats')).body).toMatchObject({ requests: 9, hits: 1, loads: 1, waits: 7, stored: 1 });
  });

  it('takes its time for the report', async () => {
    const { get } = await start();
    const began = performance.now();
    await get('/reports/top-sellers');
    expect(performance.now() - began).toBeGreaterThanOrEqual(REPORT_DELAY_MS - 1);
  });

  it('leaves the report as it is for as long as it is cached', async () => {
    const { get, patch } = await start();
    const before = await get('/reports/top-sellers');
    await patch(1, { name: 'Renamed' });
    expect(await get('/reports/top-sellers')).toEqual({ ...before, cache: 'HIT' });
  });

  it('counts what it does, and not the asking', async () => {
    const { get, patch } = await start();
    const none = await get('/stats');
    expect(none).toMatchObject({ status: 200, cache: null });
    // All that the service counts is told.
    expect(Object.keys(none.body as object).sort()).toEqual(
      ['reads', ...Object.keys(new CacheStats().snapshot())].sort(),
    );
    expect(new Set(Object.values(none.body as object))).toEqual(new Set([0]));
    await get('/products/44');
    await get('/products/44');
    await patch(44, { priceCents: 5 });
    await get('/products/44');
    for (const path of ['/stats', '/health']) await get(path);
    expect((await get('/stats')).body).toMatchObject({ requests: 4, hits: 1, loads: 2, waits: 0, stored: 2 });
  });

  it.each([
    ['Redis and ZooKeeper', 45, () => ({ redisUrl: inject('redisUrl'), zooKeeperConnect: inject('zooKeeperConnect') })],
    ['Redis alone', 46, () => ({ redisUrl: inject('redisUrl') })],
  ])('shares the cache and its changes among instances on %s', async (_, id, servers) => {
    const [one, two] = [await start(servers()), await start(servers())];
    const miss = await one.get(`/products/${id}`);
    expect(miss).toMatchObject({ status: 200, cache: 'MISS' });
    expect(await two.get(`/products/${id}`)).toEqual({ ...miss, cache: 'HIT' });
    const changed = await two.patch(id, { priceCents: 1999 });
    expect(await one.get(`/products/${id}`)).toEqual({ ...changed, cache: 'MISS' });
    expect(await two.get(`/products/${id}`)).toEqual({ ...changed, cache: 'HIT' });

    const table = await schema.hold('sale');
    const asking = [one.get('/reports/top-sellers'), two.get('/reports/top-sellers')];
    try {
      // Both have asked; one of them loads and the other waits for it.
      const began = async (): Promise<unknown> => [(await one.get('/stats')).body, (await two.get('/stats')).body];
      await expect.poll(began, { timeout: 30_000 }).toMatchObject([{ requests: 3 }, { requests: 4 }]);
    } finally {
      await table.release();
    }
    const answers = await Promise.all(asking);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    const stats = (await Promise.all([one.get('/stats'), two.get('/stats')])).map(
      ({ body }) => body as { loads: number },
    );
    expect(stats.reduce((sum, { loads }) => sum + loads, 0)).toBe(3);
  });

  it('makes the catalogue once, however many instances start at once', async () => {
    const empty = new OwnSchema();
    await empty.create();
    const startOne = () => start({}, empty.url);
    const instances = await Promise.all([startOne(), startOne(), startOne()]);
    const dataSource = instances[0].app.get(DataSource);
    expect(await dataSource.query('SELECT count(*)::integer AS products FROM product')).toEqual([{ products: 3_000 }]);
    for (const { get } of instances) expect(await get('/products/42')).toMatchObject({ status: 200, body: { id: 42 } });
    await Promise.all(started.splice(0).map((app) => app.close()));
    await empty.drop();
  });

  it('leaves a catalogue that is there as it is', async () => {
    const first = await start();
    await first.patch(47, { priceCents: 7 });
    const second = await start();
    expect(await second.get('/products/47')).toMatchObject({ status: 200, body: { priceCents: 7, version: 2 } });
  });

  it('makes exactly the tables that its entities describe', async () => {
    const { app } = await start();
    const { upQueries } = await app.get(DataSource).driver.createSchemaBuilder().log();
    expect(upQueries.map(({ query }) => query)).toEqual([]);
  });
});
