import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, startZooKeeper, type OwnRedis, type OwnZooKeeper } from '../../../servers/index.js';
import { build, BuiltProcess } from '../../e2e/support/built-process.js';
import { OwnSchema } from '../../e2e/support/own-schema.js';
import { dashboardQueries, metricsIn } from '../../support/promql.js';

/** Longer than a loaded machine needs, for what comes by itself. */
const SOON = { timeout: 60_000, interval: 100 };

interface Sample {
  readonly name: string;
  readonly labels: string;
  readonly value: number;
}

/** An instance of the sample, as a process. */
class Watched {
  private constructor(
    readonly process: BuiltProcess,
    private readonly url: string,
  ) {}

  static async start(variables: Readonly<Record<string, string>>): Promise<Watched> {
    const process = new BuiltProcess('main.js', { PORT: '0', GREETING: 'short', REPORT_DELAY_MS: '0', ...variables });
    const output = await process.says(/listens on \S+\n/);
    return new Watched(process, /listens on (\S+)\n/.exec(output)?.[1] ?? '');
  }

  async get(path: string): Promise<{ status: number; cache: string | null; body: unknown }> {
    const response = await fetch(`${this.url}${path}`);
    return { status: response.status, cache: response.headers.get('x-cache'), body: await response.json() };
  }

  async patch(id: number): Promise<number> {
    const headers = { 'content-type': 'application/json' };
    const init = { method: 'PATCH', headers, body: JSON.stringify({ priceCents: 1_999 }) };
    return (await fetch(`${this.url}/products/${String(id)}`, init)).status;
  }

  async scrape(): Promise<Sample[]> {
    const response = await fetch(`${this.url}/metrics`);
    expect(response.status).toBe(200);
    return [...(await response.text()).matchAll(/^(\w+)\{(.*)\} (\S+)$/gm)].map(
      ([, name = '', labels = '', value]) => ({
        name,
        labels,
        value: Number(value),
      }),
    );
  }

  /** What all series of a metric that carry these labels come to. */
  async sum(name: string, ...labels: readonly string[]): Promise<number> {
    const samples = (await this.scrape()).filter(
      (sample) => sample.name === `distributed_cache_${name}` && labels.every((label) => sample.labels.includes(label)),
    );
    return samples.reduce((sum, { value }) => sum + value, 0);
  }
}

describe('the sample application seen from outside', { timeout: 300_000 }, () => {
  const schema = new OwnSchema();
  let redis: OwnRedis;
  let zooKeeper: OwnZooKeeper;
  let one: Watched;
  let two: Watched;
  /** What was started, the latest first. */
  const ends: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    await Promise.all([build(), schema.create()]);
    ends.push(() => schema.drop());
    redis = await startRedis();
    ends.unshift(() => redis.stop());
    zooKeeper = await startZooKeeper();
    ends.unshift(() => zooKeeper.stop());
    const servers = { REDIS_URL: redis.url, ZOOKEEPER_CONNECT: zooKeeper.connectString, DATABASE_URL: schema.url };
    const start = async (more: Readonly<Record<string, string>> = {}): Promise<Watched> => {
      const watched = await Watched.start({ ...servers, CACHE_NAMESPACE: schema.name, ...more });
      ends.unshift(() => watched.process.end());
      return watched;
    };
    one = await start();
    two = await start({ MAX_CONCURRENT_LOADS: '1' });
  }, 300_000);

  afterAll(async () => {
    for (const end of ends) await end();
  });

  it('is healthy while store and lock service are there', async () => {
    await expect
      .poll(() => one.get('/health'), SOON)
      .toMatchObject({
        status: 200,
        body: {
          status: 'ok',
          details: {
            cache: {
              status: 'up',
              state: 'up',
              store: { name: 'redis', status: 'up', latencyMs: expect.any(Number) },
              lock: { name: 'zookeeper', status: 'up', state: 'connected' },
            },
          },
        },
      });
  });

  it('measures hits, misses, and loads that failed', async () => {
    expect((await one.get('/products/42')).cache).toBe('MISS');
    expect((await two.get('/products/42')).cache).toBe('HIT');
    expect((await one.get('/products/3001')).status).toBe(404);
    expect(await one.sum('requests_total', 'outcome="miss"', 'key_name="product"')).toBe(2);
    expect(await two.sum('requests_total', 'outcome="hit"', 'key_name="product"')).toBe(1);
    expect(await one.sum('loads_total', 'load_under="lock"')).toBe(2);
    expect(await one.sum('load_duration_count', 'error_type="NotFoundException"')).toBe(1);
    expect(await one.sum('fills_total', 'fill_outcome="stored"')).toBe(1);
    expect(await one.sum('lock_status', 'lock_state="connected"')).toBe(1);
  });

  it('measures waits in a process and across processes', async () => {
    const sales = await schema.hold('sale');
    const asking = [one, one, two, two].map((each) => each.get('/reports/top-sellers'));
    try {
      // In each instance one of the two waits for the other, and one instance waits for the other one.
      for (const each of [one, two])
        await expect.poll(() => each.sum('waits_total', 'wait_scope="process"'), SOON).toBe(1);
      const busy = async (): Promise<number> =>
        (await one.sum('lock_attempts_total', 'outcome="busy"')) +
        (await two.sum('lock_attempts_total', 'outcome="busy"'));
      await expect.poll(busy, SOON).toBe(1);
    } finally {
      await sales.release();
    }
    expect((await Promise.all(asking)).map(({ cache }) => cache).sort()).toEqual([
      'MISS',
      'WAITED',
      'WAITED',
      'WAITED',
    ]);
    const waited = async (name: string, ...labels: string[]): Promise<number> =>
      (await one.sum(name, ...labels)) + (await two.sum(name, ...labels));
    expect(await waited('waits_total', 'wait_scope="fleet"')).toBe(1);
    expect(await waited('wait_duration_count')).toBe(1);
    expect(await waited('loads_total', 'key_name="report"')).toBe(1);
  });

  it('measures loads that wait for their turn', async () => {
    const products = await schema.hold('product');
    const asking = [51, 52].map((id) => two.get(`/products/${String(id)}`));
    try {
      await expect.poll(() => two.sum('queued_loads_total'), SOON).toBe(1);
    } finally {
      await products.release();
    }
    expect((await Promise.all(asking)).map(({ status, cache }) => [status, cache])).toEqual([
      [200, 'MISS'],
      [200, 'MISS'],
    ]);
    expect(await two.sum('load_queue_duration_count')).toBe(1);
  });

  it('answers without the store, is degraded then, and says what it could not announce', async () => {
    expect(await one.patch(42)).toBe(200);
    expect(await one.sum('announcements_total', 'outcome="made"')).toBeGreaterThan(0);
    await redis.kill();
    expect((await one.get('/products/7')).status).toBe(200);
    await expect
      .poll(() => one.get('/health'), SOON)
      .toMatchObject({
        status: 200,
        body: {
          status: 'degraded',
          details: {
            cache: { status: 'degraded', state: 'degraded', store: { status: 'down' }, lock: { status: 'up' } },
          },
        },
      });
    expect(await one.sum('store_failures_total')).toBeGreaterThan(0);
    await one.patch(8); // committed, and told to nobody yet
    expect(await one.sum('announcements_total', 'outcome="kept"')).toBeGreaterThan(0);
    expect(await one.sum('unsent_announcements')).toBeGreaterThan(0);
    await redis.restart();
    await expect.poll(() => one.sum('announcements_total', 'outcome="made-up"'), SOON).toBeGreaterThan(0);
    await expect.poll(() => one.sum('unsent_announcements'), SOON).toBe(0);
    await expect.poll(() => one.get('/health'), SOON).toMatchObject({ body: { status: 'ok' } });
  });

  it('answers without the lock service, and is degraded then', async () => {
    await zooKeeper.kill();
    await expect
      .poll(() => one.get('/health'), SOON)
      .toMatchObject({
        status: 200,
        body: {
          status: 'degraded',
          details: { cache: { state: 'degraded', store: { status: 'up' }, lock: { status: 'down' } } },
        },
      });
    expect((await one.get('/products/9')).status).toBe(200);
    expect(await one.sum('lock_attempts_total', 'outcome="unavailable"')).toBeGreaterThan(0);
    expect(await one.sum('loads_total', 'load_under="lease"')).toBeGreaterThan(0);
    await zooKeeper.restart();
    await expect.poll(() => one.get('/health'), SOON).toMatchObject({ body: { status: 'ok' } });
    expect(await one.sum('lock_status', 'lock_state="connected"')).toBe(1);
  });

  it('has told Prometheus every metric that the dashboard asks for', async () => {
    const samples = [...(await one.scrape()), ...(await two.scrape())];
    const told = new Set(samples.map(({ name }) => name));
    const missing = dashboardQueries().flatMap(({ panel, query }) =>
      metricsIn(query)
        .filter((name) => !told.has(name))
        .map((name) => `${name} in "${panel}"`),
    );
    expect(missing).toEqual([]);
    // Bounded: a series for each of a few words, and no key in any.
    expect(samples.filter(({ name }) => !name.endsWith('_bucket')).length).toBeLessThan(300);
    expect(samples.filter(({ labels }) => /#42|3001/.test(labels))).toEqual([]);
  });
});
