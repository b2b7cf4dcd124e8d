import { createClient } from 'redis';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../lib/core/clock.js';
import { withDeadline } from '../../../lib/core/deadline.js';
import type { VersionedStore } from '../../../lib/core/versioned-store.js';
import { redisStore } from '../../../lib/stores/redis/redis-store.js';
import { selfTest } from '../../../lib/stores/store-self-test.js';
import { type ReachedStore, redisStoreWays, storeContext, untilItAnswers } from '../../support/redis-stores.js';
import { type OwnRedis, startRedis } from '../../../servers/index.js';
import { SHORT_CALLS } from '../../support/patient.js';

const LIFE = { ttlMs: 60_000, keepStaleMs: 0 };
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function ownRedis(args: string[] = []): Promise<OwnRedis> {
  const server = await startRedis({ args });
  closers.push(() => server.stop());
  return server;
}

async function open(url: string): Promise<VersionedStore> {
  const store = await redisStore({ url }).createVersionedStore(storeContext('test', [], SHORT_CALLS));
  closers.push(() => store.close());
  return store;
}

async function load(store: VersionedStore, key: string, payload = 'x'): Promise<void> {
  const begun = await store.begin(key, { lease: 'l', leaseMs: 60_000 });
  if (begun.kind !== 'lease') throw new Error(begun.kind);
  expect(
    await store.fill(key, { lease: begun.lease, begunAt: begun.begunAt, fillId: payload, payload, ...LIFE }),
  ).toEqual({ stored: true });
}

describe('a Redis that is away', () => {
  it('at start: steps are refused at once, the self-test says so, and all is well when it comes', async () => {
    const server = await ownRedis();
    await server.kill();
    const store = await open(server.url);
    await expect(store.read('k')).rejects.toThrow();
    expect(await selfTest(store, { clock: systemClock, timeoutMs: 1_000 })).toMatchObject({ kind: 'unavailable' });
    await server.restart();
    await untilItAnswers(store);
    expect(await selfTest(store, { clock: systemClock, timeoutMs: 5_000 })).toEqual({ kind: 'passed' });
  });

  it('frozen: clear() ends too, which has no deadline as a whole', async () => {
    const server = await ownRedis();
    const store = await open(server.url);
    await untilItAnswers(store);
    server.pause();
    await expect(store.clear()).rejects.toThrow('did not answer within');
    server.resume();
    await untilItAnswers(store);
  });

  it('for a while: nothing sent meanwhile is executed later', async () => {
    const server = await ownRedis();
    const store = await open(server.url);
    await untilItAnswers(store);
    await server.kill();
    await vi.waitFor(() => expect(store.read('k')).rejects.toThrow(), { timeout: 60_000 });
    await Promise.allSettled(Array.from({ length: 20 }, () => store.invalidate('late', { floorMs: 60_000 })));
    await server.restart();
    await untilItAnswers(store);
    await load(store, 'k');
    const bystander = createClient({ url: server.url });
    await bystander.connect();
    closers.push(() => {
      bystander.destroy();
    });
    expect(await bystander.keys('*')).toEqual(['test:cache:1:k']);
  });
});

describe.each(Object.entries(redisStoreWays))('reached by %s', (_name, reach) => {
  async function reached(server: OwnRedis): Promise<ReachedStore> {
    const made = await reach(server.url, storeContext('test', [], SHORT_CALLS));
    closers.push(() => made.close());
    await untilItAnswers(made.store);
    return made;
  }

  it('a restart forgets scripts and values, and the next load stores again', async () => {
    const server = await ownRedis();
    const { store } = await reached(server);
    await load(store, 'k');
    await server.restart();
    await untilItAnswers(store);
    expect(await store.read('k')).toEqual({ loading: false });
    await load(store, 'k');
    expect((await store.read('k')).value?.payload).toBe('x');
  });

  it('a frozen server is left to the deadline, and answers when it is thawed', async () => {
    const server = await ownRedis();
    const { store } = await reached(server);
    server.pause();
    const late = withDeadline(systemClock, store.read('k'), 200, () => new Error('deadline'));
    await expect(late).rejects.toThrow('deadline');
    server.resume();
    await untilItAnswers(store);
  });
});

describe('a Redis without memory', () => {
  it('refuses a fill, and deletes what is invalidated or overwritten by a writer', async () => {
    const server = await ownRedis(['--maxmemory-policy', 'noeviction']);
    const store = await open(server.url);
    await untilItAnswers(store);
    const version = { kind: 'row', order: 1n };
    const begun = [];
    for (const key of ['invalidated', 'overwritten', 'unfilled']) {
      const outcome = await store.begin(key, { lease: 'l', leaseMs: 60_000 });
      if (outcome.kind === 'lease') begun.push(outcome.begunAt);
      if (key === 'unfilled') continue;
      await store.fill(key, { lease: 'l', begunAt: begun.at(-1) ?? '', fillId: key, payload: 'old', version, ...LIFE });
    }
    const bystander = createClient({ url: server.url });
    await bystander.connect();
    closers.push(() => {
      bystander.destroy();
    });
    await bystander.configSet('maxmemory', '1');
    await expect(
      store.fill('unfilled', { lease: 'l', begunAt: begun.at(-1) ?? '', fillId: 'f', payload: 'new', ...LIFE }),
    ).rejects.toThrow(/OOM/);
    await store.invalidate('invalidated', { floorMs: 60_000 });
    const set = { payload: 'new', version: { kind: 'row', order: 2n }, ...LIFE, floorMs: 60_000 };
    expect(await store.set('overwritten', set)).toBe('invalidated');
    await bystander.configSet('maxmemory', '0');
    expect(await bystander.exists(['test:cache:1:invalidated', 'test:cache:1:overwritten'])).toBe(0);
    expect(await store.read('unfilled')).toMatchObject({ lease: 'l' });
  });
});
