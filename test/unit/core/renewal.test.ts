import { describe, expect, it } from 'vitest';
import { LoadTimeoutError } from '../../../lib/core/errors.js';
import type { LoadContext } from '../../../lib/core/load-request.js';
import type { Version } from '../../../lib/core/version.js';
import { Fleet, type Instance, type LoadMore } from '../../support/fleet.js';
import { deferred } from '../../support/gate.js';

const never = (): Promise<never> => new Promise(() => undefined);
const counted = (order: number, kind = 'version'): Version => ({ kind, order: BigInt(order) });
const policy = { ttlMs: 10_000, staleIfErrorMs: 60_000 };

/** A row in the database: what a load reads of it, and what a query for its version alone reads. */
class Row {
  loads = 0;
  asked = 0;

  constructor(
    public value: string,
    public version: Version | undefined,
  ) {}

  update(value: string, version: Version): void {
    this.value = value;
    this.version = version;
  }

  readonly loader = (): string => {
    this.loads++;
    return this.value;
  };

  readonly currentVersion = (_context: LoadContext, _stored: Version): Promise<Version | undefined> => {
    this.asked++;
    return Promise.resolve(this.version);
  };

  read(instance: Instance, more: LoadMore = {}) {
    const version = this.version === undefined ? {} : { version: this.version };
    return instance.load(this.loader, policy, { ...version, currentVersion: this.currentVersion, ...more });
  }
}

/** A row that was loaded, and whose entry is past its ttl. */
async function expired(row = new Row('v1', counted(1)), more: LoadMore = {}) {
  const fleet = new Fleet();
  const [a, b] = [fleet.instance(), fleet.instance()];
  await row.read(a, more);
  await fleet.clock.advance(11_000);
  a.events.length = 0;
  a.store.steps.length = 0;
  return { fleet, a, b, row };
}

const refusals = ({ events }: Instance) =>
  events.flatMap((event) => (event.type === 'renewal-refused' ? [event.because] : []));

describe('a stored value whose version is the current one', () => {
  it('is renewed: one query for the version, no load, and fresh for another ttl', async () => {
    const { a, b, fleet, row } = await expired();
    expect(await row.read(a)).toEqual({ value: 'v1', outcome: 'MISS' });
    await fleet.clock.settle();
    expect(a.flow()).toEqual(['miss', 'lock-acquired', 'leased', 'renewed', 'lock-released']);
    expect(a.store.steps).toEqual(['read', 'begin', 'read', 'fill']);
    expect([row.loads, row.asked]).toEqual([1, 1]);
    await fleet.clock.advance(9_999);
    expect(await b.load(never, policy)).toEqual({ value: 'v1', outcome: 'HIT' });
    expect((await fleet.shared.read('k')).value?.version).toEqual(counted(1));
  });

  it('is renewed in the background too, while it is stale and before it is', async () => {
    const { a, fleet, row } = await expired();
    const swr = { ...policy, staleWhileRevalidateMs: 60_000, eagerRefresh: 0.5 };
    const more = { version: counted(1), currentVersion: row.currentVersion };
    expect((await a.load(never, swr, more)).outcome).toBe('STALE');
    await fleet.clock.settle();
    await fleet.clock.advance(5_000);
    expect((await a.load(never, swr, more)).outcome).toBe('HIT');
    await fleet.clock.settle();
    expect(a.events.filter(({ type }) => type === 'renewed')).toHaveLength(2);
    await fleet.clock.advance(9_000);
    expect((await a.load(never, policy)).outcome).toBe('HIT');
  });

  it('is loaded where the version has changed, and where there is no row any more', async () => {
    const { a, fleet, row } = await expired();
    row.update('v2', counted(2));
    expect((await row.read(a)).value).toBe('v2');
    await fleet.clock.advance(11_000);
    const gone = await a.load(() => null, policy, { currentVersion: () => Promise.resolve(undefined) });
    expect(gone.value).toBeNull();
    expect(refusals(a)).toEqual([]);
  });

  it('costs a cold key nothing', async () => {
    const a = new Fleet().instance();
    const row = new Row('v1', counted(1));
    await row.read(a);
    expect(a.store.steps).toEqual(['read', 'begin', 'fill']);
    expect(row.asked).toBe(0);
  });
});

describe('what must not be renewed', () => {
  it.each(['updated-at', 'updated-at-us'])(
    'a row that was updated twice within one %s: only where no two updates share a stamp does an equal one prove anything',
    async (kind) => {
      // 1. The row is updated, and loaded. 2. It is updated again within the same millisecond; nobody announces it. 3. The entry expires. 4. The version is asked for.
      const sameMillisecond = counted(1_700_000_000_000, kind);
      const { a, row } = await expired(new Row('first update', sameMillisecond));
      row.update('second update', kind === 'updated-at' ? sameMillisecond : counted(1_700_000_000_001, kind));
      expect((await row.read(a)).value).toBe('second update');
      expect(refusals(a)).toEqual(kind === 'updated-at' ? ['coarse-version'] : []);
      expect(row.asked).toBe(kind === 'updated-at' ? 0 : 1);
      expect(await a.cache.get('k')).toBe('second update');
    },
  );

  it('what changed, by an announcement and not by its version, between the look and the begin', async () => {
    const { a, b, row } = await expired(new Row('with the old part', counted(1)));
    // 1. The look shows the old value.
    const begin = a.store.stop('before', 'begin');
    const answer = row.read(a);
    await begin.arrived;
    // 2. A part of it changes, which has a version of its own; that is announced. 3. The load begins.
    row.value = 'with the new part';
    await b.cache.invalidate('k');
    begin.open();
    expect((await answer).value).toBe('with the new part');
    expect(row.asked).toBe(0);
    expect(await b.cache.get('k')).toBe('with the new part');
  });

  it('what changes while its version is asked for: nobody who begins after the announcement gets it', async () => {
    const { a, b, fleet, row } = await expired(new Row('with the old part', counted(1)));
    const told = deferred<Version>();
    const before = row.read(a, { currentVersion: () => told.promise });
    await fleet.clock.settle();
    row.value = 'with the new part';
    await b.cache.invalidate('k');
    const after = row.read(a);
    await fleet.clock.settle();
    told.resolve(counted(1));
    expect((await before).value).toBe('with the old part');
    expect((await after).value).toBe('with the new part');
    expect(await b.cache.get('k')).toBe('with the new part');
    expect(a.flow()).not.toContain('renewed');
  });

  it('what another has stored since the begin, under a lease that is not ours', async () => {
    const { a, b, fleet, row } = await expired();
    const look = a.store.stop('after', 'begin');
    const answer = row.read(a);
    await look.arrived;
    await b.cache.invalidate('k', { version: counted(2) });
    row.update('v2', counted(2));
    // b waits for the lock that a has: it loads without
    const other = b.load(() => 'v2', { ...policy, waitMs: 0 }, { version: counted(2) });
    await fleet.clock.settle();
    await fleet.clock.advance(0);
    expect((await other).value).toBe('v2');
    look.open();
    expect((await answer).value).toBe('v2');
    expect(row.asked).toBe(0);
  });

  it('what carries a tag that somebody has marked, and died before the key was invalidated', async () => {
    const { a, fleet, row } = await expired(new Row('with the old part', counted(1)), { tags: ['part'] });
    row.value = 'with the new part';
    await fleet.shared.announce('part', 120_000);
    await fleet.clock.advance(1);
    expect((await row.read(a, { tags: ['part'] })).value).toBe('with the new part');
    expect([row.asked, row.loads]).toEqual([1, 2]);
    expect(refusals(a)).toEqual(['tag-announced']);
  });

  it('what has no version, or one of another kind', async () => {
    const { a, row } = await expired(new Row('v1', undefined));
    await row.read(a);
    expect(refusals(a)).toEqual(['no-version']);
    const other = await expired();
    other.row.version = counted(1, 'extracted');
    await other.row.read(other.a);
    expect(refusals(other.a)).toEqual(['not-comparable']);
    expect([row.loads, other.row.loads]).toEqual([2, 2]);
  });

  it('what its policy would not store now', async () => {
    const { a, row } = await expired();
    const more = { version: counted(1), currentVersion: row.currentVersion };
    await a.load(row.loader, { ...policy, cacheIf: () => false }, more);
    expect(row.loads).toBe(2);
    expect(a.flow()).not.toContain('renewed');
  });
});

describe('what is renewed', () => {
  it('is told of announcements for as long as it lives, where the policy says something else each time it is asked', async () => {
    const { a, b, fleet, row } = await expired(new Row('with the old part', counted(1)), { tags: ['part'] });
    const lives = [10_000, 1_000_000];
    const ttlMs = (): number => lives.shift() ?? 1_000_000;
    const more = { version: counted(1), currentVersion: row.currentVersion, tags: ['part'] };
    await a.load(row.loader, { ttlMs, staleIfErrorMs: 0 }, more);
    expect(a.flow()).toContain('renewed');
    await fleet.clock.advance(500_000);
    row.value = 'with the new part';
    await b.cache.announceTags([{ tag: 'part' }]);
    expect((await b.load(row.loader, policy, more)).value).toBe('with the new part');
  });

  it.each(['the key', 'a tag'])(
    'is not joined by who cannot look: an announcement of %s that has failed meanwhile may concern it',
    async (what) => {
      const { a, fleet, row } = await expired(new Row('with the old part', counted(1)), { tags: ['part'] });
      const announcing = a.store.stop('before', what === 'the key' ? 'invalidate' : 'announce');
      const told = deferred<Version>();
      // 1. A part changes, and the announcement is on its way.
      row.value = 'with the new part';
      const announced = what === 'the key' ? a.cache.invalidate('k') : a.cache.announceTags([{ tag: 'part' }]);
      const failed = expect(announced).rejects.toThrow('did not answer');
      await announcing.arrived;
      // 2. A flight begins, finds the old value, and asks for its version.
      const before = row.read(a, { tags: ['part'], currentVersion: () => told.promise });
      await fleet.clock.settle();
      // 3. The announcement fails, and is kept.
      await fleet.clock.advance(1_000);
      await failed;
      // 4. A caller begins. It cannot look, since the store does not know what this process knows.
      const after = row.read(a, { tags: ['part'] });
      await fleet.clock.settle();
      told.resolve(counted(1));
      expect((await before).value).toBe('with the old part');
      expect((await after).value).toBe('with the new part');
    },
  );

  it('is joined like any load by who cannot look once it has turned out to be outdated', async () => {
    const { a, fleet, row } = await expired(new Row('v1', counted(1)));
    const loaded = deferred<string>();
    const before = a.load(() => loaded.promise, policy, { version: counted(2), currentVersion: row.currentVersion });
    row.update('v2', counted(2));
    await fleet.clock.settle();
    expect(a.flow()).toContain('load-started');
    a.store.down = true;
    const after = a.load(never, policy);
    await fleet.clock.settle();
    loaded.resolve('v2');
    expect([(await before).value, (await after).value]).toEqual(['v2', 'v2']);
  });
});

describe('a query for the version', () => {
  it('that fails leads to a load, and is an event', async () => {
    const { a, row } = await expired();
    const error = new Error('no such column');
    expect((await row.read(a, { currentVersion: () => Promise.reject(error) })).value).toBe('v1');
    expect(a.events).toContainEqual({ type: 'renewal-refused', key: 'k', because: 'failed', error });
    expect(row.loads).toBe(2);
  });

  it('has one deadline with the load, and no load follows it beyond that', async () => {
    const { a, fleet, row } = await expired();
    const told = deferred<Version>();
    const answer = a.load(row.loader, { ttlMs: 10_000 }, { version: counted(1), currentVersion: () => told.promise });
    const failed = expect(answer).rejects.toBeInstanceOf(LoadTimeoutError);
    await fleet.clock.advance(30_000);
    await failed;
    expect(a.flow().filter((type) => type.startsWith('load-'))).toEqual(['load-failed']);
    told.resolve(counted(2));
    await fleet.clock.settle();
    expect(row.loads).toBe(1);
    const slowLoad = await expired();
    const half = deferred<Version>();
    const second = slowLoad.a.load(
      never,
      { ttlMs: 10_000 },
      { version: counted(1), currentVersion: () => half.promise },
    );
    const late = expect(second).rejects.toBeInstanceOf(LoadTimeoutError);
    await slowLoad.fleet.clock.advance(20_000);
    half.resolve(counted(2));
    await slowLoad.fleet.clock.advance(10_000);
    await late;
    expect(slowLoad.a.flow().filter((type) => type.startsWith('load-'))).toEqual(['load-started', 'load-failed']);
  });
});
