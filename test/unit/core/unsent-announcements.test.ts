import { describe, expect, it } from 'vitest';
import type { CacheEvent } from '../../../lib/core/cache-event.js';
import { StoreUnavailableError } from '../../../lib/core/errors.js';
import type { Version } from '../../../lib/core/version.js';
import type { ChangeKind } from '../../../lib/core/versioned-store.js';
import { Fleet, type Instance } from '../../support/fleet.js';
import { deferred } from '../../support/gate.js';

const never = (): Promise<never> => new Promise(() => undefined);
const version = (order: bigint) => ({ kind: 'version', order });
const LIFE = { ttlMs: 60_000, keepStaleMs: 0 };

const rejected = (work: Promise<unknown>) => expect(work).rejects.toBeInstanceOf(StoreUnavailableError);
const eventsOf = <Type extends CacheEvent['type']>({ events }: Instance, type: Type) =>
  events.filter((event) => event.type === type) as Extract<CacheEvent, { type: Type }>[];
const stepsOf = ({ store }: Instance, step: string) => store.steps.filter((each) => each === step).length;

async function doesNothingMore({ clock }: Fleet, { store }: Instance): Promise<void> {
  const before = store.steps.length;
  await clock.advance(60_000);
  expect(store.steps).toHaveLength(before);
}

/** Two instances, with `old` stored under `k` by a load with the tag `t`. */
async function world(fleet = new Fleet(), a = fleet.instance()) {
  const b = fleet.instance();
  await b.load(() => 'old', {}, { tags: ['t'], version: version(1n) });
  return { fleet, a, b };
}

/** The change of a key, a tag or everything is announced while the store is away. */
const CHANGES: [string, (of: Instance) => Promise<unknown>][] = [
  ['a key', ({ cache }) => cache.invalidate('k')],
  ['a tag', ({ cache }) => cache.announceTags([{ tag: 't' }])],
  ['everything', ({ cache }) => cache.clear()],
  ['a value', ({ cache }) => cache.set('k', { value: 'set', version: version(2n), lifetime: LIFE })],
];

describe.each(CHANGES)('a change that could not be announced: %s', (_, announce) => {
  it('outdates what is stored in this instance at once, and in others when the store is back', async () => {
    const { fleet, a, b } = await world();
    a.store.down = true;
    await rejected(announce(a));
    a.store.down = false;
    expect(await a.cache.get('k')).toBeUndefined();
    expect(await a.load(() => 'new')).toEqual({ value: 'new', outcome: 'MISS' });
    expect(await b.cache.get('k')).toBe('old');
    await fleet.clock.advance(500);
    expect(await b.cache.get('k')).toBeUndefined();
    await a.load(() => 'new');
    expect(await b.load(never)).toEqual({ value: 'new', outcome: 'HIT' });
    expect(eventsOf(a, 'announcement-failed')).toHaveLength(1);
    expect(eventsOf(a, 'announcement-made-up')).toMatchObject([{ unsent: { keys: 0, tags: 0, everything: false } }]);
    await doesNothingMore(fleet, a);
  });

  it('is tried again and again while the store is away', async () => {
    const { fleet, a, b } = await world();
    a.store.down = true;
    await rejected(announce(a));
    await fleet.clock.advance(60_000);
    a.store.down = false;
    await fleet.clock.advance(500);
    expect(await b.cache.get('k')).toBeUndefined();
    await doesNothingMore(fleet, a);
  });

  it('serves nothing stale either', async () => {
    const { fleet, a, b } = await world();
    const policy = { staleWhileRevalidateMs: 60_000, staleIfErrorMs: 60_000 };
    await b.cache.invalidate('k');
    await b.load(() => 'old', { ...policy, ttlMs: 1_000 }, { tags: ['t'], version: version(1n) });
    await fleet.clock.advance(2_000);
    a.store.down = true;
    await rejected(announce(a));
    a.store.down = false;
    expect(await a.load(() => 'new', policy)).toEqual({ value: 'new', outcome: 'MISS' });
    await expect(a.load(() => Promise.reject(new Error('no rows')), policy)).rejects.toThrow('no rows');
  });

  it('is on its way when a reader comes: who began before it was sent, and who comes after, get the new value', async () => {
    const { fleet, a, b } = await world();
    a.store.down = true;
    await rejected(announce(a));
    a.store.down = false;
    // 1. A reader comes, and its load is under way.
    const value = deferred<string>();
    const early = a.load(() => value.promise);
    await fleet.clock.settle();
    // 2. What is kept is being sent.
    await fleet.clock.advance(500);
    // 3. Another reader comes, and the load ends.
    const late = a.load(() => 'newer');
    await fleet.clock.settle();
    value.resolve('new');
    expect((await early).value).toBe('new');
    expect((await late).value).toMatch(/^new/);
    expect(await b.cache.get('k')).not.toBe('old');
  });

  it('is sent while the answer to a reader is under way: that is not believed either', async () => {
    const { fleet, a, b } = await world();
    a.store.down = true;
    await rejected(announce(a));
    a.store.down = false;
    // 1. A reader looks, if it does; 2. what is kept is sent; 3. the answer to the reader comes.
    const answer = a.store.stop('after', 'read');
    const reader = a.load(() => 'new');
    await fleet.clock.settle();
    await fleet.clock.advance(500);
    expect(await b.cache.get('k')).toBeUndefined();
    answer.open();
    expect((await reader).value).toBe('new');
  });

  it('is made by the end of the application, or told to be lost', async () => {
    const first = await world();
    first.a.store.down = true;
    await rejected(announce(first.a));
    first.a.store.down = false;
    await first.a.cache.close();
    expect(await first.b.cache.get('k')).toBeUndefined();
    expect(eventsOf(first.a, 'announcement-lost')).toEqual([]);
    await doesNothingMore(first.fleet, first.a);

    const second = await world();
    second.a.store.down = true;
    await rejected(announce(second.a));
    await second.a.cache.close();
    const [lost] = eventsOf(second.a, 'announcement-lost');
    expect((lost?.keys ?? 0) + (lost?.tags ?? 0) + (lost?.everything ? 1 : 0)).toBe(1);
    expect(String(lost?.error)).toContain('connection refused');
    await doesNothingMore(second.fleet, second.a);
  });

  it('goes first when a probe finds the store back, and nothing old is served until it is there', async () => {
    const fleet = new Fleet();
    const { a, b } = await world(fleet, fleet.instanceBehindBreakers(1));
    a.store.down = true;
    await a.cache.get('any'); // opens the breaker
    await rejected(announce(a));
    a.store.down = false;
    const words = (['invalidate', 'announce', 'clear'] as const).map((step) => a.store.stop('before', step));
    await fleet.clock.advance(500);
    await Promise.race(words.map(({ arrived }) => arrived));
    expect(eventsOf(a, 'breaker-changed').at(-1)?.state).toBe('closed');
    expect([await a.cache.get('k'), await b.cache.get('k')]).toEqual([undefined, 'old']);
    for (const word of words) word.open();
    await fleet.clock.settle();
    expect(await b.cache.get('k')).toBeUndefined();
  });

  it('is tried at the end though the breaker is open', async () => {
    const fleet = new Fleet();
    const { a, b } = await world(fleet, fleet.instanceBehindBreakers(1));
    a.store.down = true;
    await a.cache.get('any');
    await rejected(announce(a));
    a.store.down = false;
    await a.cache.close();
    expect(await b.cache.get('k')).toBeUndefined();
    await doesNothingMore(fleet, a);
  });
});

describe('a change that is kept while a load runs', () => {
  it('its key: the load is neither joined nor stored, not even when the store is back before it ends', async () => {
    const { fleet, a, b } = await world();
    await b.cache.invalidate('k');
    // 1. A load begins, and reads the old row.
    const old = deferred<string>();
    const before = a.load(() => old.promise);
    await fleet.clock.settle();
    // 2. The change is kept.
    a.store.down = true;
    await rejected(a.cache.invalidate('k'));
    // 3. The store is back, and a reader comes.
    a.store.down = false;
    expect((await a.load(() => 'new')).value).toBe('new');
    // 4. The load ends.
    old.resolve('old');
    expect((await before).value).toBe('old');
    expect([await a.cache.get('k'), await b.cache.get('k')]).toEqual([undefined, undefined]);
  });

  it('a tag of it: whoever came after the change looks again, and nothing is stored', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    // 1. A list is being loaded; it has read the old row.
    const old = deferred<string>();
    const before = a.load(() => old.promise, {}, { tags: ['t'] });
    await fleet.clock.settle();
    // 2. The change of the row is kept.
    a.store.refused = 'announce';
    await rejected(a.cache.announceTags([{ tag: 't' }]));
    // 3. A reader comes. It cannot look, and joins.
    const after = a.load(() => 'new', {}, { tags: ['t'] });
    await fleet.clock.settle();
    // 4. The list is there.
    old.resolve('old');
    expect([(await before).value, (await after).value]).toEqual(['old', 'new']);
    expect(await b.cache.get('k')).toBeUndefined();
  });

  it('its begin is under way, and will find an old value: nobody gets that', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    // 1. A load approaches; another instance stores the old row.
    const asked = a.store.stop('before', 'begin');
    const answered = a.store.stop('after', 'begin');
    const first = a.load(() => 'new', { waitMs: 0 });
    await asked.arrived;
    const others = b.load(() => 'old', { waitMs: 0 });
    await fleet.clock.advance(1);
    await others;
    // 2. The begin finds it; the answer is on its way.
    asked.open();
    await answered.arrived;
    // 3. The change is kept.
    a.store.refused = 'invalidate';
    await rejected(a.cache.invalidate('k'));
    // 4. A reader comes, and the answer.
    const second = a.load(() => 'new');
    await fleet.clock.settle();
    answered.open();
    expect([(await first).value, (await second).value]).toEqual(['new', 'new']);
  });

  it('a look is under way, and finds an old value: it is not believed', async () => {
    const { a } = await world();
    const answered = a.store.stop('after', 'read');
    const reader = a.load(() => 'new');
    await answered.arrived;
    a.store.refused = 'invalidate';
    await rejected(a.cache.invalidate('k'));
    answered.open();
    expect((await reader).value).toBe('new');
  });

  it('another instance stores an old value under the same lease: the load does not hand that out', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    // 1. Another instance loads, and has read the old row; 2. the row changes; 3. this one loads under the same lease, and reads the new one.
    const old = deferred<string>();
    const [others, ours] = [b.load(() => old.promise, {}, { tags: ['t'] }), deferred<string>()];
    await fleet.clock.settle();
    const first = a.load(() => ours.promise, { waitMs: 0 });
    await fleet.clock.advance(1);
    expect(stepsOf(a, 'begin')).toBe(1);
    // 4. The old value is stored; 5. the change is kept; 6. a reader comes, and joins.
    old.resolve('old');
    await others;
    a.store.refused = 'announce';
    await rejected(a.cache.announceTags([{ tag: 't' }]));
    const second = a.load(() => 'new', { waitMs: 0 });
    await fleet.clock.settle();
    // 7. The load ends. Its fill would be refused, with the old value as the one that is there.
    ours.resolve('new');
    expect([(await first).value, (await second).value]).toEqual(['new', 'new']);
  });

  it('a failed load is not remembered beyond it', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    a.store.down = true;
    await expect(a.load(() => Promise.reject(new Error('no row')), {}, { tags: ['t'] })).rejects.toThrow('no row');
    await rejected(a.cache.announceTags([{ tag: 't' }]));
    expect((await a.load(() => 'born')).value).toBe('born');
  });
});

describe('what is kept', () => {
  it.each<[string, (of: Instance, version: Version, change: ChangeKind) => Promise<void>]>([
    ['a key', ({ cache }, version, change) => cache.invalidate('k', { version, change })],
    ['a tag', ({ cache }, version, change) => cache.announceTags([{ tag: 't', version, change }])],
  ])('as a removal does not refuse the row that was born again meanwhile, and told: %s', async (_, announce) => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    await b.load(() => 'former', {}, { tags: ['t'], version: version(5n) });
    a.store.down = true;
    await rejected(announce(a, version(5n), 'removed'));
    a.store.down = false;
    await announce(a, version(1n), 'inserted');
    await fleet.clock.advance(501);
    await b.load(() => 'born', {}, { tags: ['t'], version: version(1n) });
    expect(await b.cache.get('k')).toBe('born');
    expect(await a.cache.get('k')).toBe('born');
    await doesNothingMore(fleet, a);
  });

  it.each<[string, (of: Instance, version: Version, change: ChangeKind) => Promise<void>]>([
    ['a key', ({ cache }, version, change) => cache.invalidate('k', { version, change })],
    ['a tag', ({ cache }, version, change) => cache.announceTags([{ tag: 't', version, change }])],
  ])('as a birth does not let in what was announced meanwhile to be over: %s', async (_, announce) => {
    for (const [before, after] of [
      [[], 'removed'],
      [['removed'], 'removed'],
      [['removed'], 'changed'],
    ] as const) {
      const fleet = new Fleet();
      const [a, b] = [fleet.instance(), fleet.instance()];
      await b.load(() => 'first', {}, { tags: ['t'], version: version(1n) });
      a.store.down = true;
      for (const change of before) await rejected(announce(a, version(5n), change));
      await rejected(announce(a, version(1n), 'inserted'));
      a.store.down = false;
      await announce(a, version(3n), after);
      await fleet.clock.advance(501);
      await b.load(() => 'read from a replica that lags', {}, { tags: ['t'], version: version(2n) });
      expect(await b.cache.get('k'), after).toBeUndefined();
      await doesNothingMore(fleet, a);
    }
  });

  it('of one key is told once, with its highest version', async () => {
    const { fleet, a, b } = await world();
    a.store.down = true;
    for (const order of [3n, 2n, 3n]) await rejected(a.cache.invalidate('k', { version: version(order) }));
    a.store.down = false;
    const before = stepsOf(a, 'invalidate');
    await fleet.clock.advance(500);
    expect(stepsOf(a, 'invalidate') - before).toBe(1);
    await b.load(() => 'older', {}, { version: version(2n) });
    expect(await b.cache.get('k')).toBeUndefined();
    expect(eventsOf(b, 'superseded').at(-1)?.reason).toBe('older');
  });

  it('of a row that was removed and born again is told in that order', async () => {
    const { fleet, a, b } = await world();
    a.store.down = true;
    await rejected(a.cache.invalidate('k', { version: version(5n), change: 'removed' }));
    await rejected(a.cache.invalidate('k', { version: version(1n), change: 'inserted' }));
    a.store.down = false;
    await fleet.clock.advance(501);
    await b.load(() => 'born', {}, { version: version(1n) });
    expect(await b.cache.get('k')).toBe('born');
  });

  it('changes once more while it is on its way: it stays kept until that is told too', async () => {
    const { fleet, a, b } = await world();
    a.store.down = true;
    await rejected(a.cache.invalidate('k'));
    a.store.down = false;
    // 1. The first change is sent, and done; 2. another change cannot be announced; 3. the reply to the first comes.
    const reply = a.store.stop('after', 'invalidate');
    await fleet.clock.advance(500);
    await reply.arrived;
    a.store.refused = 'invalidate';
    await rejected(a.cache.invalidate('k'));
    reply.open();
    await fleet.clock.settle();
    await b.load(() => 'old again');
    expect(await a.cache.get('k')).toBeUndefined();
    a.store.refused = undefined;
    await fleet.clock.advance(500);
    expect([await b.cache.get('k'), a.events.at(-1)]).toMatchObject([undefined, { type: 'announcement-made-up' }]);
  });

  it('waits for nobody else: what one refuses does not keep the others back', async () => {
    const { fleet, a, b } = await world();
    await b.load(() => 'old', {}, { key: 'other' });
    a.store.down = true;
    await rejected(a.cache.announceTags([{ tag: 't' }]));
    await rejected(a.cache.invalidate('other'));
    a.store.down = false;
    a.store.refused = 'invalidate';
    await fleet.clock.advance(500);
    expect(stepsOf(a, 'announce')).toBeGreaterThan(1);
    a.store.refused = undefined;
    await fleet.clock.advance(500);
    expect([await b.cache.get('k'), await b.cache.get('other')]).toEqual([undefined, undefined]);
  });

  it.each([
    ['alone', 0],
    ['after all of it was away', 10_000],
  ])('waits for no part of the store that stays away (%s): what lies elsewhere is announced', async (_, awayMs) => {
    const { fleet, a, b } = await world();
    a.store.down = true;
    for (const key of ['away', 'away too', 'k']) await rejected(a.cache.invalidate(key));
    await fleet.clock.advance(awayMs);
    a.store.down = false;
    const invalidate = fleet.shared.invalidate.bind(fleet.shared);
    fleet.shared.invalidate = (key, change) =>
      key === 'k' ? invalidate(key, change) : Promise.reject(new Error('connection refused'));
    await fleet.clock.advance(10_000);
    expect(await b.cache.get('k')).toBeUndefined();
    expect(await a.load(() => 'new')).toEqual({ value: 'new', outcome: 'MISS' });
    expect(await a.load(never)).toEqual({ value: 'new', outcome: 'HIT' });
    fleet.shared.invalidate = invalidate;
    await fleet.clock.advance(500);
    await doesNothingMore(fleet, a);
  });

  it('costs one command an attempt while the store is away', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    a.store.down = true;
    for (let n = 0; n < 50; n++) await rejected(a.cache.invalidate(`k${n}`));
    const before = a.store.steps.length;
    await fleet.clock.advance(2_000);
    expect(a.store.steps.length - before).toBe(4);
    a.store.down = false;
    await fleet.clock.advance(500);
    expect(eventsOf(a, 'announcement-made-up')).toMatchObject([{ keys: 50, tags: 0, everything: false }]);
  });

  it('becomes everything when it is too much: the namespace is cleared, and nothing old is served until then', async () => {
    const { fleet, a, b } = await world();
    a.store.down = true;
    await rejected(a.cache.announceTags(Array.from({ length: 10_001 }, (_, n) => ({ tag: `t${n}` }))));
    await rejected(a.cache.invalidate('late'));
    expect(eventsOf(a, 'announcements-collapsed')).toHaveLength(1);
    expect(eventsOf(a, 'announcement-failed').at(-1)?.unsent).toEqual({ keys: 0, tags: 0, everything: true });
    a.store.down = false;
    expect([await a.cache.get('k'), await b.cache.get('k')]).toEqual([undefined, 'old']);
    const announced = stepsOf(a, 'announce');
    await fleet.clock.advance(500);
    expect([stepsOf(a, 'clear'), stepsOf(a, 'announce') - announced]).toEqual([1, 0]);
    expect(await b.cache.get('k')).toBeUndefined();
    await a.load(() => 'new');
    expect((await a.load(never)).outcome).toBe('HIT');
  });

  it('of other keys takes nothing away from a key that has not changed', async () => {
    const { a, b } = await world();
    await b.load(() => 'kept', {}, { key: 'other' });
    a.store.down = true;
    await rejected(a.cache.invalidate('k'));
    a.store.down = false;
    expect(await a.load(never, {}, { key: 'other' })).toEqual({ value: 'kept', outcome: 'HIT' });
  });
});

describe('with refresh, what is kept', () => {
  it.each(CHANGES.slice(0, 2))(
    'is loaded again once it has been announced, and not before: %s',
    async (_, announce) => {
      const fleet = new Fleet(1_000, true);
      const { a, b } = await world(fleet);
      let row = 'old';
      const reads: string[] = [];
      await b.cache.invalidate('k');
      await a.load(() => (reads.push(row), row), {}, { tags: ['t'], version: version(1n) });
      row = 'new';
      a.store.down = true;
      await rejected(announce(a));
      await fleet.clock.advance(2_000);
      expect(reads).toEqual(['old']);
      a.store.down = false;
      // A load that begins in the very instant of the announcement would be taken for outdated by it.
      const look = a.store.stop('before', 'read');
      await fleet.clock.advance(500);
      await look.arrived;
      await fleet.clock.advance(1);
      look.open();
      await fleet.clock.settle();
      expect(reads).toEqual(['old', 'new']);
      expect(await b.cache.get('k')).toBe('new');
      await fleet.clock.advance(60_000);
      expect(reads).toHaveLength(2);
    },
  );

  it.each<[string, (of: Instance, keys: readonly string[]) => Promise<void>]>([
    [
      'kept keys',
      async ({ cache }, keys) => {
        for (const key of keys) await rejected(cache.invalidate(key));
      },
    ],
    ['a kept tag', ({ cache }) => rejected(cache.announceTags([{ tag: 't' }]))],
    ['a tag', ({ cache, store }) => ((store.down = false), cache.announceTags([{ tag: 't' }]))],
  ])(
    'asks the store for so many keys at once that the last of them does not run into its deadline: %s',
    async (_, announce) => {
      const fleet = new Fleet(1_000, true);
      const a = fleet.instance();
      const keys = Array.from({ length: 500 }, (_, n) => `k${n}`);
      const loaded = new Set<string>();
      for (const key of keys) await a.load(() => (loaded.add(key), 'v'), {}, { key, tags: ['t'] });
      loaded.clear();
      let [reads, most] = [0, 0];
      a.store.everyStep = (what) => {
        reads += { read: 1, 'read replies': -1 }[what] ?? 0;
        most = Math.max(most, reads);
        return Promise.resolve();
      };
      a.store.down = true;
      await announce(a, keys);
      a.store.down = false;
      await fleet.clock.advance(500);
      await fleet.clock.settle();
      expect([loaded.size, most]).toEqual([500, 200]);
    },
  );

  it('is not loaded while more is kept, nor by an application that ends', async () => {
    const fleet = new Fleet(1_000, true);
    const { a } = await world(fleet);
    let loads = 0;
    await a.cache.invalidate('k');
    await a.load(() => ++loads, {}, { tags: ['t'] });
    a.store.down = true;
    await rejected(a.cache.invalidate('k'));
    await rejected(a.cache.announceTags([{ tag: 'other' }]));
    a.store.down = false;
    a.store.refused = 'announce';
    await fleet.clock.advance(500);
    expect([loads, eventsOf(a, 'announcement-made-up').length]).toEqual([1, 1]);
    expect(eventsOf(a, 'store-unavailable').map(({ step }) => step)).not.toContain('read');
    a.store.refused = undefined;
    a.store.down = true;
    await rejected(a.cache.invalidate('k'));
    a.store.down = false;
    const reads = stepsOf(a, 'read');
    await a.cache.close();
    await fleet.clock.settle();
    expect([loads, stepsOf(a, 'read')]).toEqual([1, reads]);
  });
});

describe('an announcement that hangs', () => {
  it('beyond the end of the application is told to be lost', async () => {
    const { fleet, a } = await world();
    const hangs = a.store.stop('before', 'invalidate');
    const announced = rejected(a.cache.invalidate('k'));
    await hangs.arrived;
    await a.cache.close();
    await fleet.clock.advance(1_000);
    await announced;
    expect(eventsOf(a, 'announcement-lost')).toMatchObject([{ keys: 1, tags: 0, everything: false }]);
    await doesNothingMore(fleet, a);
  });

  it('is kept after as long as its writer waits, and made later', async () => {
    const { fleet, a, b } = await world(new Fleet(60_000));
    const hangs = a.store.stop('before', 'announce');
    const announced = rejected(a.cache.announceTags([{ tag: 't' }], 2_000));
    await hangs.arrived;
    await fleet.clock.advance(2_000);
    await announced;
    expect(await a.cache.get('k')).toBeUndefined();
    await fleet.clock.advance(500);
    expect(await b.cache.get('k')).toBeUndefined();
  });

  it('keeps the application from ending for two seconds and no longer', async () => {
    const { fleet, a } = await world(new Fleet(60_000));
    a.store.down = true;
    await rejected(a.cache.invalidate('k'));
    a.store.down = false;
    const hangs = a.store.stop('before', 'invalidate');
    let ended = false;
    const closing = a.cache.close().then(() => (ended = true));
    await hangs.arrived;
    await fleet.clock.advance(1_999);
    expect(ended).toBe(false);
    await fleet.clock.advance(1);
    await closing;
    expect(eventsOf(a, 'announcement-lost')).toMatchObject([{ keys: 1, tags: 0, everything: false }]);
  });
});
