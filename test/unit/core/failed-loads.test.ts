import { describe, expect, it } from 'vitest';
import { SharedLoadError } from '../../../lib/core/errors.js';
import { SharedFailures } from '../../../lib/core/shared-failures.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';
import { Fleet, type Instance } from '../../support/fleet.js';
import { deferred } from '../../support/gate.js';

const never = (): Promise<never> => new Promise(() => undefined);

/** A source that is broken, and how often it was asked. */
function brokenSource() {
  const source = {
    loads: 0,
    error: new Error('no such table'),
    load: (): Promise<never> => Promise.reject(source.error),
  };
  source.load = () => {
    source.loads++;
    return Promise.reject(source.error);
  };
  return source;
}

const reasons = async (answers: Promise<unknown>[]): Promise<unknown[]> =>
  (await Promise.allSettled(answers)).map((result): unknown =>
    result.status === 'rejected' ? result.reason : 'answered',
  );

describe('a loader that throws', () => {
  it('is run once for all who wait for it in the fleet, and for all who come within the back-off', async () => {
    const fleet = new Fleet();
    const instances = Array.from({ length: 8 }, () => fleet.instance());
    const fails = deferred<never>();
    let loads = 0;
    const loader = (): Promise<never> => {
      loads++;
      return fails.promise;
    };
    const waiting = instances.flatMap((instance) => [instance.load(loader), instance.load(loader)]);
    await fleet.clock.settle();
    const error = new Error('no such table');
    fails.reject(error);
    const told = reasons(waiting);
    await fleet.clock.advance(999);
    const shared = await told;
    expect(shared.slice(0, 2)).toEqual([error, error]);
    expect(shared.slice(2).every((reason) => reason instanceof SharedLoadError)).toBe(true);
    const later = await reasons(instances.map((instance) => instance.load(loader)));
    expect(later[0]).toBe(error);
    expect(later.slice(1).every((reason) => reason instanceof SharedLoadError)).toBe(true);
    expect(loads).toBe(1);
    // One attempt for the fleet when it is over, whoever asks.
    await fleet.clock.advance(1);
    await reasons(instances.map((instance) => instance.load(loader)));
    expect(loads).toBe(2);
  });

  it('keeps no other key from being loaded', async () => {
    const a = new Fleet().instance();
    await expect(a.load(brokenSource().load)).rejects.toThrow('no such table');
    expect((await a.load(() => 'v', {}, { key: 'other' })).value).toBe('v');
  });

  it('lets those who wait elsewhere have the stale value, within its window and without a load of their own', async () => {
    const fleet = new Fleet();
    const instances = Array.from({ length: 4 }, () => fleet.instance());
    const policy = { ttlMs: 1_000, staleIfErrorMs: 5_000 };
    const stale = { value: 'old', outcome: 'STALE' };
    await instances[0]!.load(() => 'old', policy);
    await fleet.clock.advance(2_000);
    const source = brokenSource();
    expect(await Promise.all(instances.map((instance) => instance.load(source.load, policy)))).toEqual(
      instances.map(() => stale),
    );
    expect(await Promise.all(instances.map((instance) => instance.load(never, policy)))).toEqual(
      instances.map(() => stale),
    );
    expect(source.loads).toBe(1);
    await fleet.clock.advance(4_000);
    await reasons(instances.map((instance) => instance.load(source.load, policy)));
    expect(source.loads).toBe(2);
    expect(await reasons([instances[1]!.load(never, policy)])).toEqual([expect.any(SharedLoadError)]);
  });

  it('is shared in its own process while the store is down, and tried again after the back-off', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    a.store.down = true;
    const source = brokenSource();
    expect(await reasons([a.load(source.load), a.load(source.load)])).toEqual([source.error, source.error]);
    await fleet.clock.advance(999);
    expect(await reasons([a.load(source.load)])).toEqual([source.error]);
    expect(source.loads).toBe(1);
    await fleet.clock.advance(1);
    expect((await a.load(() => 'v')).value).toBe('v');
  });

  it.each([
    [
      'is set',
      (a: Instance) =>
        a.cache.set('k', {
          value: 'row',
          version: { kind: 'version', order: 1n },
          lifetime: { ttlMs: 1_000, keepStaleMs: 0 },
        }),
    ],
    ['is invalidated', (a: Instance) => a.cache.invalidate('k')],
    ['has a tag that is announced', (a: Instance) => a.cache.announceTags([{ tag: 't' }])],
  ])('is not shared any more when the key %s, though the store is down before and after', async (_, change) => {
    const fleet = new Fleet();
    const a = fleet.instance();
    a.store.down = true;
    await expect(a.load(() => Promise.reject(new Error('no row')), {}, { tags: ['t'] })).rejects.toThrow('no row');
    a.store.down = false;
    await change(a);
    a.store.down = true;
    expect((await a.load(() => 'row')).value).toBe('row');
  });
});

describe('the error of a load that was overtaken while its tags were registered', () => {
  it.each([
    ['is invalidated', (a: Instance) => a.cache.invalidate('k')],
    ['has a tag that is announced', (a: Instance) => a.cache.announceTags([{ tag: 't' }])],
  ])('is not remembered when the key %s', async (_, change) => {
    const fleet = new Fleet();
    const a = fleet.instance();
    // 1. A row is missing; its load has failed, and registers.
    const registered = a.store.stop('after', 'register');
    const missing = a.load(() => Promise.reject(new Error('no row')), {}, { tags: ['t'] });
    await registered.arrived;
    // 2. The row is inserted and announced.
    await change(a);
    // 3. The load goes on. 4. The store is away: what is remembered here is all that is known.
    registered.open();
    await expect(missing).rejects.toThrow('no row');
    a.store.down = true;
    expect((await a.load(() => 'row')).value).toBe('row');
  });
});

describe('the errors that a process remembers', () => {
  it('are so many and no more, and leave neither an entry nor a timer behind', async () => {
    const clock = new ManualClock();
    const failures = new SharedFailures(clock);
    for (let n = 0; n < 5_000; n++) failures.remember(`k${n}`, `m${n}`, n, 1_000);
    expect(clock.pendingTimers).toBe(1_000);
    expect([failures.recent('k3999'), failures.recent('k4000')?.error]).toEqual([undefined, 4_000]);
    failures.remember('k4999', 'again', 'newer', 2_000);
    expect(clock.pendingTimers).toBe(1_000);
    await clock.advance(1_000);
    expect([failures.recent('k4998'), failures.recent('k4999')?.error]).toEqual([undefined, 'newer']);
    await clock.advance(1_000);
    expect(clock.pendingTimers).toBe(0);
    expect(failures.recent('k4999')).toBeUndefined();
  });

  it('of many keys at once are bounded in the cache too', async () => {
    const fleet = new Fleet();
    const a: Instance = fleet.instance();
    const keys = Array.from({ length: 1_500 }, (_, n) => `key-${n}`);
    const source = brokenSource();
    await reasons(keys.map((key) => a.load(source.load, {}, { key })));
    expect(source.loads).toBe(1_500);
    expect(fleet.clock.pendingTimers).toBeLessThanOrEqual(1_001); // the store's own sweep
    // Of a key that is forgotten here, the mark in the store still tells.
    expect(await reasons([a.load(never, {}, { key: 'key-0' })])).toEqual([expect.any(SharedLoadError)]);
    await fleet.clock.advance(2_000);
    expect(fleet.clock.pendingTimers).toBeLessThanOrEqual(1);
  });
});

describe('the error of a load whose tags cannot be registered', () => {
  it.each(['full', 'refused', 'unknown'])(
    'reaches whoever came during it by one load more, and no other: %s',
    async (why) => {
      const fleet = new Fleet();
      const a = fleet.instance();
      if (why === 'refused') a.store.refused = 'register';
      if (why === 'full') fleet.shared.register = () => Promise.resolve({ registered: false, reason: 'full' });
      const tags = (): string[] => {
        if (why === 'unknown') throw new Error('no such column');
        return ['t'];
      };
      const source = brokenSource();
      const answer = deferred<never>();
      const answers: Promise<unknown>[] = [a.load(() => answer.promise, {}, { tags })];
      await fleet.clock.settle();
      for (let n = 0; n < 20; n++) answers.push(a.load(source.load, {}, { tags }));
      await fleet.clock.settle();
      answer.reject(source.error);
      expect(await reasons(answers)).toEqual(answers.map(() => source.error));
      expect(source.loads).toBe(1);
    },
  );
});

describe('the error of a load with more tags than are registered at once', () => {
  it('is registered for as long as it is shared, however slow the store is', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    const tags = Array.from({ length: 850 }, (_, n) => `t${n}`);
    // Each request takes nearly as long as it may: so the last tag is registered seconds after the first.
    const slow = ['register', 'mark'];
    a.store.everyStep = (what) =>
      slow.includes(what) ? new Promise<void>((done) => fleet.clock.after(990, done)) : Promise.resolve();
    const source = brokenSource();
    const load = reasons([a.load(source.load, {}, { tags })]);
    for (let n = 0; n < 12; n++) await fleet.clock.advance(500);
    expect(await load).toEqual([source.error]);
    // The error is shared yet when the row is inserted, and a tag that was registered first is announced.
    await expect(b.load(never)).rejects.toBeInstanceOf(SharedLoadError);
    await b.cache.announceTags([{ tag: 't0' }]);
    expect((await b.load(() => 'born')).value).toBe('born');
  });
});
