import assert from 'node:assert/strict';
import type { TagRegistration, VersionedStore } from '../../core/versioned-store.js';
import {
  LONG_MS,
  SHORT_MS,
  begin,
  fill,
  inTime,
  payloadOf,
  refusal,
  type StoreCase,
  type StoreCaseContext,
} from '../versioned-store-harness.js';

const PARTS = { forMs: LONG_MS, maxKeys: 1_000, memoryMs: LONG_MS };

/** Announced, in any case, before what comes after it begins: clocks may be slow to tell two moments apart. */
async function announceAndWait({ store, elapse }: StoreCaseContext, tag: string): Promise<readonly string[]> {
  const keys = await store.announce(tag, LONG_MS);
  await elapse();
  return keys;
}

async function register(
  store: VersionedStore,
  tag: string,
  key: string,
  parts: Partial<TagRegistration> = {},
): Promise<string> {
  const { begunAt } = await begin(store, key);
  const outcome = await store.register(tag, { key, begunAt, ...PARTS, ...parts });
  return outcome.registered ? 'registered' : outcome.reason;
}

async function invalidateAll(store: VersionedStore, tag: string): Promise<void> {
  for (const key of await store.announce(tag, LONG_MS)) await store.invalidate(key, { floorMs: LONG_MS });
}

/** Tags: what an entry contains is known only after it was loaded, and whoever changes that does not know the entry. */
export const tagCases: readonly StoreCase[] = [
  {
    name: 'tags: an announcement tells the keys that are registered, and no others',
    run: async ({ store }) => {
      assert.deepEqual(await store.announce('nobody', LONG_MS), []);
      for (const key of ['a', 'b', 'a']) assert.equal(await register(store, 'tag', key), 'registered');
      assert.equal(await register(store, 'other', 'c'), 'registered');
      assert.deepEqual([...(await store.announce('tag', LONG_MS))].sort(), ['a', 'b']);
    },
  },
  {
    name: 'tags: an announcement can be repeated, for its reply may be lost',
    run: async ({ store }) => {
      await register(store, 'tag', 'k');
      assert.deepEqual(await store.announce('tag', LONG_MS), ['k']);
      assert.deepEqual(await store.announce('tag', LONG_MS), ['k']);
    },
  },
  {
    name: 'tags: a load that began before the announcement is not registered',
    run: async (context) => {
      const { store } = context;
      const { begunAt } = await begin(store, 'k');
      await announceAndWait(context, 'tag');
      assert.deepEqual(await store.register('tag', { key: 'k', begunAt, ...PARTS }), {
        registered: false,
        reason: 'announced',
      });
      assert.deepEqual(await store.announce('tag', LONG_MS), [], 'and not told');
    },
  },
  {
    name: 'tags: a load that begins after the announcement is registered, and told how long ago that was',
    run: async (context) => {
      const { store } = context;
      await announceAndWait(context, 'tag');
      const { begunAt } = await begin(store, 'k');
      const outcome = await store.register('tag', { key: 'k', begunAt, ...PARTS });
      assert.ok(outcome.registered && outcome.announcedBeforeMs !== undefined, 'registered, and told');
      assert.ok(outcome.announcedBeforeMs >= SHORT_MS && outcome.announcedBeforeMs < LONG_MS, 'in milliseconds');
      assert.deepEqual(await store.register('new', { key: 'k', begunAt, ...PARTS }), { registered: true });
    },
  },
  {
    name: 'tags: an announcement takes the lease away from a load that was registered',
    run: async ({ store }) => {
      const begun = await begin(store, 'k');
      await store.register('tag', { key: 'k', begunAt: begun.begunAt, ...PARTS });
      await invalidateAll(store, 'tag');
      assert.equal(refusal(await fill(store, 'k', begun)), 'invalidated');
    },
  },
  {
    name: 'tags: an announcement takes away what was stored',
    run: async ({ store }) => {
      const begun = await begin(store, 'k');
      await store.register('tag', { key: 'k', begunAt: begun.begunAt, ...PARTS });
      assert.deepEqual(await fill(store, 'k', begun), { stored: true });
      await invalidateAll(store, 'tag');
      assert.equal(await payloadOf(store, 'k'), undefined);
    },
  },
  {
    name: 'tags: of a registration and an announcement at the same time, one sees the other',
    run: async ({ store }) => {
      for (let round = 0; round < 100; round++) {
        const key = `k${round}`;
        const tag = `tag${round}`;
        const { begunAt } = await begin(store, key);
        const steps = [
          () => store.register(tag, { key, begunAt, ...PARTS }),
          () => store.announce(tag, LONG_MS),
        ] as const;
        const [outcome, keys] =
          round % 2 === 0
            ? await Promise.all([steps[0](), steps[1]()])
            : await Promise.all([steps[1](), steps[0]()]).then(([told, seen]) => [seen, told] as const);
        assert.ok(!outcome.registered || keys.includes(key), `round ${round}: neither saw the other`);
      }
    },
  },
  {
    name: 'tags: a key is told as long as was asked for, and again when it registers again',
    run: async ({ store, elapse }) => {
      await register(store, 'tag', 'long');
      await register(store, 'tag', 'long', { forMs: SHORT_MS });
      // The last one: another would take it away if it had ended by then.
      await register(store, 'tag', 'short', { forMs: SHORT_MS });
      await elapse();
      assert.deepEqual(await store.announce('tag', LONG_MS), ['long'], 'never for less than was asked for before');
    },
  },
  {
    name: 'tags: an announcement is remembered as long as was asked for, and no load that may be older is taken',
    run: async ({ store, elapse }) => {
      const early = await begin(store, 'k');
      await store.announce('tag', SHORT_MS);
      await elapse();
      const registration = { key: 'k', begunAt: early.begunAt, ...PARTS, memoryMs: SHORT_MS };
      assert.deepEqual(await store.register('tag', registration), { registered: false, reason: 'announced' });
      await inTime(async (key) => {
        const { begunAt } = await begin(store, key);
        assert.deepEqual(await store.register('tag', { ...registration, key, begunAt }), { registered: true });
      });
    },
  },
  {
    name: 'tags: hold no more keys than was said; those that are there stay, those that have ended make room',
    run: async ({ store, elapse }) => {
      const parts = { maxKeys: 2 };
      assert.equal(await register(store, 'tag', 'a', parts), 'registered');
      assert.equal(await register(store, 'tag', 'b', parts), 'registered');
      assert.equal(await register(store, 'tag', 'c', parts), 'full');
      assert.equal(await register(store, 'tag', 'b', parts), 'registered');
      assert.deepEqual([...(await store.announce('tag', LONG_MS))].sort(), ['a', 'b'], 'who is refused is not told');
      assert.equal(await register(store, 'short', 'a', { ...parts, forMs: SHORT_MS }), 'registered');
      await elapse();
      assert.equal(await register(store, 'short', 'b', parts), 'registered');
      assert.equal(await register(store, 'short', 'c', parts), 'registered', 'in the room of the one that has ended');
      assert.deepEqual([...(await store.announce('short', LONG_MS))].sort(), ['b', 'c']);
    },
  },
  {
    name: 'tags: what was read at an unknown time is registered only while no announcement is remembered',
    run: async ({ store, elapse }) => {
      const unknown = { key: 'k', ...PARTS, memoryMs: 2 * SHORT_MS };
      await begin(store, 'k');
      assert.deepEqual(await store.register('never', unknown), { registered: true });
      assert.deepEqual(await store.announce('never', LONG_MS), ['k'], 'and is told');
      const tag = await inTime(async (tag) => {
        await register(store, tag, 'other');
        await store.announce(tag, 2 * SHORT_MS);
        assert.deepEqual(await store.register(tag, unknown), { registered: false, reason: 'announced' });
        return tag;
      });
      await elapse();
      assert.deepEqual(await store.register(tag, unknown), { registered: true }, 'other keys do not prolong it');
      await inTime(async (key) => {
        const { begunAt } = await begin(store, key);
        assert.deepEqual(
          await store.register(tag, { ...unknown, key, begunAt }),
          { registered: true },
          'nor is it told',
        );
      });
    },
  },
  {
    name: 'tags: any text is a tag of its own, and no key',
    run: async ({ store }) => {
      const texts = ['a:b', '{a}b', '*', '"q"', '日本語 💾', '__proto__', 'k', 'k:k', 'x'.repeat(1_024)];
      for (const [index, tag] of texts.entries()) await register(store, tag, `k${index}`);
      for (const [index, tag] of texts.entries())
        assert.deepEqual(await store.announce(tag, LONG_MS), [`k${index}`], JSON.stringify(tag));
      assert.equal((await store.read('a:b')).value, undefined);
    },
  },
  {
    name: 'tags: clear may keep them, but not what they led to, and those of the neighbour stay',
    run: async ({ store, neighbour }) => {
      await register(store, 'tag', 'ours');
      if (neighbour) await register(neighbour, 'tag', 'theirs');
      await store.clear();
      for (const key of await store.announce('tag', LONG_MS)) assert.equal((await store.read(key)).value, undefined);
      if (neighbour) assert.deepEqual(await neighbour.announce('tag', LONG_MS), ['theirs']);
    },
  },
];
