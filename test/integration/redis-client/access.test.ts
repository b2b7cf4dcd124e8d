import { readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../lib/core/clock.js';
import { lookScript, renewScript } from '../../../lib/locks/redis/redis-lock-scripts.js';
import { redisLock } from '../../../lib/locks/redis/redis-lock.js';
import { openRedisClient } from '../../../lib/redis-client/open-redis-client.js';
import { failingCases } from '../../../lib/testing/contract-case.js';
import { assertFreed } from '../../../lib/testing/lock-contract/lock-stage.js';
import { versionedStoreContract } from '../../../lib/testing/versioned-store-contract.js';
import { startRedis, type OwnRedis } from '../../../servers/index.js';
import { monitorRedis, type RedisMonitor } from '../../support/redis-monitor.js';
import { redisStoreWays, storeContext, untilItAnswers, type ReachedStore } from '../../support/redis-stores.js';
import { realInstance } from '../../support/real-instance.js';
import { applicationClients } from '../../support/redis-clients.js';

const page = readFileSync(new URL('../../../docs/redis-in-production.md', import.meta.url), 'utf8');
const PATIENCE = { timeout: 60_000, interval: 200 };
/** The words of the rule in the documentation, for a namespace that begins with `acl`. */
const rule = /ACL SETUSER [^`]*/
  .exec(page)?.[0]
  .replaceAll('shop:', 'acl*:')
  .split(/[\s\\]+/)
  .filter((word) => word !== '');

let server: OwnRedis;
let admin: Redis;
let url: string;

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
  const [, , ...words] = rule ?? [];
  await admin.acl('SETUSER', words[0] ?? '', ...words.slice(1));
  url = server.url.replace('redis://', 'redis://cache:a-password@');
});

afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

/** The commands that were called, by clients and by scripts, and those that were refused. */
async function commands(): Promise<{ called: string[]; refused: string[] }> {
  const lines = (await admin.info('commandstats')).matchAll(/^cmdstat_([^:]+):calls=(\d+),.*rejected_calls=(\d+)/gm);
  const stats = [...lines].map(([, name = '', calls, rejected]) => ({
    name,
    calls: Number(calls),
    rejected: Number(rejected),
  }));
  return {
    called: stats.filter(({ calls }) => calls > 0).map(({ name }) => name),
    refused: stats.filter(({ rejected }) => rejected > 0).map(({ name }) => name),
  };
}

async function reachStore(way: string, namespace = `acl-${randomUUID()}`): Promise<ReachedStore> {
  const reached = await redisStoreWays[way]?.(url, storeContext(namespace));
  if (reached === undefined) throw new Error(`no such way: ${way}`);
  await untilItAnswers(reached.store);
  return reached;
}

/** Holder and waiter do all that they ever do: take, wait, renew, look, give back. */
async function lockAndRelease(client: object, namespace: string, monitor: RedisMonitor): Promise<void> {
  const context = { namespace, clock: systemClock, storeTimeoutMs: 5_000, lockTimeoutMs: 5_000 };
  const open = (ttlMs: number) =>
    redisLock({ client, ttlMs }).createLockProvider({ ...context, report: () => undefined });
  // Renewed after three seconds; kept when the machine stands still for five. The waiter looks sooner.
  const [holder, waiter] = [await open(9_000), await open(500)];
  const held = await holder.tryAcquire('k', { timeoutMs: 10_000 });
  const busy = await waiter.tryAcquire('k', { timeoutMs: 10_000 });
  if (!held.acquired || busy.acquired) throw new Error('one gets it, the other finds it busy');
  const woken = busy.wait({ timeoutMs: PATIENCE.timeout });
  const done = async (): Promise<unknown[]> =>
    (await monitor.commands())
      .filter(({ args }) => args.includes(`${namespace}:lock:1:k`))
      .map(({ args: [script] }) => script);
  await vi.waitFor(async () => {
    const scripts = await done();
    for (const script of [renewScript, lookScript])
      expect(scripts.some((sent) => sent === script.sha1 || sent === script.source)).toBe(true);
  }, PATIENCE);
  expect(held.signal.aborted).toBe(false);
  await held.release();
  assertFreed(await woken);
  await Promise.all([holder.close(), waiter.close()]);
}

describe('a Redis user with the rights of the documentation', () => {
  it('has all that is needed, by every kind of client, and nothing else', { timeout: 120_000 }, async () => {
    const monitor = await monitorRedis(server.url);
    const locking = Object.values(applicationClients).map(async (make) => {
      const made = await make(url);
      await lockAndRelease(made.client as object, `acl-${randomUUID()}`, monitor);
      made.close();
    });
    const caching = Object.keys(applicationClients).map(async (name) => {
      const { store, close } = await reachStore(`redisStore({ client }), ${name}`);
      const { cache, load } = realInstance(store);
      expect((await load('k', () => Promise.resolve('loaded'), { version: 1n })).value, name).toBe('loaded');
      await cache.invalidate('k');
      expect((await load('k', () => Promise.resolve('again'), { version: 1n })).value, name).toBe('again');
      await store.clear();
      await close();
    });
    await Promise.all([...locking, ...caching]);
    monitor.close();
    // The whole suite, but for the histories, which send nothing that the other cases do not send.
    const suite = versionedStoreContract(
      async () => {
        const { store, close } = await reachStore('redisStore({ url })');
        return {
          store,
          dispose: () =>
            store
              .clear()
              .catch(() => undefined)
              .then(close),
        };
      },
      { histories: 0 },
    );
    // Each case has a namespace of its own, and most of its time is the end of some life: they overlap.
    const failing = await Promise.all(suite.map((one) => failingCases([one])));
    expect(failing.flat()).toEqual([]);
    // Two things that happen rarely: what is not ours lies under a key of ours, and a subscription is given up.
    const namespace = `acl-${randomUUID()}`;
    const { store, close } = await reachStore('redisStore({ url })', namespace);
    await admin.set(`${namespace}:cache:1:k`, 'not a hash');
    await store.invalidate('k', { floorMs: 1_000 });
    const client = await openRedisClient(url);
    await (
      await client.subscribe(`${namespace}:c`, () => undefined)
    )();
    await vi.waitFor(async () => expect((await commands()).called).toContain('unsubscribe'), { timeout: 60_000 });
    await Promise.all([close(), client.close()]);

    const { called, refused } = await commands();
    expect(refused).toEqual([]);
    const granted = (rule ?? []).filter((word) => word.startsWith('+')).map((word) => word.slice(1));
    expect(granted.filter((command) => !called.includes(command))).toEqual([]);
  });

  it('reaches no other namespace', async () => {
    const client = new Redis(url);
    await expect(client.hget('other:cache:1:k', 'payload')).rejects.toThrow(/NOPERM/);
    await expect(client.flushall()).rejects.toThrow(/NOPERM/);
    client.disconnect();
    await vi.waitFor(async () => expect((await commands()).refused).toContain('hget'), 30_000);
  });
});
