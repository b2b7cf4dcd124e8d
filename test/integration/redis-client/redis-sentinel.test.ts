import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { LockUnavailableError } from '../../../lib/core/errors.js';
import type { HeldLock, LockProvider, WakeReason } from '../../../lib/core/lock-provider.js';
import type { VersionedStore } from '../../../lib/core/versioned-store.js';
import { redisLock } from '../../../lib/locks/redis/redis-lock.js';
import { redisStore } from '../../../lib/stores/redis/redis-store.js';
import { ask, startRedisSentinel, type OwnRedis, type OwnRedisSentinel } from '../../../servers/index.js';
import { realInstance, type RealInstance } from '../../support/real-instance.js';
import { sentinelClients } from '../../support/redis-topologies.js';
import { storeContext } from '../../support/redis-stores.js';
import { SHORT_CALLS } from '../../support/patient.js';

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
      const silent = storeContext(namespace, [], SHORT_CALLS);
      const store = await redisStore({ client: made.client }).createVersionedStore(silent);
      const locks = await redisLock({ client: made.client as object, ttlMs: 600_000 }).createLockProvider(silent);
      closers.push(async () => {
        await Promise.all([store.close(), locks.close()]);
        made.close();
      });
      return { name, namespace, store, locks, instance: realInstance(store, undefined, undefined, SHORT_CALLS) };
    }),
  );
}

async function hold(locks: LockProvider, key: string): Promise<HeldLock> {
  const lock = await locks.tryAcquire(key, { timeoutMs: PATIENCE_MS });
  if (!lock.acquired) throw new Error('another has it');
  return lock;
}

/** Resolves when the wait has begun. */
async function awaitBusy(locks: LockProvider, key: string): Promise<{ readonly woken: Promise<WakeReason> }> {
  const lock = await locks.tryAcquire(key, { timeoutMs: PATIENCE_MS });
  if (lock.acquired) throw new Error('it was free');
  return { woken: lock.wait({ timeoutMs: 2 * PATIENCE_MS }) };
}

/** What was acknowledged so far has reached both replicas. */
async function replicated(): Promise<void> {
  const admin = new Redis((await sentinel.master()).url);
  // WAIT counts what this very connection has written.
  await admin.set('written last', '');
  expect(await admin.wait(2, 20_000)).toBe(2);
  admin.disconnect();
}

/** Loads until the store has it: an instance gives up a store that is silent while the machine stands still. */
async function stored(
  instance: RealInstance,
  store: VersionedStore,
  key: string,
  { value, version }: { readonly value: string; readonly version: bigint },
): Promise<void> {
  await vi.waitFor(async () => {
    expect((await instance.load(key, () => Promise.resolve(value), { version })).value).toBe(value);
    expect((await store.read(key)).value?.payload).toContain(value);
  }, PATIENCE);
}

/** Every subscription has moved to the master of now: what is released from here on is heard. */
async function listening(waiters: readonly Reached[]): Promise<void> {
  await vi.waitFor(async () => {
    const admin = new Redis((await sentinel.master()).url);
    try {
      for (const { name, namespace } of waiters)
        expect(await admin.pubsub('NUMSUB', `${namespace}:lock:1`), name).toEqual([`${namespace}:lock:1`, 1]);
    } finally {
      admin.disconnect();
    }
  }, PATIENCE);
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
  it('callers get their values without it; then all goes on with the new one: what was replicated is not forgotten, and a release wakes who waits', async () => {
    const run = randomUUID();
    const [reached, waiters] = [await reachByAll(run), await reachByAll(run)];
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    closers.push(() => {
      open();
    });
    // 1. One row is cached; of another the old version has been read when its change is announced.
    const overtaken = reached.map(({ instance }) =>
      // A failover may take longer than a load usually does.
      instance.load('changed', () => gate.then(() => 'old'), { version: 1n, policy: { loadTimeoutMs: 600_000 } }),
    );
    for (const { instance, store } of reached) {
      await stored(instance, store, 'kept', { value: 'kept', version: 1n });
      await vi.waitFor(async () => expect(await store.read('changed')).toMatchObject({ loading: true }), PATIENCE);
      await instance.cache.invalidate('changed', { version });
    }
    // 2. A lock is held, and waited for.
    const holding = await Promise.all(reached.map(({ locks }) => hold(locks, 'k')));
    const waiting = await Promise.all(waiters.map(({ locks }) => awaitBusy(locks, 'k')));
    await replicated();

    // 3. The master dies. Loads end, with nothing stored.
    const recovered = await failOver();
    const during = await Promise.all(
      reached.map(({ instance }) => instance.load('new', () => Promise.resolve('loaded'))),
    );
    for (const { value } of during) expect(value).toBe('loaded');
    expect(reached.some(({ instance }) => instance.flow().includes('store-unavailable'))).toBe(true);

    // 4. A replica has become the master, which does not know our scripts.
    await recovered();
    for (const { name, store } of reached) {
      await vi.waitFor(() => store.read('kept'), PATIENCE);
      expect((await store.read('kept')).value, name).toBeDefined();
      expect((await store.read('changed')).value, name).toBeUndefined();
    }
    // 5. The load that was overtaken ends last; and a reader of an old replica of the database comes even later.
    open();
    for (const answer of await Promise.all(overtaken)) expect(answer.value).toBe('old');
    for (const { name, store, instance } of reached) {
      expect((await store.read('changed')).value, name).toBeUndefined();
      await instance.load('changed', () => Promise.resolve('old'), { version: 1n });
      expect((await store.read('changed')).value, name).toBeUndefined();
      await stored(instance, store, 'changed', { value: 'new', version: 2n });
    }

    // 6. The locks are given back, now that every subscription has moved.
    await listening(waiters);
    for (const lock of holding) {
      expect(lock.signal.aborted).toBe(false);
      await lock.release();
    }
    // By the message and nothing else: no look is due before a lock's ten minutes are over.
    expect(await Promise.all(waiting.map(({ woken }) => woken))).toEqual(waiters.map(() => 'released'));
    // And so with the next lock.
    const next = await Promise.all(reached.map(({ locks }) => hold(locks, 'next')));
    const waitingNext = await Promise.all(waiters.map(({ locks }) => awaitBusy(locks, 'next')));
    for (const lock of next) await lock.release();
    expect(await Promise.all(waitingNext.map(({ woken }) => woken))).toEqual(waiters.map(() => 'released'));
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
    for (const { store, instance } of reached) {
      await vi.waitFor(() => store.invalidate('k', { version, floorMs: 60_000 }), PATIENCE);
      await stored(instance, store, 'k', { value: 'new', version: 2n });
    }
    await sentinel.healthy(2);
  });

  it('a replica that is taken for the master refuses what is written, and is no lock service', async () => {
    const master = await sentinel.master();
    const replica = sentinel.servers.find((server) => server !== master) as OwnRedis;
    const silent = storeContext(randomUUID());
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
