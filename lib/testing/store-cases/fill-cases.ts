import assert from 'node:assert/strict';
import { MAX_VERSION_ORDER } from '../../core/version.js';
import type { VersionedStore } from '../../core/versioned-store.js';
import {
  LONG_MS,
  SHORT_MS,
  begin,
  fill,
  payloadOf,
  refusal,
  store as storeValue,
  version,
  type StoreCase,
} from '../versioned-store-harness.js';

/** Versions where a number with a fraction of 53 bits would be wrong, each with the next lower one. */
const EXACT_ORDERS = [1n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 53n + 1n, 10n ** 18n, MAX_VERSION_ORDER];

/** What a fill may store, and why it is refused. */
export const fillCases: readonly StoreCase[] = [
  {
    name: 'fill: only the first of a generation is stored',
    run: async ({ store }) => {
      const first = await begin(store, 'k');
      const second = await begin(store, 'k');
      assert.deepEqual(await fill(store, 'k', second, { payload: 'second' }), { stored: true });
      const outcome = await fill(store, 'k', first, { payload: 'first' });
      assert.equal(refusal(outcome), 'filled');
      assert.equal(!outcome.stored && outcome.current?.payload, 'second', 'the value that was first is told');
      assert.equal(await payloadOf(store, 'k'), 'second');
    },
  },
  {
    name: 'fill: of a hundred at once one is stored',
    run: async ({ store }) => {
      const begun = await begin(store, 'k');
      const outcomes = await Promise.all(
        Array.from({ length: 100 }, (_, index) => fill(store, 'k', begun, { payload: `${index}` })),
      );
      const winner = outcomes.findIndex(({ stored }) => stored);
      assert.equal(outcomes.filter(({ stored }) => stored).length, 1);
      assert.equal(await payloadOf(store, 'k'), `${winner}`);
    },
  },
  {
    name: 'fill: repeated after a lost reply it is stored, once',
    run: async ({ store }) => {
      const begun = await begin(store, 'k');
      const same = { fillId: 'this-fill', version: version(3) };
      assert.deepEqual(await fill(store, 'k', begun, same), { stored: true });
      assert.deepEqual(await fill(store, 'k', begun, same), { stored: true });
      await store.invalidate('k', { floorMs: LONG_MS });
      assert.equal(refusal(await fill(store, 'k', begun, same)), 'invalidated', 'not over an announcement');
    },
  },
  {
    name: 'fill: refused without a lease, whatever lease it names',
    run: async ({ store }) => {
      const begun = await begin(store, 'k', 'live');
      assert.equal(refusal(await fill(store, 'k', { ...begun, lease: 'other' })), 'invalidated');
      assert.equal(refusal(await fill(store, 'k', { ...begun, lease: '' })), 'invalidated');
      assert.equal(refusal(await fill(store, 'unknown', begun)), 'evicted');
      assert.deepEqual(await fill(store, 'k', begun), { stored: true });
    },
  },
  {
    name: 'fill: refused when its state was evicted, even though nothing was announced',
    run: async ({ store, evict }) => {
      const begun = await begin(store, 'k');
      await evict('k');
      assert.equal(refusal(await fill(store, 'k', begun)), 'evicted');
      const later = await begin(store, 'k');
      assert.equal(refusal(await fill(store, 'k', begun)), 'invalidated', 'nor under the lease of a later load');
      assert.deepEqual(await fill(store, 'k', later), { stored: true });
    },
  },
  {
    name: 'fill: refused when its lease ran out',
    run: async ({ store, elapse }) => {
      const alone = await begin(store, 'alone', 'lease', SHORT_MS);
      await store.invalidate('floored', { version: version(1), floorMs: LONG_MS });
      const floored = await begin(store, 'floored', 'lease', SHORT_MS);
      await elapse();
      assert.equal(refusal(await fill(store, 'alone', alone)), 'evicted', 'nothing is left that could prove anything');
      assert.equal(refusal(await fill(store, 'floored', floored)), 'invalidated');
    },
  },
  {
    name: 'fill: refused when a change was announced since the begin',
    run: async ({ store }) => {
      const begun = await begin(store, 'k');
      await store.invalidate('k', { floorMs: LONG_MS });
      assert.equal(refusal(await fill(store, 'k', begun)), 'invalidated');
      const later = await begin(store, 'k');
      assert.equal(refusal(await fill(store, 'k', begun)), 'invalidated', 'nor when a later generation loads');
      assert.deepEqual(await fill(store, 'k', later, { payload: 'new' }), { stored: true });
      assert.equal(await payloadOf(store, 'k'), 'new');
    },
  },
  {
    name: 'fill: refused below the announced floor, and its lease stays',
    run: async ({ store }) => {
      await store.invalidate('k', { version: version(5), floorMs: LONG_MS });
      const begun = await begin(store, 'k');
      assert.deepEqual(await fill(store, 'k', begun, { version: version(4) }), {
        stored: false,
        reason: 'older',
        floor: version(5),
      });
      assert.deepEqual(await store.read('k'), { lease: begun.lease, loading: true });
      assert.deepEqual(await fill(store, 'k', begun, { version: version(5) }), { stored: true }, 'equal is not older');
    },
  },
  {
    name: 'fill: refused below the version of a value that is still there, stale though it is',
    run: async ({ store, elapse }) => {
      await storeValue(store, 'k', { version: version(5), payload: 'five', ttlMs: SHORT_MS, keepStaleMs: LONG_MS });
      await elapse();
      const begun = await begin(store, 'k');
      assert.deepEqual(await fill(store, 'k', begun, { version: version(4) }), {
        stored: false,
        reason: 'older',
        floor: version(5),
      });
      assert.equal(await payloadOf(store, 'k'), 'five');
    },
  },
  {
    name: 'fill: an equal version renews',
    run: async ({ store, elapse }) => {
      await storeValue(store, 'k', { version: version(5), ttlMs: SHORT_MS, keepStaleMs: LONG_MS });
      await elapse();
      await storeValue(store, 'k', { version: version(5), payload: 'again' });
      const { value } = await store.read('k');
      assert.deepEqual([value?.payload, value?.version], ['again', version(5)]);
      assert.ok(value !== undefined && value.freshForMs > 0, 'it is fresh again');
    },
  },
  {
    name: 'fill: without a version, or with one of another kind, the lease alone decides',
    run: async ({ store }) => {
      await store.invalidate('none', { version: version(5), floorMs: LONG_MS });
      await storeValue(store, 'none', { payload: 'unversioned' });
      await store.invalidate('other', { version: version(5), floorMs: LONG_MS });
      await storeValue(store, 'other', { version: version(1, 'updated-at') });
      assert.deepEqual((await store.read('other')).value?.version, version(1, 'updated-at'));
    },
  },
  {
    name: 'fill: the announced floor outlives it, but not its own time',
    run: async ({ store, elapse }) => {
      await store.invalidate('long', { version: version(5), floorMs: LONG_MS });
      await storeValue(store, 'long', { ttlMs: SHORT_MS, keepStaleMs: 0 });
      await begin(store, 'short', 'lease');
      await store.invalidate('short', { version: version(5), floorMs: SHORT_MS });
      await elapse();
      assert.equal(refusal(await fill(store, 'long', await begin(store, 'long'), { version: version(4) })), 'older');
      await storeValue(store, 'short', { version: version(4) });
    },
  },
  {
    name: 'versions: are compared exactly, up to 2^63-1',
    run: async ({ store }) => {
      for (const order of EXACT_ORDERS) await compareAround(store, `k${order}`, order);
      await storeValue(store, 'zero', { version: version(0) });
      assert.deepEqual((await store.read('zero')).value?.version, version(0));
    },
  },
  {
    name: 'versions: are compared as numbers, not as texts',
    run: async ({ store }) => {
      await store.invalidate('k', { version: version(9), floorMs: LONG_MS });
      await store.invalidate('k', { version: version(10), floorMs: LONG_MS });
      const begun = await begin(store, 'k');
      assert.deepEqual(await fill(store, 'k', begun, { version: version(9) }), {
        stored: false,
        reason: 'older',
        floor: version(10),
      });
      assert.deepEqual(await fill(store, 'k', begun, { version: version(100) }), { stored: true });
    },
  },
];

/** One below is refused, the same is stored and comes back as it went in; and the same for a writer's value. */
async function compareAround(store: VersionedStore, key: string, order: bigint): Promise<void> {
  await store.invalidate(key, { version: version(order), floorMs: LONG_MS });
  const begun = await begin(store, key);
  const below = await fill(store, key, begun, { version: version(order - 1n) });
  assert.deepEqual(below, { stored: false, reason: 'older', floor: version(order) }, `${order - 1n} is below ${order}`);
  assert.deepEqual(await fill(store, key, begun, { version: version(order) }), { stored: true }, `${order} is not`);
  assert.deepEqual((await store.read(key)).value?.version, version(order));
  const over = `${key}-set`;
  await storeValue(store, over, { version: version(order - 1n) });
  const set = { payload: 'set', ttlMs: LONG_MS, keepStaleMs: 0, floorMs: LONG_MS };
  assert.equal(await store.set(over, { ...set, version: version(order) }), 'stored', `${order} replaces ${order - 1n}`);
  assert.equal(
    await store.set(over, { ...set, version: version(order - 1n) }),
    'invalidated',
    `${order - 1n} does not replace ${order}`,
  );
}
