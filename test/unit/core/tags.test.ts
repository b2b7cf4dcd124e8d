import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { Fleet, POLICY, type Instance } from '../../support/fleet.js';
import { deferred } from '../../support/gate.js';

const TAGGED = { tags: ['42'] };

/** Announced, and a moment has passed: a load that begins now begins after it. */
async function announce(fleet: Fleet, by: Instance, ...tags: string[]): Promise<void> {
  await by.cache.announceTags(tags.map((tag) => ({ tag })));
  await fleet.clock.advance(1);
}

/** An instance on its way: it has begun to load and waits for what the test gives it. */
async function loading(fleet: Fleet, a: Instance, more: object = TAGGED) {
  const row = deferred<unknown>();
  const answer = a.load(() => row.promise, {}, more);
  await fleet.clock.advance(1);
  expect(a.flow()).toContain('load-started');
  return { row, answer };
}

describe('tags: the flows, as their events and requests', () => {
  it('a tagged miss: one request more for each tag, all of them before the fill', async () => {
    const a = new Fleet().instance();
    await a.load(() => 'v', {}, { tags: ['1', '2', '1'] });
    expect(a.store.steps).toEqual(['read', 'begin', 'register', 'register', 'fill']);
  });

  it('a tagged hit: one request', async () => {
    const a = new Fleet().instance();
    await a.load(() => 'v', {}, TAGGED);
    a.store.steps.length = 0;
    expect(await a.load(() => 'w', {}, TAGGED)).toEqual({ value: 'v', outcome: 'HIT' });
    expect(a.store.steps).toEqual(['read']);
  });

  it('an announcement invalidates every key that carries the tag, and no other', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    for (const [key, tags] of Object.entries({ x: ['1', '2'], y: ['2'], z: ['3'] }))
      await a.load(() => key, {}, { key, tags });
    await announce(fleet, b, '1', '2');
    expect(b.store.steps).toEqual(['announce', 'announce', 'invalidate', 'invalidate']);
    expect(b.events.at(-1)).toEqual({ type: 'tags-announced', tags: ['1', '2'], keys: 2 });
    expect(await Promise.all(['x', 'y', 'z'].map((key) => a.cache.get(key)))).toEqual([undefined, undefined, 'z']);
  });

  it('what a value depends on is read of the value', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    await a.load(() => [42, 43], {}, { tags: (value) => (value as number[]).map(String) });
    await announce(fleet, a, '43');
    expect(await a.cache.get('k')).toBeUndefined();
  });
});

describe('tags: races', () => {
  it('a list reads 42, 42 changes and is announced, the list fills: it is never served', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    // 1. The list is being loaded, and has read 42.
    const { row, answer } = await loading(fleet, a);
    // 2. 42 changes and is announced, by another process. The list is not registered yet.
    await announce(fleet, b, '42');
    // 3. The list goes on: its caller, who was there before, gets what it read; the cache does not.
    row.resolve('old');
    expect(await answer).toEqual({ value: 'old', outcome: 'MISS' });
    expect(a.events).toContainEqual({ type: 'superseded', key: 'k', reason: 'tag-invalidated' });
    // Nobody is believed to be loading, and nobody is kept from taking the lock.
    expect(await fleet.shared.read('k')).toMatchObject({ loading: false });
    await fleet.clock.advance(1);
    expect(await fleet.shared.read('k')).not.toHaveProperty('mark');
    expect(await a.load(() => 'new', {}, TAGGED)).toEqual({ value: 'new', outcome: 'MISS' });
    expect(await b.load(() => 'other', {}, TAGGED)).toEqual({ value: 'new', outcome: 'HIT' });
  });

  it('the same, announced between the registration and the fill', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    const fills = a.store.stop('before', 'fill');
    const answer = a.load(() => 'old', {}, TAGGED);
    await fills.arrived;
    await announce(fleet, b, '42');
    fills.open();
    expect(await answer).toMatchObject({ value: 'old' });
    expect(a.events).toContainEqual({ type: 'superseded', key: 'k', reason: 'invalidated' });
    expect(await b.cache.get('k')).toBeUndefined();
  });

  it.each(['here', 'in another process'])(
    'a reader that begins after the announcement made %s does not get the old value, though its process still loads it',
    async (where) => {
      const fleet = new Fleet();
      const [a, b] = [fleet.instance(), fleet.instance()];
      // 1. A load is under way, and has read the old rows.
      const { row, answer } = await loading(fleet, a);
      // 2. They change and are announced. The state still shows the lease of the load, since its key is not registered.
      await announce(fleet, where === 'here' ? a : b, '42');
      // 3. A reader begins, sees that lease, and comes aboard.
      const late = a.load(() => 'new', {}, TAGGED);
      await fleet.clock.advance(1);
      expect(a.flow()).toContain('joined');
      // 4. The load finds that it is outdated: the reader looks again.
      row.resolve('old');
      expect((await answer).value).toBe('old');
      expect((await late).value).toBe('new');
      expect(await b.cache.get('k')).toBe('new');
    },
  );

  it('a load that the announcement did not touch serves those who came late, and is stored', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const { row, answer } = await loading(fleet, a);
    await announce(fleet, a, '43');
    const late = a.load(() => 'another', {}, TAGGED);
    await fleet.clock.advance(1);
    row.resolve('same');
    expect([(await answer).value, (await late).value]).toEqual(['same', 'same']);
    expect(await a.cache.get('k')).toBe('same');
  });

  it('a value that is never stored is not given to those who came after the announcement either', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    const { row, answer } = await loading(fleet, a);
    await announce(fleet, b, '42');
    const late = a.load(() => 'new', {}, TAGGED);
    await fleet.clock.advance(1);
    const unserializable = Symbol('old');
    row.resolve(unserializable);
    expect((await answer).value).toBe(unserializable);
    expect((await late).value).toBe('new');
  });

  it('an announcement that does not reach the store is obeyed by the process that made it', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const { row, answer } = await loading(fleet, a);
    a.store.down = true;
    await expect(a.cache.announceTags([{ tag: '42' }])).rejects.toThrow('announce');
    a.store.down = false;
    row.resolve('old');
    await answer;
    expect(await a.cache.get('k')).toBeUndefined();
  });

  it('the same, announced while the registration is answered', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const registered = a.store.stop('after', 'register');
    const answer = a.load(() => 'old', {}, TAGGED);
    await registered.arrived;
    a.store.down = true;
    await expect(a.cache.announceTags([{ tag: '42' }])).rejects.toThrow('announce');
    a.store.down = false;
    registered.open();
    await answer;
    expect(await a.cache.get('k')).toBeUndefined();
  });

  it('the same while the store is away: who comes after the announcement does not get what was read before it', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    a.store.down = true;
    const { row, answer } = await loading(fleet, a);
    await expect(a.cache.announceTags([{ tag: '42' }])).rejects.toThrow('announce');
    const late = a.load(() => 'new', {}, TAGGED);
    await fleet.clock.advance(1);
    row.resolve('old');
    expect([(await answer).value, (await late).value]).toEqual(['old', 'new']);
  });

  it('the error of a load is not shared with those who came after the announcement', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    // 1. A row is missing, and the loader says so by an error, which is shared for a while.
    const missing = a.load(() => Promise.reject(new Error('not found')), {}, TAGGED);
    await expect(missing).rejects.toThrow('not found');
    await expect(b.load(() => 'row', {}, TAGGED)).rejects.toThrow('not found');
    // 2. The row is inserted and announced.
    await announce(fleet, b, '42');
    // 3. Whoever reads now gets it.
    expect((await a.load(() => 'row', {}, TAGGED)).value).toBe('row');
  });

  it('a load that fails after the announcement leaves its error to nobody', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    const { row, answer } = await loading(fleet, a);
    await announce(fleet, b, '42');
    row.reject(new Error('not found'));
    await expect(answer).rejects.toThrow('not found');
    expect((await b.load(() => 'row', {}, TAGGED)).value).toBe('row');
  });
});

describe('tags: a load that fails after the announcement', () => {
  it.each([
    ['here', 1_000],
    ['in another process', 1_000],
    ['in another process', 0],
  ])(
    'gives its error to nobody who began after it was made %s (failureBackoffMs %d)',
    async (where, failureBackoffMs) => {
      const fleet = new Fleet();
      const [a, b] = [fleet.instance(), fleet.instance()];
      // 1. A row is missing, and a load that has found that is still under way.
      const row = deferred<unknown>();
      const early = a.load(() => row.promise, { failureBackoffMs }, TAGGED);
      await fleet.clock.advance(1);
      // 2. It is inserted and announced. The state still shows the lease of the load, since its key is not registered.
      await announce(fleet, where === 'here' ? a : b, '42');
      // 3. A reader begins, sees that lease, and comes aboard.
      const late = a.load(() => 'row', { failureBackoffMs }, TAGGED);
      await fleet.clock.advance(1);
      expect(a.flow()).toContain('joined');
      // 4. The load fails. Who was there before gets its error, the reader looks again.
      row.reject(new Error('not found'));
      await expect(early).rejects.toThrow('not found');
      expect((await late).value).toBe('row');
      expect(await b.cache.get('k')).toBe('row');
    },
  );

  it('gives it to nobody either when another announcement has overtaken it meanwhile', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    const { row, answer } = await loading(fleet, a);
    await announce(fleet, b, '42');
    const late = a.load(() => 'row', {}, TAGGED);
    await fleet.clock.advance(1);
    await a.cache.invalidate('k');
    row.reject(new Error('not found'));
    await expect(answer).rejects.toThrow('not found');
    expect((await late).value).toBe('row');
  });

  it('gives it to those who came late, where nothing of it was announced', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const { row, answer } = await loading(fleet, a);
    await announce(fleet, a, '43');
    const late = a.load(() => 'row', {}, TAGGED);
    await fleet.clock.advance(1);
    row.reject(new Error('not found'));
    await expect(answer).rejects.toThrow('not found');
    await expect(late).rejects.toThrow('not found');
  });

  it('is joined by nobody while the end of its load is told to the store', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    const { row, answer } = await loading(fleet, a);
    await announce(fleet, b, '42');
    const marks = a.store.stop('before', 'mark');
    row.reject(new Error('not found'));
    const failed = expect(answer).rejects.toThrow('not found');
    await marks.arrived;
    const late = a.load(() => 'row', {}, TAGGED);
    await fleet.clock.advance(1);
    marks.open();
    await failed;
    expect((await late).value).toBe('row');
  });

  it('is told of announcements for as long as its mark may live, however late that is written', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    // 1. The key is registered. 2. Its mark is under way for nearly as long as a request may take.
    const marks = a.store.stop('before', 'mark');
    const failed = expect(a.load(() => Promise.reject(new Error('not found')), {}, TAGGED)).rejects.toThrow(
      'not found',
    );
    await marks.arrived;
    await fleet.clock.advance(999);
    marks.open();
    await failed;
    // 3. More than the back-off is over since 1, less than that since 2. The row is inserted and announced.
    await fleet.clock.advance(500);
    await announce(fleet, b, '42');
    expect((await b.load(() => 'row', {}, TAGGED)).value).toBe('row');
  });
});

describe('tags: what keeps a value out of the cache', () => {
  it.each([
    ['a tag that leads to as many keys as it may', () => ['full'], 'tag-full'],
    [
      'tags that cannot be told',
      () => {
        throw new Error('no idea');
      },
      'tags-unknown',
    ],
  ])('%s, with an event', async (_what, tags, reason) => {
    const a = new Fleet().instance();
    for (let index = 0; index < 1_000; index++) await a.load(() => index, {}, { key: `k${index}`, tags: ['full'] });
    expect((await a.load(() => 'v', {}, { tags })).value).toBe('v');
    expect(a.events).toContainEqual(expect.objectContaining({ type: 'not-stored', key: 'k', reason }));
    expect(await a.cache.get('k')).toBeUndefined();
  });

  it('a store that cannot register it', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const { row, answer } = await loading(fleet, a);
    a.store.down = true;
    row.resolve('v');
    expect((await answer).value).toBe('v');
    a.store.down = false;
    expect(await a.cache.get('k')).toBeUndefined();
  });
});

describe('replicas that lag behind', () => {
  const LAG = { replicaLagMs: 2_000, staleIfErrorMs: 10_000 };

  it('keeps nothing short where no replica lags, though an instance with a longer floorMs has announced the key', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    await fleet.shared.invalidate('k', { floorMs: 600_000 });
    await a.load(() => 'new');
    await fleet.clock.advance(POLICY.ttlMs - 1);
    expect(await a.cache.get('k')).toBe('new');
  });

  it.each([
    ['a tag', (a: Instance) => a.cache.announceTags([{ tag: '42' }])],
    ['the key', (a: Instance) => a.cache.invalidate('k')],
  ])(
    'what is loaded soon after an announcement of %s is not fresh for long, nor served stale',
    async (_what, change) => {
      const fleet = new Fleet();
      const a = fleet.instance();
      await change(a);
      await fleet.clock.advance(1_999);
      await a.load(() => 'may be old', LAG, TAGGED);
      await fleet.clock.advance(1_999);
      expect(await a.cache.get('k')).toBe('may be old');
      await fleet.clock.advance(1);
      await expect(a.load(() => Promise.reject(new Error('down')), LAG, TAGGED)).rejects.toThrow('down');
      await fleet.clock.advance(1_000);
      await a.load(() => 'new', LAG, TAGGED);
      await fleet.clock.advance(50_000);
      expect(await a.cache.get('k')).toBe('new');
    },
  );

  it('what is loaded later is fresh as long as it may', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    await a.cache.announceTags([{ tag: '42' }]);
    await a.cache.invalidate('k');
    await fleet.clock.advance(2_000);
    await a.load(() => 'v', LAG, TAGGED);
    await fleet.clock.advance(59_000);
    expect(await a.cache.get('k')).toBe('v');
  });
});

describe('a replica that lags behind, and a value that is loaded anew before it expires', () => {
  const EAGER = { replicaLagMs: 2_000, eagerRefresh: 0.5 };

  it.each([
    ['a tag', (a: Instance) => a.cache.announceTags([{ tag: '42' }])],
    ['the key', (a: Instance) => a.cache.invalidate('k')],
  ])('keeps what the refresh reads short too, soon after an announcement of %s', async (_what, change) => {
    const fleet = new Fleet();
    const a = fleet.instance();
    // 1. A row changes, and is announced. 2. It is loaded from a replica that does not have the change yet.
    await change(a);
    await fleet.clock.advance(1);
    await a.load(() => 'old', EAGER, TAGGED);
    // 3. A hit loads it anew, from the same replica and still soon after 1.
    await fleet.clock.advance(1_500);
    await a.load(() => 'old, read again', EAGER, TAGGED);
    await fleet.clock.settle();
    expect(await a.cache.get('k')).toBe('old, read again');
    // 4. The replica has caught up.
    await fleet.clock.advance(2_000);
    expect((await a.load(() => 'new', EAGER, TAGGED)).value).toBe('new');
    await fleet.clock.advance(20_000);
    expect(await a.cache.get('k')).toBe('new');
  });

  it('keeps what is renewed short too', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const version = { kind: 'version', order: 1n };
    const more = { version, currentVersion: () => Promise.resolve(version) };
    await a.cache.invalidate('k');
    await fleet.clock.advance(1);
    await a.load(() => 'old', EAGER, more);
    await fleet.clock.advance(1_500);
    await a.load(() => 'never', EAGER, more);
    await fleet.clock.settle();
    expect(a.flow()).toContain('renewed');
    await fleet.clock.advance(1_999);
    expect(await a.cache.get('k')).toBe('old');
    await fleet.clock.advance(1);
    expect(await a.cache.get('k')).toBeUndefined();
  });
});

describe('a loader that reads another entry of the cache', () => {
  it.each([
    ['`ttlMs`', { ttlMs: 9_000 }, 9_000],
    ['`replicaLagMs`', { replicaLagMs: 2_000 }, 2_000],
  ])('may read it while it is being announced: then what it stores is bounded by %s', async (_, policy, boundMs) => {
    const fleet = new Fleet();
    const [a, writer] = [fleet.instance(), fleet.instance()];
    const row = (): Promise<{ value: string }> => a.load(() => 'new', {}, { ...TAGGED, key: 'row' });
    await a.load(() => 'old', {}, { ...TAGGED, key: 'row' });
    // 1. A row changes. Its tag is announced, and its own entry is about to be invalidated.
    const invalidates = writer.store.stop('before', 'invalidate');
    const announced = announce(fleet, writer, '42');
    await invalidates.arrived;
    await fleet.clock.advance(1);
    // 2. A page is loaded that shows it: by a load that begins after the announcement, and reads the entry, not the row. 3. The announcement is complete.
    await a.load(async () => `page with ${(await row()).value}`, policy, { ...TAGGED, key: 'page' });
    invalidates.open();
    await announced;
    expect((await row()).value).toBe('new');
    expect(await a.cache.get('page')).toBe('page with old');
    await fleet.clock.advance(boundMs);
    expect(await a.cache.get('page')).toBeUndefined();
  });
});

describe('tags of what cannot be stored', () => {
  it('while its mark is under way nobody joins any more', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    const marks = a.store.stop('before', 'mark');
    // 1. A value that is too large has come, nobody came late, and it leaves its mark; its lease is still there.
    const answer = a.load(() => 'old', { maxValueBytes: 1 }, TAGGED);
    await marks.arrived;
    // 2. A tag of it is announced, which leads to no key; 3. a caller begins, and finds the lease.
    await announce(fleet, b, '42');
    const late = a.load(() => 'new', {}, TAGGED);
    await fleet.clock.advance(1);
    marks.open();
    await fleet.clock.advance(1);
    expect([(await answer).value, (await late).value]).toEqual(['old', 'new']);
  });
});

describe('refresh', () => {
  it('loads again what an announcement has outdated, in the background, and under the lock', async () => {
    const fleet = new Fleet(1_000, true);
    const [a, b] = [fleet.instance(), fleet.instance()];
    let row = 'old';
    const reads: string[] = [];
    await a.load(() => (reads.push(row), row), {}, TAGGED);
    await b.load(() => 'other', {}, { ...TAGGED, key: 'not loaded by a' });
    row = 'new';
    a.events.length = 0;
    const looks = a.store.stop('before', 'read');
    await announce(fleet, a, '42');
    await looks.arrived;
    looks.open();
    await fleet.clock.advance(1);
    expect(reads).toEqual(['old', 'new']);
    expect(a.flow()).toEqual(expect.arrayContaining(['tags-announced', 'lock-acquired', 'stored']));
    expect([await b.cache.get('k'), await b.cache.get('not loaded by a')]).toEqual(['new', undefined]);
  });

  it('loads only what may still be cached, and only once if nobody asks for it', async () => {
    const fleet = new Fleet(1_000, true);
    const a = fleet.instance();
    let loads = 0;
    await a.load(() => ++loads, {}, TAGGED);
    await fleet.clock.advance(30_000);
    await announce(fleet, a, '42');
    await fleet.clock.advance(1);
    expect(loads).toBe(2);
    await fleet.clock.advance(30_000);
    await announce(fleet, a, '42');
    await fleet.clock.advance(1);
    expect(loads).toBe(2);
  });

  it('loads in the context of the caller whose load it was, not of whoever has announced', async () => {
    const fleet = new Fleet(1_000, true);
    const a = fleet.instance();
    const user = new AsyncLocalStorage<string>();
    // 1. Ann loads her orders.
    await user.run('ann', () => a.load(() => `orders of ${String(user.getStore())}`, {}, TAGGED));
    // 2. Bob changes a row and announces it; 3. the entry is loaded again.
    const looks = a.store.stop('before', 'read');
    await user.run('bob', () => announce(fleet, a, '42'));
    looks.open();
    await fleet.clock.advance(1);
    expect(await a.cache.get('k')).toBe('orders of ann');
  });

  it('of a loader that asks for its own key fails at once, as its first load would', async () => {
    const fleet = new Fleet(1_000, true);
    const a = fleet.instance();
    let asks = false;
    const loader = async (): Promise<unknown> => (asks ? (await a.load(loader)).value : 'v');
    await a.load(loader, {}, TAGGED);
    asks = true;
    await announce(fleet, a, '42');
    await fleet.clock.advance(1);
    expect(a.events.find(({ type }) => type === 'load-failed')).toMatchObject({
      error: { name: 'ReentrantLoadError' },
    });
  });

  it('is left to whoever loads already, and a failing one harms nobody', async () => {
    const fleet = new Fleet(1_000, true);
    const a = fleet.instance();
    let fails = false;
    await a.load(() => (fails ? Promise.reject(new Error('down')) : 'v'), {}, TAGGED);
    fails = true;
    await announce(fleet, a, '42');
    await fleet.clock.advance(1);
    expect(a.flow()).toContain('load-failed');
    await fleet.clock.advance(2_000);
    expect((await a.load(() => 'later', {}, TAGGED)).value).toBe('later');
  });

  it('is not what happens by default', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    let loads = 0;
    await a.load(() => ++loads, {}, TAGGED);
    await announce(fleet, a, '42');
    await fleet.clock.advance(1);
    expect(loads).toBe(1);
  });
});
