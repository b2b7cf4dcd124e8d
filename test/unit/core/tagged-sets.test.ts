import { describe, expect, it } from 'vitest';
import { Fleet, POLICY, type Instance } from '../../support/fleet.js';

const TAGS = ['row 42', 'products'];
/** What a load stores ends soon, what a writer sets does not. */
const SHORT_MS = 100;
const LIFE = { ttlMs: POLICY.ttlMs, keepStaleMs: 0 };
/** As long as an announcement is remembered: twice the `floorMs` of a fleet. */
const MEMORY_MS = 120_000;
const version = (order: bigint) => ({ kind: 'version', order });

function load(by: Instance, tags: readonly string[] = TAGS, ttlMs = SHORT_MS) {
  return by.load(() => 'one', { ttlMs }, { version: version(1n), tags });
}

function set(by: Instance, tags: readonly string[] = TAGS) {
  return by.cache.set('k', { value: 'two', version: version(2n), lifetime: LIFE, tagsOf: () => tags });
}

function announce(by: Instance, tag = 'row 42') {
  return by.cache.announceTags([{ tag }]);
}

describe('set, of a value with tags', () => {
  it('registers it for the life that it gives it: an announcement finds it when the life of what was loaded is long over', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    // 1. A load stores the row, and registers its key for as long as that may live.
    await load(a);
    // 2. Shortly before the end of that life a writer sets the next version.
    await fleet.clock.advance(SHORT_MS - 1);
    expect(await set(b)).toBe('stored');
    expect(b.store.steps).toEqual(['register', 'register', 'set']);
    // 3. The first registration has ended. The row changes, and its tag is announced.
    await fleet.clock.advance(SHORT_MS * 10);
    expect(await a.cache.get('k')).toBe('two');
    await announce(b);
    // 4. Whoever begins now does not get what was set.
    expect(await a.cache.get('k')).toBeUndefined();
  });

  it('registers it for as long as it lives, though it comes to the store a while after its registration', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    await load(a, TAGS, 1_000);
    const sets = b.store.stop('before', 'set');
    const outcome = set(b);
    await sets.arrived;
    await fleet.clock.advance(900);
    sets.open();
    expect(await outcome).toBe('stored');
    await fleet.clock.advance(LIFE.ttlMs - 1);
    expect(await a.cache.get('k')).toBe('two');
    await announce(b);
    expect(await a.cache.get('k')).toBeUndefined();
  });

  it('invalidates when a tag was announced before the registration, by one who has not come to invalidate the key', async () => {
    const fleet = new Fleet();
    const [a, b, dying] = [fleet.instance(), fleet.instance(), fleet.instance()];
    await load(a);
    // 1. Something in the value changes. Its tag is announced, and the process dies before it invalidates the key.
    dying.store.stop('before', 'invalidate');
    void announce(dying);
    await fleet.clock.advance(1);
    expect(dying.store.steps).toEqual(['announce', 'invalidate']);
    // 2. A writer that has read the value before that sets it.
    expect(await set(b)).toBe('invalidated');
    expect(await a.cache.get('k')).toBeUndefined();
  });

  it('is found by an announcement that comes between the registration and the set', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    await load(a, ['products']);
    const sets = b.store.stop('before', 'set');
    const outcome = set(b, ['products']);
    await sets.arrived;
    await announce(a, 'products');
    sets.open();
    expect(await outcome).toBe('invalidated');
    expect(await a.cache.get('k')).toBeUndefined();
  });

  it('is found by an announcement that was told the key before the set, and comes to invalidate it after', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    await load(a);
    const sets = b.store.stop('before', 'set');
    const outcome = set(b);
    await sets.arrived;
    const invalidates = a.store.stop('before', 'invalidate');
    const announced = announce(a);
    await invalidates.arrived;
    sets.open();
    expect(await outcome).toBe('stored');
    invalidates.open();
    await announced;
    expect(await a.cache.get('k')).toBeUndefined();
  });

  it('stores again when the announcement is not remembered any more, though others keep the tag alive', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    await announce(b);
    await fleet.clock.advance(1);
    await load(a, TAGS, 2 * MEMORY_MS);
    await fleet.clock.advance(MEMORY_MS / 2);
    expect(await set(b)).toBe('invalidated');
    await a.load(() => 'one again', { ttlMs: 2 * MEMORY_MS }, { version: version(2n), tags: TAGS });
    await fleet.clock.advance(MEMORY_MS / 2);
    const written = { value: 'three', version: version(3n), lifetime: LIFE, tagsOf: () => TAGS };
    expect(await b.cache.set('k', written)).toBe('stored');
    expect(await a.cache.get('k')).toBe('three');
  });

  it.each<[string, readonly string[], readonly string[]]>([
    ['none over some', TAGS, []],
    ['some over none', [], TAGS],
    ['fewer', TAGS, ['row 42']],
    ['others', TAGS, ['row 42', 'offers']],
  ])('invalidates when its tags are not those of the value that is there: %s', async (_, loaded, given) => {
    const a = new Fleet().instance();
    await load(a, loaded);
    expect(await set(a, given)).toBe('invalidated');
    expect(await a.cache.get('k')).toBeUndefined();
  });

  it('does not mind their order', async () => {
    const a = new Fleet().instance();
    await load(a);
    expect(await set(a, [...TAGS].reverse())).toBe('stored');
    expect(await a.cache.get('k')).toBe('two');
  });

  it('invalidates when the tags cannot be told', async () => {
    const a = new Fleet().instance();
    await load(a);
    const tagsOf = () => {
      throw new Error('no tags today');
    };
    expect(await a.cache.set('k', { value: 'two', version: version(2n), lifetime: LIFE, tagsOf })).toBe('invalidated');
    expect(await a.cache.get('k')).toBeUndefined();
    expect(a.events).toContainEqual(expect.objectContaining({ type: 'not-stored', key: 'k', reason: 'tags-unknown' }));
  });

  it('invalidates when a tag is full', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    for (let n = 0; n < 1_000; n++) await a.load(() => n, {}, { key: `other ${n}`, tags: ['full'] });
    await load(a);
    expect(await set(a, ['full'])).toBe('invalidated');
    expect(a.events).toContainEqual(expect.objectContaining({ type: 'not-stored', key: 'k', reason: 'tag-full' }));
  });

  it('rejects when the store is away, and is kept as an invalidation', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    await load(a, TAGS, POLICY.ttlMs);
    b.store.down = true;
    await expect(set(b)).rejects.toThrow('refused');
    b.store.down = false;
    expect(await b.cache.get('k')).toBeUndefined();
    await fleet.clock.advance(1_000);
    expect(b.flow()).toContain('announcement-made-up');
    expect(await a.cache.get('k')).toBeUndefined();
  });

  it('stores over a renewed value too', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const policy = { ttlMs: SHORT_MS, staleWhileRevalidateMs: SHORT_MS };
    const more = { version: version(1n), tags: TAGS, currentVersion: () => Promise.resolve(version(1n)) };
    await a.load(() => 'one', policy, more);
    await fleet.clock.advance(SHORT_MS + 1);
    await a.load(() => 'not asked', policy, more);
    await fleet.clock.advance(1);
    expect(a.flow()).toContain('renewed');
    expect(await set(a)).toBe('stored');
  });
});
