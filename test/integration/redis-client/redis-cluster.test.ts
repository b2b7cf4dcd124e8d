import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TagOutcome, VersionedStore } from '../../../lib/core/versioned-store.js';
import { adoptRedisClient } from '../../../lib/redis-client/adopt-redis-client.js';
import type { RedisClient } from '../../../lib/redis-client/redis-client.js';
import { redisScript } from '../../../lib/redis-client/redis-script.js';
import { RedisVersionedStore } from '../../../lib/stores/redis/redis-versioned-store.js';
import { startRedisCluster, type OwnRedis, type OwnRedisCluster } from '../../../servers/index.js';
import { clusterClients } from '../../support/redis-topologies.js';
import { realInstance, type RealInstance } from '../../support/real-instance.js';
import { SHORT_CALLS } from '../../support/patient.js';

const publish = redisScript(`return redis.call('PUBLISH', ARGV[1], ARGV[2])`);
const announcedAt = redisScript(`return redis.call('ZSCORE', KEYS[1], '')`);
const PATIENCE = { timeout: 60_000, interval: 50 };
const LIFE = { ttlMs: 60_000, keepStaleMs: 0 };

let cluster: OwnRedisCluster;
const admins = new Map<OwnRedis, Redis>();
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  // Longer than a busy machine stands still: nobody is replaced whom no test has killed.
  cluster = await startRedisCluster({ nodeTimeoutMs: 4_000 });
  for (const node of cluster.nodes) {
    const admin = new Redis(node.url, { retryStrategy: () => 50 });
    admin.on('error', () => undefined);
    admins.set(node, admin);
  }
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

afterAll(async () => {
  for (const admin of admins.values()) admin.disconnect();
  await cluster.stop();
});

interface Reached {
  readonly name: string;
  readonly namespace: string;
  readonly client: RedisClient;
  readonly store: VersionedStore;
  readonly instance: RealInstance;
}

/** By every kind of client, each with a namespace of its own. */
function reachByAll(): Promise<Reached[]> {
  return Promise.all(
    Object.entries(clusterClients).map(async ([name, make]) => {
      const made = await make(cluster.endpoints);
      const namespace = `test-${randomUUID()}`;
      const client = adoptRedisClient(made.client);
      const store = new RedisVersionedStore({ client, namespace, report: () => undefined });
      closers.push(async () => {
        await client.close();
        made.close();
      });
      return { name, namespace, client, store, instance: realInstance(store, undefined, undefined, SHORT_CALLS) };
    }),
  );
}

const adminOf = (node: OwnRedis): Redis => {
  const admin = admins.get(node);
  if (admin === undefined) throw new Error('no such node');
  return admin;
};
const masters = async (): Promise<Redis[]> => {
  const serving = await Promise.all([0, 8_000, 16_383].map((slot) => cluster.masterOf(slot)));
  return [...new Set(serving)].map(adminOf);
};
/** Who serves a slot, by the word of one node. */
const masterPortOf = async (slot: number, by: OwnRedis): Promise<number | undefined> => {
  const ranges = await adminOf(by).cluster('SLOTS');
  return ranges.find(([first, last]) => first <= slot && slot <= last)?.[2]?.[1];
};
const count = async (pattern: string): Promise<number> => {
  const found = await Promise.all((await masters()).map(async (admin) => (await admin.keys(pattern)).length));
  return found.reduce((sum, each) => sum + each);
};
const keys = Array.from({ length: 30 }, (_, n) => `k${String(n)}`);

async function fill(store: VersionedStore, key: string, payload: string): Promise<void> {
  const begun = await store.begin(key, { lease: `lease of ${payload}`, leaseMs: 60_000 });
  if (begun.kind !== 'lease') throw new Error(begun.kind);
  const { lease, begunAt } = begun;
  expect(await store.fill(key, { lease, begunAt, fillId: payload, payload, ...LIFE })).toEqual({ stored: true });
}

const payloadOf = async (store: VersionedStore, key: string): Promise<string | undefined> =>
  (await store.read(key)).value?.payload;

describe('a Redis Cluster, by every kind of client', () => {
  it('takes a load for outdated that began up to 250 ms after the announcement of a tag, since that was told by another clock', async () => {
    for (const { name, namespace, client, store } of await reachByAll()) {
      await store.announce('t', 60_000);
      const announced = -Number(await client.run(announcedAt, `${namespace}:tag:1:t`, []));
      const register = (afterMs: number): Promise<TagOutcome> => {
        const begunAt = (announced + afterMs).toFixed(3);
        return store.register('t', { key: 'k', begunAt, forMs: 60_000, maxKeys: 10, memoryMs: 60_000 });
      };
      expect(await register(249.9), name).toEqual({ registered: false, reason: 'announced' });
      expect(await register(250.1), name).toEqual({ registered: true, announcedBeforeMs: expect.closeTo(250.1, 2) });
    }
  });

  it('runs scripts where the key is, clears the namespace on every master and nothing else, and hears messages', async () => {
    for (const { name, namespace, client, store } of await reachByAll()) {
      const stranger = new RedisVersionedStore({ client, namespace: `${namespace}x`, report: () => undefined });
      await Promise.all(keys.map((key) => store.invalidate(key, { floorMs: 60_000 })));
      await stranger.invalidate('k', { floorMs: 60_000 });
      expect(await count(`${namespace}:*`), name).toBe(keys.length);
      await store.clear();
      expect(await count(`${namespace}*`), name).toBe(1);
      const heard: string[] = [];
      const unsubscribe = await client.subscribe(namespace, (message) => heard.push(message));
      await client.run(publish, namespace, [namespace, 'eins']);
      await vi.waitFor(() => expect(heard, name).toEqual(['eins']), PATIENCE);
      await unsubscribe();
      await stranger.clear();
    }
  });

  it('sends scripts again that every master has forgotten, within the same call', async () => {
    const reached = await reachByAll();
    for (const { store } of reached) {
      for (const admin of await masters()) await admin.script('FLUSH');
      await Promise.all(keys.map((key) => fill(store, key, 'x')));
      for (const key of keys) expect(await payloadOf(store, key)).toBe('x');
    }
  });

  it('follows a slot that moves while its keys are in use: ASK, then MOVED', async () => {
    const reached = await reachByAll();
    // Keys of one slot: what stands in braces decides.
    const tag = '{moving}';
    const slot = Number(await adminOf(cluster.nodes[0] as OwnRedis).call('CLUSTER', 'KEYSLOT', tag));
    const source = await cluster.masterOf(slot);
    const target = (await Promise.all([0, 8_000, 16_383].map((each) => cluster.masterOf(each)))).find(
      (node) => node !== source,
    ) as OwnRedis;
    const [from, to] = [adminOf(source), adminOf(target)];
    const [fromId, toId] = [String(await from.call('CLUSTER', 'MYID')), String(await to.call('CLUSTER', 'MYID'))];
    for (const { store } of reached) for (const key of ['gone', 'stays']) await fill(store, `${tag} ${key}`, key);

    // 1. The slot begins to move, one of the two keys with it; the target does not know our scripts.
    await to.script('FLUSH');
    await to.call('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', fromId);
    await from.call('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', toId);
    for (const { namespace } of reached)
      await from.migrate('127.0.0.1', target.port, `${namespace}:cache:1:${tag} gone`, 0, 5_000);
    const use = async (generation: string): Promise<void> => {
      for (const { name, store } of reached) {
        expect(await payloadOf(store, `${tag} gone`), name).toBe('gone');
        expect(await payloadOf(store, `${tag} stays`), name).toBe('stays');
        await fill(store, `${tag} new ${generation}`, 'new');
        expect(await payloadOf(store, `${tag} new ${generation}`), name).toBe('new');
      }
    };
    await use('1');

    // 2. The rest moves, and the slot is the target's.
    for (const { namespace } of reached)
      await from.migrate('127.0.0.1', target.port, `${namespace}:cache:1:${tag} stays`, 0, 5_000);
    for (const admin of [to, from]) await admin.call('CLUSTER', 'SETSLOT', String(slot), 'NODE', toId);
    await use('2');
  });

  it('a master that is killed: no caller gets an error, and its replica takes over for every client', async () => {
    const reached = await reachByAll();
    const heard = new Map<string, string[]>();
    for (const { name, namespace, client, instance } of reached) {
      for (const key of keys) await instance.load(key, () => Promise.resolve('before'));
      const messages: string[] = [];
      heard.set(name, messages);
      await client.subscribe(namespace, (message) => messages.push(message));
    }
    // 1. Loads are under way.
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const underWay = reached.flatMap(({ instance }) =>
      keys.map((key) =>
        instance.load(`${key} under way`, async () => {
          await gate;
          return 'loaded';
        }),
      ),
    );
    await vi.waitFor(() => {
      for (const { instance } of reached)
        expect(instance.flow().filter((type) => type === 'load-started')).toHaveLength(2 * keys.length);
    }, PATIENCE);
    // 2. A master dies, and the loads end before anybody has taken over.
    const killed = await cluster.masterOf(0);
    await killed.kill();
    open();
    for (const answer of await Promise.all(underWay)) expect(answer.value).toBe('loaded');
    for (const { instance } of reached) {
      const during = await Promise.all(keys.map((key) => instance.load(key, () => Promise.resolve('during'))));
      for (const { value } of during) expect(['before', 'during']).toContain(value);
    }
    // 3. Its replica takes over.
    await cluster.healthy(cluster.nodes.filter((node) => node !== killed));
    for (const { name, client, namespace, store } of reached) {
      await vi.waitFor(async () => {
        for (const key of keys)
          await fill(store, `${key} after ${randomUUID()}`, 'x').catch((error: unknown) => {
            throw new Error(`${name}: ${String(error)}`);
          });
      }, PATIENCE);
      await vi.waitFor(async () => {
        await client.run(publish, namespace, [namespace, 'after']);
        expect(heard.get(name), name).toContain('after');
      }, PATIENCE);
    }
    // 4. The former master returns as a replica, and nothing changes.
    await killed.restart();
    await cluster.healthy();
    for (const { store } of reached) for (const key of keys) await fill(store, `${key} at last`, 'x');
  });

  it('a master that is frozen, with its connections open: every client goes over to its replica', async () => {
    const reached = await reachByAll();
    for (const { store } of reached) for (const key of keys) await fill(store, key, 'before');
    const frozen = await cluster.masterOf(0);
    frozen.pause();
    closers.push(async () => {
      frozen.resume();
      await cluster.healthy();
    });
    // Its replica has taken over before anybody sends a command: none was answered by CLUSTERDOWN.
    const living = cluster.nodes.filter((node) => node !== frozen);
    await vi.waitFor(async () => {
      for (const node of living) expect(await masterPortOf(0, node)).not.toBe(frozen.port);
    }, PATIENCE);
    await cluster.healthy(living);
    await Promise.all(
      reached.map(({ name, instance }) =>
        vi.waitFor(async () => {
          instance.events.length = 0;
          const run = randomUUID();
          await Promise.all(keys.map((key) => instance.load(`${key} ${run}`, () => Promise.resolve('x'))));
          expect(instance.flow().filter((type) => type === 'stored').length, name).toBe(keys.length);
        }, PATIENCE),
      ),
    );
  });
});
