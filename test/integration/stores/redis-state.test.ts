import { randomUUID } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { createClient } from 'redis';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import type { CacheEvent } from '../../../lib/core/cache-event.js';
import type { BeginOutcome, Fill, VersionedStore } from '../../../lib/core/versioned-store.js';
import { redisStore } from '../../../lib/stores/redis/redis-store.js';
import { adoptRedisClient } from '../../../lib/redis-client/adopt-redis-client.js';
import type { RedisClient } from '../../../lib/redis-client/redis-client.js';
import { RedisVersionedStore } from '../../../lib/stores/redis/redis-versioned-store.js';
import { Gate } from '../../support/gate.js';
import { monitorRedis } from '../../support/redis-monitor.js';
import { storeContext, untilItAnswers } from '../../support/redis-stores.js';

const LIFE = { ttlMs: 60_000, keepStaleMs: 30_000 };

let namespace: string;
let events: CacheEvent[];
let store: VersionedStore;
let bystander: ReturnType<typeof createClient>;

beforeEach(async () => {
  namespace = `test-${randomUUID()}`;
  events = [];
  store = await redisStore({ url: inject('redisUrl') }).createVersionedStore(storeContext(namespace, events));
  bystander = createClient({ url: inject('redisUrl') });
  await bystander.connect();
  await untilItAnswers(store);
});

afterEach(async () => {
  await store.clear();
  await store.close();
  bystander.destroy();
});

const redisKey = (key: string): string => `${namespace}:cache:1:${key}`;

async function begin(
  key: string,
  lease = 'lease-1',
  leaseMs = 20_000,
): Promise<Extract<BeginOutcome, { kind: 'lease' }>> {
  const outcome = await store.begin(key, { lease, leaseMs });
  if (outcome.kind !== 'lease') throw new Error(`expected a lease, got ${outcome.kind}`);
  return outcome;
}

it('knows which of an announcement and a begin came first to the microsecond: one server has one clock', async () => {
  await store.announce('t', 60_000);
  const announced = -Number(await bystander.zScore(`${namespace}:tag:1:t`, ''));
  const register = (afterMs: number) => {
    const begunAt = (announced + afterMs).toFixed(3);
    return store.register('t', { key: 'k', begunAt, forMs: 60_000, maxKeys: 10, memoryMs: 60_000 });
  };
  expect(await register(0)).toEqual({ registered: false, reason: 'announced' });
  expect(await register(0.001)).toMatchObject({ registered: true });
});

async function load(key: string, parts: Partial<Fill> = {}): Promise<void> {
  const { lease, begunAt } = await begin(key);
  const outcome = await store.fill(key, {
    lease,
    begunAt,
    fillId: randomUUID(),
    payload: '{"name":"Käse"}',
    ...LIFE,
    ...parts,
  });
  expect(outcome).toEqual({ stored: true });
}

describe('what lies in Redis', () => {
  it('is a hash that redis-cli shows, value and version readable', async () => {
    await load('product:1', { version: { kind: 'row', order: 7n } });
    const url = new URL(inject('redisUrl'));
    const lines = execFileSync('redis-cli', ['-h', url.hostname, '-p', url.port, 'HGETALL', redisKey('product:1')])
      .toString()
      .split('\n');
    const field = (name: string): string | undefined => lines[lines.indexOf(name) + 1];
    expect([field('payload'), field('kind'), field('order')]).toEqual([
      '{"name":"Käse"}',
      'row',
      '0000000000000000007',
    ]);
  });

  it('expires in every state, no earlier than its longest-living part', async () => {
    const ttl = async (key: string): Promise<number> => bystander.pTTL(redisKey(key));
    const expectTtl = async (key: string, ms: number): Promise<void> => {
      const left = await ttl(key);
      expect(left, key).toBeLessThanOrEqual(ms);
      expect(left, key).toBeGreaterThan(ms - 10_000);
    };
    await begin('leased');
    await expectTtl('leased', 20_000);
    await load('filled');
    await expectTtl('filled', 90_000);
    const { lease } = await begin('marked');
    await store.mark('marked', lease, { id: 'm', kind: 'unstored' }, 50_000);
    await expectTtl('marked', 50_000);
    await store.invalidate('gone', { floorMs: 40_000, version: { kind: 'row', order: 3n } });
    await expectTtl('gone', 40_000);
    await begin('gone');
    await expectTtl('gone', 40_000);
    await load('set', { version: { kind: 'row', order: 1n } });
    await store.set('set', {
      payload: 'x',
      version: { kind: 'row', order: 2n },
      ttlMs: 100_000,
      keepStaleMs: 50_000,
      floorMs: 10_000,
    });
    await expectTtl('set', 150_000);
    await store.invalidate('set', { floorMs: 30_000 });
    await expectTtl('set', 30_000);
  });

  it('compares versions beyond 2^53 digit by digit', async () => {
    const row = (order: bigint): { kind: string; order: bigint } => ({ kind: 'row', order });
    const big = 2n ** 63n - 1n;
    await store.invalidate('k', { version: row(big), floorMs: 60_000 });
    const { lease, begunAt } = await begin('k');
    const fill = { lease, begunAt, payload: 'x', ...LIFE };
    expect(await store.fill('k', { ...fill, fillId: 'a', version: row(big - 1n) })).toEqual({
      stored: false,
      reason: 'older',
      floor: row(big),
    });
    expect(await store.fill('k', { ...fill, fillId: 'b', version: row(big) })).toEqual({ stored: true });
    expect((await store.read('k')).value?.version).toEqual(row(big));
    await load('n', { version: row(2n ** 53n) });
    expect(await store.set('n', { payload: 'y', version: row(2n ** 53n + 1n), ...LIFE, floorMs: 1_000 })).toBe(
      'stored',
    );
  });

  it('is cleared without touching foreign keys and other namespaces', async () => {
    const other = await redisStore({ url: inject('redisUrl') }).createVersionedStore(storeContext(`${namespace}x`));
    await untilItAnswers(other);
    await other.invalidate('k', { floorMs: 60_000 });
    const foreign = [`${namespace}:cache:2:k`, `${namespace}:lock:k`, `${namespace}:cache:1`];
    for (const key of foreign) await bystander.set(key, 'x', { PX: 60_000 });
    for (let n = 0; n < 700; n++) void store.invalidate(`k${n}`, { floorMs: 60_000 });
    await load('last');
    await store.clear();
    expect(await bystander.keys(`${namespace}:cache:1:*`)).toEqual([]);
    expect(await bystander.exists(foreign)).toBe(foreign.length);
    expect(await bystander.exists(`${namespace}x:cache:1:k`)).toBe(1);
    await other.clear();
    await other.close();
  });

  it('an announcement that is made meanwhile tells every key that is not deleted yet', async () => {
    const begun = await begin('k');
    await store.register('tag', {
      key: 'k',
      begunAt: begun.begunAt,
      forMs: 60_000,
      maxKeys: 10,
      memoryMs: 60_000,
    });
    const client = adoptRedisClient(bystander);
    const beforeStates = new Gate();
    const staged: RedisClient = {
      description: 'staged',
      run: (...step) => client.run(...step),
      subscribe: (...channel) => client.subscribe(...channel),
      close: () => client.close(),
      deleteByPrefix: async (prefix) => {
        if (prefix === redisKey('')) await beforeStates.pass();
        await client.deleteByPrefix(prefix);
      },
    };
    // 1. The namespace is being cleared, and its states are there yet; 2. a tag is announced: who announces must hear of them; 3. the rest is deleted.
    const cleared = new RedisVersionedStore({ client: staged, namespace, report: () => undefined }).clear();
    await beforeStates.arrived;
    expect(await store.announce('tag', 60_000)).toEqual(['k']);
    beforeStates.open();
    await cleared;
    expect(await store.read('k')).toEqual({ loading: false });
  });
});

describe('requests', () => {
  it('are one for each step, and one more when the server has forgotten the script', async () => {
    const steps: Record<string, () => Promise<unknown>> = {
      begin: () => begin('k'),
      fill: async () => store.fill('k', { lease: 'lease-1', begunAt: '0', fillId: 'f', payload: 'x', ...LIFE }),
      read: () => store.read('k'),
      mark: () => store.mark('k', 'lease-1', { id: 'm', kind: 'failed' }, 1_000),
      invalidate: () => store.invalidate('k', { floorMs: 1_000 }),
      set: () => store.set('k', { payload: 'x', version: { kind: 'row', order: 1n }, ...LIFE, floorMs: 1_000 }),
    };
    for (const step of Object.values(steps)) await step();
    await store.invalidate('k', { floorMs: 1_000 });
    const monitor = await monitorRedis(inject('redisUrl'));
    try {
      for (const [name, step] of Object.entries(steps)) {
        const before = (await monitor.commands()).filter(ours).length;
        await step();
        const sent = (await monitor.commands()).filter(ours).slice(before);
        expect(
          sent.map(({ command }) => command),
          name,
        ).toEqual(['evalsha']);
      }
    } finally {
      monitor.close();
    }
  });

  const ours = ({ args }: { readonly args: readonly string[] }): boolean =>
    args.some((arg) => arg.startsWith(`${namespace}:`));
});

describe('bytes that are not ours', () => {
  it('of a foreign type are a miss with an event, and the next load replaces them', async () => {
    await bystander.set(redisKey('k'), 'a plain string', { PX: 60_000 });
    expect(await store.read('k')).toEqual({ loading: false });
    expect(events).toEqual([expect.objectContaining({ type: 'corrupt-entry', key: 'k' })]);
    await load('k');
    expect((await store.read('k')).value?.payload).toBe('{"name":"Käse"}');
  });

  it.each([
    ['a value without its payload', ['HDEL', 'payload']],
    ['a version that is no number', ['HSET', 'order', 'abc']],
  ])('%s: a miss with an event, and the next load replaces it', async (_name, [command = '', ...words]) => {
    await load('k', { version: { kind: 'row', order: 1n } });
    await bystander.sendCommand([command, redisKey('k'), ...words]);
    expect((await store.read('k')).value).toBeUndefined();
    expect(events).toEqual([expect.objectContaining({ type: 'corrupt-entry', key: 'k' })]);
    await load('k', { version: { kind: 'row', order: 2n } });
    expect((await store.read('k')).value?.version).toEqual({ kind: 'row', order: 2n });
  });

  it('under a foreign type give way to an invalidation', async () => {
    await bystander.lPush(redisKey('k'), 'x');
    await store.invalidate('k', { floorMs: 60_000 });
    expect(await bystander.type(redisKey('k'))).toBe('hash');
  });
});
