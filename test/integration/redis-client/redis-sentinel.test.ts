import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../lib/core/clock.js';
import { LockUnavailableError } from '../../../lib/core/errors.js';
import type { BusyLock, HeldLock, LockProvider } from '../../../lib/core/lock-provider.js';
import type { VersionedStore } from '../../../lib/core/versioned-store.js';
import { redisLock } from '../../../lib/locks/redis/redis-lock.js';
import { redisStore } from '../../../lib/stores/redis/redis-store.js';
import { ask, startRedisSentinel, type OwnRedis, type OwnRedisSentinel } from '../../../servers/index.js';
import { realInstance, type RealInstance } from '../../support/real-instance.js';
import { sentinelClients } from '../../support/redis-topologies.js';

/** After a failover that failed, Sentinels wait for 20 s before the next. */
const PATIENCE_MS = 120_000;
const PATIENCE = { timeout: PATIENCE_MS, interval: 50 };
const version = { kind: 'row', order: 2n };

let sentinel: OwnRedisSentinel;
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  // Longer than a busy machine stands still: nobody is replaced whom no test has killed.
  sentinel = await startRedisSentinel({ downAfterMs: 5_000 });
});

afterEach(async () => {
  const failures: unknown[] = [];
  for (const close of closers.splice(0).reverse()) {
    try {
      await close();
    } catch (error) {
      failures.push(error);
    }
  }
  expect(failures).toEqual([]);
});

afterAll(async () => {
  await sentinel.stop();
});

interface Reached {
  readonly name: string;
  readonly namespace: string;
  readonly store: VersionedStore;
  readonly locks: LockProvider;
  readonly instance: RealInstance;
}

/** By every kind of client, each with a namespace of its own, on one connection for store and lock. */
function reachByAll(run = randomUUID()): Promise<Reached[]> {
  return Promise.all(
    Object.entries(sentinelClients).map(async ([name, make]) => {
      const namespace = `${name}-${run}`;
      const made = await make(sentinel.endpoints);
      const context = { namespace, clock: systemClock, storeTimeoutMs: 1_000, lockTimeoutMs: 1_000 };
      const silent = { ...context, report: () => undefined };
      const store = await redisStore({ client: made.client }).createVersionedStore(silent);
      const locks = await redisLock({ client: made.client as object, ttlMs: 60_000 }).createLockProvider(silent);
      closers.push(async () => {
        await Promise.all([store.close(), locks.close()]);
        made.close();
      });
      return { name, namespace, store, locks, instance: realInstance(store) };
    }),
  );
}

async function wakeUp(lock: HeldLock | BusyLock, timeoutMs: number): Promise<string> {
  return lock.acquired ? 'it was free' : lock.wait({ timeoutMs });
}

/** What was acknowledged so far has reached both replicas. */
async function replicated(): Promise<void> {
  const admin = new Redis((await sentinel.master()).url);
  // WAIT counts what this very connection has written.
  await admin.set('written last', '');
  expect(await admin.wait(2, 20_000)).toBe(2);
  admin.disconnect();
}

async function failOver(): Promise<() => Promise<void>> {
  await sentinel.healthy(2);
  const killed = await sentinel.master();
  await killed.kill();
  closers.push(() => returned(killed));
  return async () => {
    await vi.waitFor(async () => expect((await sentinel.master()).port).not.toBe(killed.port), PATIENCE);
    await sentinel.healthy(1);
  };
}

/** The former master is back, and follows: told so here, because the Sentinels take some ten seconds to do it. */
async function returned(server: OwnRedis): Promise<void> {
  await vi.waitFor(async () => expect((await sentinel.master()).port).not.toBe(server.port), PATIENCE);
  await server.restart();
  await ask(server.port, `REPLICAOF 127.0.0.1 ${String((await sentinel.master()).port)}\r\n`);
  await sentinel.healthy(2);
}

describe('a Redis behind Sentinels whose master is killed, by every kind of client', { timeout: 600_000 }, () => {
  it('callers get their values without it, and all goes on with the new one: what was replicated is not forgotten', async () => {
    const reached = await reachByAll();
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    closers.push(() => {
      open();
    });
    // 1. One row is cached; of another the old version has been read when its change is announced.
    const overtaken = reached.map(({ instance }) =>
      instance.load('changed', () => gate.then(() => 'old'), { version: 1n }),
    );
    for (const { instance, store } of reached) {
      await instance.load('kept', () => Promise.resolve('kept'), { version: 1n });
      await vi.waitFor(async () => expect(await store.read('changed')).toMatchObject({ loading: true }), PATIENCE);
      await instance.cache.invalidate('changed', { version });
    }
    await replicated();

    // 2. The master dies. Loads end, with nothing stored.
    const recovered = await failOver();
    const during = await Promise.all(
      reached.map(({ instance }) => instance.load('new', () => Promise.resolve('loaded'))),
    );
    for (const { value } of during) expect(value).toBe('loaded');
    expect(reached.some(({ instance }) => instance.flow().includes('store-unavailable'))).toBe(true);

    // 3. A replica has become the master, which does not know our scripts.
    await recovered();
    for (const { name, store } of reached) {
      await vi.waitFor(() => store.read('kept'), PATIENCE);
      expect((await store.read('kept')).value, name).toBeDefined();
      expect((await store.read('changed')).value, name).toBeUndefined();
    }
    // 4. The load that was overtaken ends last; and a reader of an old replica of the database comes even later.
    open();
    for (const answer of await Promise.all(overtaken)) expect(answer.value).toBe('old');
    for (const { name, store, instance } of reached) {
      expect((await store.read('changed')).value, name).toBeUndefined();
      await instance.load('changed', () => Promise.resolve('old'), { version: 1n });
      expect((await store.read('changed')).value, name).toBeUndefined();
      await instance.load('changed', () => Promise.resolve('new'), { version: 2n });
      expect((await instance.load('changed', () => Promise.resolve('?'))).value, name).toBe('new');
    }
  });

  it('a lock that was replicated is kept, and its release wakes who waits, over a subscription that has moved', async () => {
    const run = randomUUID();
    const [holders, waiters] = [await reachByAll(run), await reachByAll(run)];
    const holding = await Promise.all(holders.map(({ locks }) => locks.tryAcquire('k', { timeoutMs: PATIENCE_MS })));
    const busy = await Promise.all(waiters.map(({ locks }) => locks.tryAcquire('k', { timeoutMs: PATIENCE_MS })));
    const waiting = busy.map((lock) => wakeUp(lock, PATIENCE_MS));
    await replicated();
    const recovered = await failOver();
    await recovered();
    for (const lock of holding) {
      if (!lock.acquired) throw new Error('the first of all found it busy');
      expect(lock.signal.aborted).toBe(false);
      await lock.release();
    }
    // By the message; or by the look when the lock's time is over, should the subscription not have moved yet.
    for (const reason of await Promise.all(waiting)) expect(['released', 'vanished']).toContain(reason);

    // From some moment on it is the message again.
    await vi.waitFor(async () => {
      const key = randomUUID();
      const again = await Promise.all(holders.map(({ locks }) => locks.tryAcquire(key, { timeoutMs: PATIENCE_MS })));
      const wakings = await Promise.all(waiters.map(({ locks }) => locks.tryAcquire(key, { timeoutMs: PATIENCE_MS })));
      const woken = wakings.map((lock) => wakeUp(lock, 2_000));
      for (const lock of again) if (lock.acquired) await lock.release();
      expect(await Promise.all(woken)).toEqual(waiters.map(() => 'released'));
    }, PATIENCE);
  });

  it('a master that is asked to step down: what is written to it late is refused, and all goes on with the new one', async () => {
    const reached = await reachByAll();
    const former = await sentinel.master();
    for (const { store } of reached) await store.invalidate('k', { version, floorMs: 60_000 });
    await replicated();
    await sentinel.healthy(2);
    await vi.waitFor(async () => {
      const answer = await ask(sentinel.endpoints[0]?.port ?? 0, `SENTINEL FAILOVER ${sentinel.name}\r\n`);
      // In progress: it was heard, and the answer came too late. Asked once more, it would go back.
      expect(answer).toMatch(/\+OK|-INPROG/);
    }, PATIENCE);
    await vi.waitFor(async () => expect((await sentinel.master()).port).not.toBe(former.port), PATIENCE);
    for (const { name, store, instance } of reached) {
      await vi.waitFor(() => store.invalidate('k', { version, floorMs: 60_000 }), PATIENCE);
      expect((await instance.load('k', () => Promise.resolve('new'), { version: 2n })).value, name).toBe('new');
      expect((await store.read('k')).value, name).toBeDefined();
    }
    await sentinel.healthy(2);
  });

  it('a replica that is taken for the master refuses what is written, and is no lock service', async () => {
    const master = await sentinel.master();
    const replica = sentinel.servers.find((server) => server !== master) as OwnRedis;
    const context = { namespace: randomUUID(), clock: systemClock, storeTimeoutMs: 1_000, lockTimeoutMs: 1_000 };
    const silent = { ...context, report: () => undefined };
    const store = await redisStore({ url: replica.url }).createVersionedStore(silent);
    const locks = await redisLock({ url: replica.url }).createLockProvider(silent);
    closers.push(() => Promise.all([store.close(), locks.close()]));
    await expect(store.begin('k', { lease: 'l', leaseMs: 60_000 })).rejects.toThrow(/READONLY/);
    await expect(store.invalidate('k', { floorMs: 60_000 })).rejects.toThrow(/READONLY/);
    await expect(locks.tryAcquire('k', { timeoutMs: 300 })).rejects.toThrow(LockUnavailableError);
    const { value } = await realInstance(store, locks).load('k', () => Promise.resolve('loaded'));
    expect(value).toBe('loaded');
  });
});
