import assert from 'node:assert/strict';
import {
  LONG_MS,
  begin,
  fill,
  payloadOf,
  refusal,
  store as storeValue,
  version,
  type StoreCase,
} from '../versioned-store-harness.js';

/** Texts in which something has broken before: separators, patterns, escapes, other scripts, unpaired surrogates left out (they are no UTF-8). */
const ODD_TEXTS = [
  ' ',
  'a b\tc\r\nd',
  'a:b',
  '{a}b',
  'a}b{c',
  '*',
  '?[a-z]',
  'nul\u0000inside',
  '\u0000',
  '"quoted" and \\ slashed',
  '__proto__',
  'constructor',
  'grüße',
  'gru\u0308ße',
  '日本語',
  'emoji 👩‍👩‍👧 💾',
  '\u2028\ufeff',
  'x'.repeat(1_024),
];

/** What is kept comes back as it was, and only what is ours is touched. */
export const keepingCases: readonly StoreCase[] = [
  {
    name: 'keys: any text is a key of its own',
    run: async ({ store }) => {
      for (const [index, key] of ODD_TEXTS.entries()) await storeValue(store, key, { payload: `payload ${index}` });
      for (const [index, key] of ODD_TEXTS.entries())
        assert.equal(await payloadOf(store, key), `payload ${index}`, JSON.stringify(key));
      for (const key of ODD_TEXTS) await store.invalidate(key, { floorMs: LONG_MS });
      for (const key of ODD_TEXTS) assert.equal(await payloadOf(store, key), undefined, JSON.stringify(key));
    },
  },
  {
    name: 'payloads: come back as they went in',
    run: async ({ store }) => {
      const payloads = [
        ...ODD_TEXTS,
        '',
        'null',
        'undefined',
        '0',
        '{"a":[1]}',
        '"'.repeat(1_000),
        'é💾\u0000'.repeat(1_000),
      ];
      for (const [index, payload] of payloads.entries()) await storeValue(store, `k${index}`, { payload });
      for (const [index, payload] of payloads.entries()) assert.equal(await payloadOf(store, `k${index}`), payload);
    },
  },
  {
    name: 'payloads: of a megabyte come back as they went in',
    run: async ({ store }) => {
      const payload = 'long päyload 💾 '.repeat(65_536);
      await storeValue(store, 'k', { payload, version: version(1) });
      assert.ok((await payloadOf(store, 'k')) === payload, 'the payload is unchanged');
    },
  },
  {
    name: 'leases, fills and kinds of versions: any of their texts',
    run: async ({ store }) => {
      for (const [index, token] of ODD_TEXTS.entries()) {
        const begun = await begin(store, `k${index}`, token);
        assert.equal(begun.lease, token);
        const parts = { fillId: token, version: version(1, 'updated-at-'.repeat(3).slice(0, 32)) };
        assert.deepEqual(await fill(store, `k${index}`, begun, parts), { stored: true });
        assert.deepEqual(await fill(store, `k${index}`, begun, parts), { stored: true });
        assert.deepEqual((await store.read(`k${index}`)).value?.version, parts.version);
      }
    },
  },
  {
    name: 'clear: takes every state away, leases and floors included',
    run: async ({ store }) => {
      await storeValue(store, 'value');
      await store.invalidate('floor', { version: version(5), floorMs: LONG_MS });
      const begun = await begin(store, 'lease');
      await store.clear();
      assert.deepEqual(await store.read('value'), { loading: false });
      assert.equal(refusal(await fill(store, 'lease', begun)), 'evicted');
      await storeValue(store, 'floor', { version: version(1) });
    },
  },
  {
    name: 'clear: reaches every one of six hundred keys, and may be called on nothing',
    run: async ({ store }) => {
      await store.clear();
      const keys = Array.from({ length: 600 }, (_, index) => `key ${index}`);
      await Promise.all(keys.map((key) => store.invalidate(key, { version: version(1), floorMs: LONG_MS })));
      const first = await begin(store, 'key 0', 'lease');
      await store.clear();
      const outcomes = await Promise.all(keys.map((key) => fill(store, key, first)));
      assert.deepEqual([...new Set(outcomes.map(refusal))], ['evicted']);
    },
  },
  {
    name: 'namespaces: see nothing of each other, and clear touches its own only',
    run: async ({ store, neighbour }) => {
      if (neighbour === undefined) return;
      await storeValue(store, 'k', { payload: 'ours' });
      await storeValue(neighbour, 'k', { payload: 'theirs' });
      assert.deepEqual([await payloadOf(store, 'k'), await payloadOf(neighbour, 'k')], ['ours', 'theirs']);
      await store.invalidate('k', { floorMs: LONG_MS });
      assert.equal(await payloadOf(neighbour, 'k'), 'theirs');
      await storeValue(neighbour, 'other', { payload: 'theirs' });
      await store.clear();
      assert.deepEqual([await payloadOf(neighbour, 'k'), await payloadOf(neighbour, 'other')], ['theirs', 'theirs']);
    },
  },
  {
    name: 'steps on one key at once: a change beats every load that began before it',
    run: async ({ store }) => {
      const begun = await begin(store, 'k');
      const fills = Array.from({ length: 20 }, (_, index) => fill(store, 'k', begun, { payload: `old ${index}` }));
      await Promise.all([
        ...fills,
        store.invalidate('k', { floorMs: LONG_MS }),
        ...Array.from({ length: 20 }, () => fill(store, 'k', begun)),
      ]);
      assert.equal(await payloadOf(store, 'k'), undefined);
      assert.notEqual(refusal(await fill(store, 'k', begun)), undefined);
    },
  },
  {
    name: 'steps on one key at once: of writers in any order the highest version is never followed by a lower one',
    run: async ({ store }) => {
      await storeValue(store, 'k', { version: version(1) });
      const orders = Array.from({ length: 50 }, (_, index) => ((index * 7) % 50) + 2);
      const set = { ttlMs: LONG_MS, keepStaleMs: 0, floorMs: LONG_MS };
      await Promise.all(
        orders.map((order) => store.set('k', { ...set, payload: `${order}`, version: version(order) })),
      );
      const left = await payloadOf(store, 'k');
      assert.ok(left === undefined || left === '51', `${left} is left`);
      assert.equal(await store.set('k', { ...set, payload: '50', version: version(50) }), 'invalidated');
    },
  },
  {
    name: 'close: may be called twice, and at once',
    run: async ({ store }) => {
      await begin(store, 'k');
      await Promise.all([store.close(), store.close()]);
      await store.close();
    },
  },
  {
    name: 'name and scope: are told',
    run: ({ store }) => {
      assert.match(store.name, /\S/);
      assert.ok(['fleet', 'process'].includes(store.scope), store.scope);
      return Promise.resolve();
    },
  },
];
