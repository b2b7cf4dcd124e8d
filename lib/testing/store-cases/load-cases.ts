import assert from 'node:assert/strict';
import type { BeginOutcome } from '../../core/versioned-store.js';
import {
  LONG_MS,
  SHORT_MS,
  begin,
  fill,
  inTime,
  newId,
  payloadOf,
  refusal,
  store as storeValue,
  version,
  type Begun,
  type StoreCase,
} from '../versioned-store-harness.js';

/** A load from its begin to its end: read, begin, mark, and when a value is fresh. */
export const loadCases: readonly StoreCase[] = [
  {
    name: 'read: nothing is known of a new key',
    run: async ({ store }) => {
      assert.deepEqual(await store.read('k'), { loading: false });
    },
  },
  {
    name: 'read: a filled value is fresh, and its lease is gone',
    run: async ({ store }) => {
      await storeValue(store, 'k', { payload: 'p' });
      const { value, ...rest } = await store.read('k');
      assert.deepEqual(rest, { loading: false });
      assert.equal(value?.payload, 'p');
      assert.ok(value.freshForMs > 0 && value.freshForMs <= LONG_MS, 'what is left of its freshness is told');
      assert.equal(value.staleSinceMs, 0);
      assert.equal('version' in value, false, 'a value without a version has none');
    },
  },
  {
    name: 'read: writes nothing',
    run: async ({ store }) => {
      await store.read('k');
      assert.equal(refusal(await store.fill('k', { ...noLoad, lease: 'none' })), 'evicted');
    },
  },
  {
    name: 'begin: puts the offered lease on a key that has none, and says that somebody loads',
    run: async ({ store }) => {
      const begun = await begin(store, 'k', 'mine');
      assert.deepEqual(
        { ...begun, begunAt: '' },
        { kind: 'lease', lease: 'mine', existed: false, loading: false, begunAt: '' },
      );
      assert.deepEqual(await store.read('k'), { lease: 'mine', loading: true });
    },
  },
  {
    name: 'begin: never replaces a live lease',
    run: async ({ store }) => {
      await begin(store, 'k', 'first');
      const second = await begin(store, 'k', 'second');
      assert.deepEqual([second.lease, second.existed, second.loading], ['first', true, true]);
      assert.equal((await store.read('k')).lease, 'first');
    },
  },
  {
    name: 'begin: repeated with its own token it counts as the first time',
    run: async ({ store }) => {
      await begin(store, 'k', 'mine');
      const again = await begin(store, 'k', 'mine');
      assert.deepEqual([again.lease, again.existed, again.loading], ['mine', false, false]);
    },
  },
  {
    name: 'begin: prolongs a lease, and never shortens it',
    run: async ({ store, elapse }) => {
      const grown = await inTime(async (key) => {
        await begin(store, key, 'lease', SHORT_MS);
        await begin(store, key, 'other', LONG_MS);
        return key;
      });
      await begin(store, 'kept', 'lease', LONG_MS);
      await begin(store, 'kept', 'other', SHORT_MS);
      await elapse();
      assert.equal((await store.read(grown)).lease, 'lease');
      assert.equal((await store.read('kept')).lease, 'lease');
    },
  },
  {
    name: 'begin: a lease that ran out counts as none',
    run: async ({ store, elapse }) => {
      const first = await begin(store, 'k', 'first', SHORT_MS);
      await elapse();
      assert.deepEqual(await store.read('k'), { loading: false });
      const second = await begin(store, 'k', 'second');
      assert.deepEqual([second.lease, second.existed], ['second', false]);
      assert.equal(refusal(await fill(store, 'k', first)), 'invalidated', 'the first generation is over');
    },
  },
  {
    name: 'begin: a fresh value is returned, and nothing is written',
    run: async ({ store }) => {
      await storeValue(store, 'k', { payload: 'p' });
      const outcome = await store.begin('k', { lease: newId(), leaseMs: LONG_MS });
      assert.equal(outcome.kind === 'fresh' && outcome.value.payload, 'p');
      const { lease, loading } = await store.read('k');
      assert.deepEqual([lease, loading], [undefined, false]);
    },
  },
  {
    name: 'begin: a value that is fresh for less than earlyMs counts as stale, and stays',
    run: async ({ store }) => {
      await storeValue(store, 'k', { payload: 'old', version: version(3) });
      const early = (earlyMs: number): Promise<BeginOutcome> =>
        store.begin('k', { lease: 'early', leaseMs: LONG_MS, earlyMs });
      assert.equal((await early(SHORT_MS)).kind, 'fresh');
      const begun = await early(LONG_MS + 1);
      assert.deepEqual(begun.kind === 'lease' && [begun.lease, begun.existed, begun.loading], ['early', false, false]);
      assert.equal((await store.begin('k', { lease: 'late', leaseMs: LONG_MS })).kind, 'fresh', 'for everybody else');
      const { value, lease, loading } = await store.read('k');
      assert.deepEqual([value?.payload, lease, loading], ['old', 'early', true]);
      assert.ok(value !== undefined && value.freshForMs > 0 && value.staleSinceMs === 0, 'it is told to be fresh');
      assert.equal(refusal(await fill(store, 'k', begun as Begun, { version: version(2) })), 'older');
      assert.equal(refusal(await fill(store, 'k', begun as Begun, { payload: 'new', version: version(3) })), undefined);
      const after = await store.read('k');
      assert.deepEqual([after.value?.payload, after.lease, after.loading], ['new', undefined, false]);
    },
  },
  {
    name: 'begin: what was begun early is refused once a change is announced, as any other load',
    run: async ({ store }) => {
      await storeValue(store, 'k', { payload: 'old' });
      const begun = await store.begin('k', { lease: 'early', leaseMs: LONG_MS, earlyMs: LONG_MS + 1 });
      await store.invalidate('k', { floorMs: LONG_MS });
      assert.equal(refusal(await fill(store, 'k', begun as Begun)), 'invalidated');
      assert.equal(await payloadOf(store, 'k'), undefined);
    },
  },
  {
    name: 'begin: a stale value stays for those who may be served stale',
    run: async ({ store, elapse }) => {
      await storeValue(store, 'k', { payload: 'old', ttlMs: SHORT_MS, keepStaleMs: LONG_MS });
      await elapse();
      await begin(store, 'k', 'lease');
      const { value, lease, loading } = await store.read('k');
      assert.deepEqual([value?.payload, lease, loading], ['old', 'lease', true]);
      assert.ok(value !== undefined && value.freshForMs <= 0 && value.staleSinceMs > 0, 'it is told to be stale');
    },
  },
  {
    name: 'begin: a hundred at once make one lease',
    run: async ({ store }) => {
      const outcomes = await Promise.all(
        Array.from({ length: 100 }, (_, index) => begin(store, 'k', `lease-${index}`)),
      );
      assert.equal(new Set(outcomes.map(({ lease }) => lease)).size, 1, 'all have the same lease');
      assert.equal(outcomes.filter(({ existed }) => !existed).length, 1, 'one of them made it');
    },
  },
  {
    name: 'freshness: counts from the begin, not from the fill',
    run: async ({ store, elapse }) => {
      const begun = await begin(store, 'k');
      await elapse();
      assert.deepEqual(await fill(store, 'k', begun, { payload: 'late', ttlMs: SHORT_MS, keepStaleMs: LONG_MS }), {
        stored: true,
      });
      const { value } = await store.read('k');
      assert.equal(value?.payload, 'late');
      assert.ok(value.freshForMs <= 0, 'it is stale already');
    },
  },
  {
    name: 'freshness: a value is gone after its stale life',
    run: async ({ store, elapse }) => {
      await storeValue(store, 'k', { ttlMs: SHORT_MS, keepStaleMs: SHORT_MS });
      await elapse();
      assert.deepEqual(await store.read('k'), { loading: false });
    },
  },
  {
    name: 'mark: of a failed load ends the next begin, and is told',
    run: async ({ store }) => {
      const { lease } = await begin(store, 'k');
      const mark = {
        id: 'load',
        kind: 'failed',
        error: { name: 'Error', message: 'näh\u0000', code: 7, response: { a: [null] } },
      } as const;
      await store.mark('k', lease, mark, LONG_MS);
      assert.deepEqual(await store.read('k'), { lease, loading: false, mark });
      assert.deepEqual(await store.begin('k', { lease: newId(), leaseMs: LONG_MS }), { kind: 'failed', mark });
      assert.equal((await store.read('k')).loading, false, 'that begin wrote nothing');
    },
  },
  {
    name: 'mark: of an unstored load lets the next one begin, and stays',
    run: async ({ store }) => {
      const { lease } = await begin(store, 'k');
      await store.mark('k', lease, { id: 'load', kind: 'unstored' }, LONG_MS);
      const next = await begin(store, 'k');
      assert.deepEqual([next.lease, next.existed, next.loading], [lease, true, false]);
      assert.deepEqual(await store.read('k'), { lease, loading: true, mark: { id: 'load', kind: 'unstored' } });
    },
  },
  {
    name: 'mark: leaves the lease, so that others who began may fill, and the fill takes it away',
    run: async ({ store }) => {
      const begun = await begin(store, 'k');
      await store.mark('k', begun.lease, { id: 'load', kind: 'failed' }, LONG_MS);
      assert.deepEqual(await fill(store, 'k', begun, { payload: 'p' }), { stored: true });
      const { mark, value } = await store.read('k');
      assert.deepEqual([mark, value?.payload], [undefined, 'p']);
    },
  },
  {
    name: 'mark: without its lease it leaves nothing',
    run: async ({ store }) => {
      await store.mark('k', 'none', { id: 'load', kind: 'failed' }, LONG_MS);
      assert.deepEqual(await store.read('k'), { loading: false });
      await begin(store, 'k', 'live');
      await store.mark('k', 'other', { id: 'load', kind: 'failed' }, LONG_MS);
      assert.deepEqual(await store.read('k'), { lease: 'live', loading: true });
    },
  },
  {
    name: 'mark: lives as long as it was told, and a later one replaces it',
    run: async ({ store, elapse }) => {
      const { lease } = await begin(store, 'k');
      await store.mark('k', lease, { id: 'one', kind: 'unstored' }, LONG_MS);
      await store.mark('k', lease, { id: 'two', kind: 'failed' }, SHORT_MS);
      await elapse();
      assert.deepEqual(await store.read('k'), { lease, loading: false });
      assert.equal((await begin(store, 'k')).existed, true);
    },
  },
  {
    name: 'keys: do not touch each other',
    run: async ({ store }) => {
      await storeValue(store, 'a', { payload: 'of a' });
      await storeValue(store, 'b', { payload: 'of b' });
      await begin(store, 'c', 'of c');
      await store.invalidate('a', { floorMs: LONG_MS });
      assert.deepEqual([await payloadOf(store, 'a'), await payloadOf(store, 'b')], [undefined, 'of b']);
      assert.equal((await store.read('c')).lease, 'of c');
    },
  },
];

const noLoad = { begunAt: '0', fillId: 'fill', payload: 'p', ttlMs: LONG_MS, keepStaleMs: 0 };
