import assert from 'node:assert/strict';
import type { VersionedStore } from '../../core/versioned-store.js';
import type { Version } from '../../core/version.js';
import {
  LONG_MS,
  SHORT_MS,
  begin,
  fill,
  inTime,
  payloadOf,
  refusal,
  store as storeValue,
  version,
  type StoreCase,
} from '../versioned-store-harness.js';

const set = { payload: 'written', ttlMs: LONG_MS, keepStaleMs: 0, floorMs: LONG_MS };

/** What an announced change leaves behind. */
export const changeCases: readonly StoreCase[] = [
  {
    name: 'begin: tells what is left of the life of a tombstone',
    run: async ({ store, elapse }) => {
      assert.equal((await begin(store, 'new')).tombstoneForMs, undefined);
      await store.invalidate('k', { floorMs: LONG_MS });
      await elapse();
      const left = (await begin(store, 'k')).tombstoneForMs ?? 0;
      assert.ok(left > 0 && left <= LONG_MS - SHORT_MS, `of ${LONG_MS} are left ${left}`);
      await store.invalidate('filled', { floorMs: LONG_MS });
      await storeValue(store, 'filled', { ttlMs: SHORT_MS });
      await elapse();
      assert.ok(((await begin(store, 'filled')).tombstoneForMs ?? 0) > 0, 'a fill has made it forget the announcement');
      await store.invalidate('short', { floorMs: SHORT_MS });
      await elapse();
      assert.equal((await begin(store, 'short')).tombstoneForMs, undefined);
    },
  },
  {
    name: 'invalidate: takes value, lease and mark away',
    run: async ({ store }) => {
      await storeValue(store, 'value');
      await store.invalidate('value', { floorMs: LONG_MS });
      assert.deepEqual(await store.read('value'), { loading: false });
      const { lease } = await begin(store, 'load');
      await store.mark('load', lease, { id: 'load', kind: 'failed' }, LONG_MS);
      await store.invalidate('load', { floorMs: LONG_MS });
      assert.deepEqual(await store.read('load'), { loading: false });
      assert.equal((await begin(store, 'load')).existed, false);
    },
  },
  {
    name: 'invalidate: wipes the lease of a load under way, so that the next begin makes a new generation',
    run: async ({ store }) => {
      const { lease } = await begin(store, 'k');
      await store.invalidate('k', { version: version(2), floorMs: LONG_MS });
      const next = await begin(store, 'k');
      assert.equal(next.existed, false);
      assert.notEqual(next.lease, lease);
    },
  },
  {
    name: 'invalidate: leaves a tombstone on a key of which nothing is known',
    run: async ({ store }) => {
      await store.invalidate('k', { version: version(5), floorMs: LONG_MS });
      assert.deepEqual(await store.read('k'), { loading: false });
      assert.deepEqual(await floorOf(store, 'k'), version(5));
    },
  },
  {
    name: 'invalidate: the floor is the highest version known, in whatever order it is told',
    run: async ({ store }) => {
      await store.invalidate('k', { version: version(7), floorMs: LONG_MS });
      await store.invalidate('k', { version: version(5), floorMs: LONG_MS });
      await store.invalidate('k', { floorMs: LONG_MS });
      assert.deepEqual(await floorOf(store, 'k'), version(7));
      await store.invalidate('k', { version: version(8), floorMs: LONG_MS });
      assert.deepEqual(await floorOf(store, 'k'), version(8));
    },
  },
  {
    name: 'invalidate: the version of the value that was there is part of the floor',
    run: async ({ store, elapse }) => {
      await storeValue(store, 'fresh', { version: version(6) });
      await store.invalidate('fresh', { version: version(5), floorMs: LONG_MS });
      assert.deepEqual(await floorOf(store, 'fresh'), version(6));
      await storeValue(store, 'stale', { version: version(6), ttlMs: SHORT_MS, keepStaleMs: LONG_MS });
      await elapse();
      await store.invalidate('stale', { floorMs: LONG_MS });
      assert.deepEqual(await floorOf(store, 'stale'), version(6));
    },
  },
  {
    name: 'invalidate: nothing but a higher floor prolongs one',
    run: async ({ store, elapse }) => {
      const announcements: Record<string, Version | undefined> = {
        same: version(5),
        lower: version(4),
        none: undefined,
        higher: version(6),
      };
      const floors = new Map<string, string>();
      for (const [name, announced] of Object.entries(announcements)) {
        // The second announcement has to find the first floor.
        await inTime(async (attempt) => {
          const key = `${name} ${attempt}`;
          floors.set(name, key);
          await store.invalidate(key, { version: version(5), floorMs: SHORT_MS });
          await store.invalidate(key, { ...(announced && { version: announced }), floorMs: LONG_MS });
        });
      }
      await elapse();
      for (const name of ['same', 'lower', 'none'])
        assert.equal(await floorOf(store, floors.get(name) ?? ''), undefined, name);
      assert.deepEqual(await floorOf(store, floors.get('higher') ?? ''), version(6));
    },
  },
  {
    name: 'invalidate: a floor that ended counts no more',
    run: async ({ store, elapse }) => {
      await store.invalidate('k', { version: version(9), floorMs: SHORT_MS });
      await elapse();
      await store.invalidate('k', { version: version(3), floorMs: LONG_MS });
      assert.deepEqual(await floorOf(store, 'k'), version(3));
    },
  },
  {
    name: 'invalidate: of versions of different kinds the announced one is the floor, else the value’s',
    run: async ({ store }) => {
      await store.invalidate('k', { version: version(9), floorMs: LONG_MS });
      await storeValue(store, 'k', { version: version(3, 'updated-at') });
      await store.invalidate('k', { floorMs: LONG_MS });
      assert.deepEqual(await floorOf(store, 'k', 'updated-at'), version(3, 'updated-at'));
      assert.equal(await floorOf(store, 'k'), undefined);
      await store.invalidate('k', { version: version(1), floorMs: LONG_MS });
      assert.deepEqual(await floorOf(store, 'k'), version(1));
    },
  },
  {
    name: 'invalidate: a removal refuses its own version too',
    run: async ({ store }) => {
      await store.invalidate('k', { version: version(5), change: 'removed', floorMs: LONG_MS });
      const begun = await begin(store, 'k');
      assert.equal(refusal(await fill(store, 'k', begun, { version: version(5) })), 'older');
      assert.deepEqual(await fill(store, 'k', begun, { version: version(6) }), { stored: true });
    },
  },
  {
    name: 'invalidate: a removal makes an equal floor exclusive, whether it is told before or after',
    run: async ({ store }) => {
      await store.invalidate('after', { version: version(5), floorMs: LONG_MS });
      await store.invalidate('after', { version: version(5), change: 'removed', floorMs: LONG_MS });
      await store.invalidate('before', { version: version(5), change: 'removed', floorMs: LONG_MS });
      await store.invalidate('before', { version: version(5), floorMs: LONG_MS });
      await storeValue(store, 'value', { version: version(5) });
      await store.invalidate('value', { version: version(5), change: 'removed', floorMs: LONG_MS });
      for (const key of ['after', 'before', 'value']) {
        assert.equal(refusal(await fill(store, key, await begin(store, key), { version: version(5) })), 'older', key);
      }
    },
  },
  {
    name: 'invalidate: an insert replaces the floor of a removal, for a row may be born again at version 1',
    run: async ({ store }) => {
      await store.invalidate('k', { version: version(5), change: 'removed', floorMs: LONG_MS });
      await store.invalidate('k', { version: version(1), change: 'inserted', floorMs: LONG_MS });
      assert.deepEqual(await floorOf(store, 'k'), version(1));
      await storeValue(store, 'k', { version: version(1) });
    },
  },
  {
    name: 'invalidate: an insert without a version drops the floor of a removal, and no other',
    run: async ({ store }) => {
      await store.invalidate('removed', { version: version(5), change: 'removed', floorMs: LONG_MS });
      await store.invalidate('removed', { change: 'inserted', floorMs: LONG_MS });
      assert.equal(await floorOf(store, 'removed'), undefined);
      await store.invalidate('changed', { version: version(5), floorMs: LONG_MS });
      await store.invalidate('changed', { change: 'inserted', floorMs: LONG_MS });
      await store.invalidate('changed', { version: version(1), change: 'inserted', floorMs: LONG_MS });
      assert.deepEqual(await floorOf(store, 'changed'), version(5));
    },
  },
  {
    name: 'invalidate: a tombstone tells a late load that it was overtaken, not that it was evicted',
    run: async ({ store }) => {
      const begun = await begin(store, 'k', 'lease', SHORT_MS);
      await store.invalidate('k', { floorMs: LONG_MS });
      assert.equal(refusal(await fill(store, 'k', begun)), 'invalidated');
    },
  },
  {
    name: 'set: stores over a strictly lower version, and takes lease and mark away',
    run: async ({ store, elapse }) => {
      await storeValue(store, 'fresh', { version: version(5) });
      assert.equal(await store.set('fresh', { ...set, version: version(6) }), 'stored');
      const { value, ...rest } = await store.read('fresh');
      assert.deepEqual([value?.payload, value?.version, rest], ['written', version(6), { loading: false }]);
      assert.ok(value !== undefined && value.freshForMs > 0 && value.freshForMs <= LONG_MS);
      await storeValue(store, 'stale', { version: version(5), ttlMs: SHORT_MS, keepStaleMs: LONG_MS });
      await elapse();
      const begun = await begin(store, 'stale');
      await store.mark('stale', begun.lease, { id: 'load', kind: 'unstored' }, LONG_MS);
      assert.equal(await store.set('stale', { ...set, version: version(6) }), 'stored');
      assert.equal(refusal(await fill(store, 'stale', begun, { version: version(9) })), 'filled', 'the lease is gone');
      assert.equal((await store.read('stale')).mark, undefined);
    },
  },
  {
    name: 'set: in every other case it announces its version',
    run: async ({ store }) => {
      const cases: readonly (readonly [string, Version | undefined])[] = [
        ['equal', version(6)],
        ['higher', version(7)],
        ['other kind', version(1, 'updated-at')],
        ['unversioned', undefined],
      ];
      for (const [key, stored] of cases) await storeValue(store, key, stored && { version: stored });
      await store.invalidate('tombstone', { version: version(2), floorMs: LONG_MS });
      const begun = await begin(store, 'load');
      for (const key of [...cases.map(([name]) => name), 'tombstone', 'load', 'nothing']) {
        assert.equal(await store.set(key, { ...set, version: version(6) }), 'invalidated', key);
        assert.equal(await payloadOf(store, key), undefined, key);
        if (key === 'load')
          assert.equal(refusal(await fill(store, key, begun, { version: version(9) })), 'invalidated');
        assert.deepEqual(await floorOf(store, key), version(key === 'higher' ? 7 : 6), key);
      }
    },
  },
  {
    name: 'set: of a value with other tags it announces its version',
    run: async ({ store, elapse }) => {
      const cases: readonly (readonly [string, string | undefined, string | undefined])[] = [
        ['other', 'one', 'two'],
        ['none over some', 'one', undefined],
        ['some over none', undefined, 'one'],
      ];
      for (const [key, stored, given] of cases) {
        await storeValue(store, key, { version: version(5), ...(stored !== undefined && { tags: stored }) });
        const written = { ...set, version: version(6), ...(given !== undefined && { tags: given }) };
        assert.equal(await store.set(key, written), 'invalidated', key);
        assert.equal(await payloadOf(store, key), undefined, key);
      }
      const tagged = { tags: 'one', ttlMs: LONG_MS };
      await storeValue(store, 'k', { version: version(5), ...tagged });
      assert.equal(await store.set('k', { ...set, version: version(6), ...tagged }), 'stored', 'the same');
      assert.equal(await store.set('k', { ...set, version: version(7), ...tagged }), 'stored', 'they are kept');
      // A load over a stale value that finds none leaves none.
      await storeValue(store, 'stale', { version: version(5), tags: 'one', ttlMs: SHORT_MS, keepStaleMs: LONG_MS });
      await elapse();
      await storeValue(store, 'stale', { version: version(5) });
      assert.equal(await store.set('stale', { ...set, version: version(6) }), 'stored', 'none');
    },
  },
  {
    name: 'set: the announced floor stays under it',
    run: async ({ store }) => {
      await store.invalidate('k', { version: version(5), floorMs: LONG_MS });
      await storeValue(store, 'k', { version: version(5) });
      assert.equal(await store.set('k', { ...set, version: version(6), ttlMs: LONG_MS }), 'stored');
      assert.equal(await store.set('k', { ...set, version: version(4) }), 'invalidated');
      assert.deepEqual(await floorOf(store, 'k'), version(6));
    },
  },
];

/** The floor that refuses the lowest version of its kind; a lease is left on the key. */
async function floorOf(store: VersionedStore, key: string, kind = 'row'): Promise<Version | undefined> {
  const outcome = await fill(store, key, await begin(store, key), { version: version(0, kind) });
  if (!outcome.stored) return outcome.floor;
  // The try was stored: take it away again, so that a later look is not stopped by it.
  await store.invalidate(key, { floorMs: SHORT_MS });
  return undefined;
}
