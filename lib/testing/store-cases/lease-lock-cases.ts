import assert from 'node:assert/strict';
import type { BeginOptions, VersionedStore } from '../../core/versioned-store.js';
import {
  LONG_MS,
  SHORT_MS,
  begin,
  fill,
  inTime,
  newId,
  refusal,
  version,
  type StoreCase,
  type StoreCaseContext,
} from '../versioned-store-harness.js';

/** The lease as the lock: who is believed to be loading, for how long, and who is woken. What only a store with `renew` or `listen` does is passed by without it. */
export const leaseLockCases: readonly StoreCase[] = [
  {
    name: 'lease as lock: a hundred at once that leave the turn to another, and one loads',
    run: async ({ store }) => {
      const outcomes = await Promise.all(Array.from({ length: 100 }, () => claim(store)));
      assert.equal(new Set(outcomes.map(({ lease }) => lease)).size, 1, 'all have the same lease');
      assert.equal(outcomes.filter(({ loading }) => !loading).length, 1, 'one of them has the turn');
    },
  },
  {
    name: 'lease as lock: the turn is free again after a mark, and after a change under another lease',
    run: async ({ store }) => {
      const first = await claim(store);
      assert.equal((await claim(store)).loading, true);
      await store.mark('k', first.lease, { id: 'load', kind: 'unstored' }, 0);
      const second = await claim(store);
      assert.deepEqual([second.lease, second.loading], [first.lease, false]);
      await store.invalidate('k', { floorMs: LONG_MS });
      const third = await claim(store);
      assert.deepEqual([third.lease === first.lease, third.loading], [false, false]);
    },
  },
  {
    name: 'lease as lock: whoever asks in vain changes nothing for the one that loads',
    run: async ({ store }) => {
      const begun = await begin(store, 'k');
      await claim(store);
      assert.deepEqual(await store.read('k'), { lease: begun.lease, loading: true });
      assert.deepEqual(await fill(store, 'k', begun, { payload: 'p' }), { stored: true });
      const { value, ...rest } = await store.read('k');
      assert.deepEqual([value?.payload, rest], ['p', { loading: false }]);
    },
  },
  {
    name: 'lease as lock: a fresh value and a failure are told as ever',
    run: async ({ store }) => {
      const begun = await begin(store, 'failed');
      await store.mark('failed', begun.lease, { id: 'load', kind: 'failed' }, LONG_MS);
      assert.equal((await store.begin('failed', offer())).kind, 'failed');
      await fill(store, 'k', await begin(store, 'k'));
      assert.equal((await store.begin('k', offer())).kind, 'fresh');
    },
  },
  {
    name: 'renew: a load that says nothing more is not believed for longer, whoever asks; its lease is, and it may fill',
    run: async ({ store, elapse }) => {
      if (store.renew === undefined) return;
      const { key, begun } = await inTime(async (key) => {
        const begun = await claim(store, { loadingMs: SHORT_MS }, key);
        assert.equal((await claim(store, { loadingMs: LONG_MS }, key)).loading, true);
        return { key, begun };
      });
      await elapse();
      assert.deepEqual(await store.read(key), { lease: begun.lease, loading: false });
      const next = await claim(store, { loadingMs: LONG_MS }, key);
      assert.deepEqual([next.lease, next.existed, next.loading], [begun.lease, true, false]);
      assert.deepEqual(await fill(store, key, begun), { stored: true }, 'the first is alive after all');
    },
  },
  {
    name: 'renew: prolongs the word of a load, and never shortens it',
    run: async ({ store, elapse }) => {
      if (store.renew === undefined) return;
      const begun = await claim(store, { loadingMs: SHORT_MS });
      assert.equal(await store.renew('k', begun.lease, LONG_MS), true);
      assert.equal(await store.renew('k', begun.lease, SHORT_MS), true);
      await elapse();
      assert.equal((await store.read('k')).loading, true);
      assert.equal((await claim(store)).loading, true);
    },
  },
  {
    name: 'renew: under a lease that is gone it says so, and leaves nothing',
    run: async ({ store, elapse }) => {
      if (store.renew === undefined) return;
      assert.equal(await store.renew('k', 'none', LONG_MS), false);
      assert.deepEqual(await store.read('k'), { loading: false });
      const old = await begin(store, 'k');
      await store.invalidate('k', { floorMs: LONG_MS });
      assert.equal(await store.renew('k', old.lease, LONG_MS), false);
      assert.equal((await store.read('k')).loading, false);
      const filled = await begin(store, 'k');
      await store.mark('k', filled.lease, { id: 'load', kind: 'unstored' }, 0);
      assert.equal(await store.renew('k', old.lease, LONG_MS), false, 'another lease is no word of mine');
      assert.deepEqual(await store.read('k'), { lease: filled.lease, loading: false });
      await fill(store, 'k', filled);
      assert.equal(await store.renew('k', filled.lease, LONG_MS), false);
      const short = await begin(store, 'short', newId(), SHORT_MS);
      await elapse();
      assert.equal(await store.renew('short', short.lease, LONG_MS), false);
      assert.deepEqual(await store.read('short'), { loading: false });
      assert.equal(refusal(await fill(store, 'short', short)), 'evicted');
    },
  },
  ...Object.entries(endings()).map(([what, end]): StoreCase => ({
    name: `listen: ${what} wakes whoever has found another loading`,
    run: async ({ store, patienceMs }: StoreCaseContext) => {
      if (store.listen === undefined) return;
      const begun = await begin(store, 'k');
      const bell = await listening(store, patienceMs);
      try {
        assert.equal((await claim(store)).loading, true);
        await end(store, begun);
        await bell.rung;
      } finally {
        bell.stop();
      }
    },
  })),
];

function offer(more: Partial<BeginOptions> = {}): BeginOptions {
  return { lease: newId(), leaseMs: LONG_MS, unlessLoading: true, ...more };
}

async function claim(store: VersionedStore, more: Partial<BeginOptions> = {}, key = 'k'): ReturnType<typeof begin> {
  const outcome = await store.begin(key, offer(more));
  assert.equal(outcome.kind, 'lease', 'begin gives a lease');
  return outcome;
}

type Begun = Awaited<ReturnType<typeof begin>>;

function endings(): Readonly<Record<string, (store: VersionedStore, begun: Begun) => Promise<unknown>>> {
  return {
    'a fill': (store, begun) => fill(store, 'k', begun),
    'a mark': (store, { lease }) => store.mark('k', lease, { id: 'load', kind: 'failed' }, LONG_MS),
    'a change': (store) => store.invalidate('k', { floorMs: LONG_MS }),
    'a set': (store) =>
      store.set('k', { payload: 'p', version: version(1), ttlMs: LONG_MS, keepStaleMs: 0, floorMs: LONG_MS }),
  };
}

/** Listens, and resolves when what happens is heard. */
async function listening(
  store: VersionedStore,
  patienceMs: number,
): Promise<{ readonly rung: Promise<void>; stop(): void }> {
  let ring = (): void => undefined;
  const heard = new Promise<void>((resolve) => (ring = resolve));
  const listener = store.listen?.('k', () => {
    ring();
  });
  assert.ok(listener);
  const deadline = Date.now() + patienceMs;
  while (!listener.live && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(listener.live, 'it listens');
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error('nothing was told'));
    }, patienceMs);
  });
  late.catch(() => undefined);
  return {
    rung: Promise.race([heard, late]),
    stop: () => {
      clearTimeout(timer);
      listener.stop();
      listener.stop();
    },
  };
}
