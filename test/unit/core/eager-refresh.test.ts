import { describe, expect, it, vi } from 'vitest';
import { EagerRefresh } from '../../../lib/core/eager-refresh.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';
import { Fleet, POLICY, type Instance } from '../../support/fleet.js';
import { deferred } from '../../support/gate.js';

const never = (): Promise<never> => new Promise(() => undefined);
const policy = { ttlMs: 10_000, eagerRefresh: 0.8 };
const hit = (value: string) => ({ value, outcome: 'HIT' });

/** A fleet whose key `k` has 1 ms less than a fifth of its ttl before it. */
async function nearItsEnd(): Promise<{ fleet: Fleet; a: Instance; b: Instance }> {
  const fleet = new Fleet();
  const [a, b] = [fleet.instance(), fleet.instance()];
  await a.load(() => 'old', policy);
  await fleet.clock.advance(7_999);
  for (const { events, store } of [a, b]) {
    events.length = 0;
    store.steps.length = 0;
  }
  return { fleet, a, b };
}

describe('an eager refresh', () => {
  it('begins with the first hit in the last share of the ttl; that hit and those during it cost one read and are answered at once', async () => {
    const { a, b, fleet } = await nearItsEnd();
    expect(await a.load(never, policy)).toEqual(hit('old'));
    await fleet.clock.advance(1);
    expect(a.flow()).toEqual(['hit']);
    const value = deferred<string>();
    let loads = 0;
    const loader = (): Promise<string> => {
      loads++;
      return value.promise;
    };
    const answers = await Promise.all([a.load(loader, policy), a.load(loader, policy), b.load(loader, policy)]);
    expect(answers).toEqual([hit('old'), hit('old'), hit('old')]);
    await fleet.clock.settle();
    expect(loads).toBe(1);
    b.store.steps.length = 0;
    a.store.steps.length = 0;
    expect(await Promise.all([a.load(never, policy), b.load(never, policy)])).toEqual([hit('old'), hit('old')]);
    expect([a.store.steps, b.store.steps]).toEqual([['read'], ['read']]);
    value.resolve('new');
    await fleet.clock.settle();
    expect(await b.load(never, policy)).toEqual(hit('new'));
    expect([...a.flow(), ...b.flow()].filter((type) => type === 'miss' || type === 'stale-hit')).toEqual([]);
    await fleet.clock.advance(7_999);
    expect(await b.load(never, policy)).toEqual(hit('new'));
  });

  it.each([
    ['chance has shortened its ttl', { ttlJitter: 0.9 }],
    ['it was read soon after a change, and is fresh for `replicaLagMs`', { replicaLagMs: 1_000 }],
  ])('does not follow the load at once where %s', async (_, more) => {
    const fleet = new Fleet();
    vi.spyOn(fleet.clock, 'random').mockReturnValue(0.999);
    const a = fleet.instance();
    const short = { ...policy, ...more };
    await a.cache.invalidate('k');
    await fleet.clock.advance(1);
    await a.load(() => 'v', short);
    await fleet.clock.advance(1);
    expect(await a.load(never, short)).toEqual(hit('v'));
    expect(a.flow()).not.toContain('eager-refresh');
    await fleet.clock.advance(900);
    expect(await a.load(() => 'new', short)).toEqual(hit('v'));
    expect(a.flow()).toContain('eager-refresh');
  });

  it('takes the lock of the fleet and does not wait for it', async () => {
    const { a, b, fleet } = await nearItsEnd();
    await fleet.clock.advance(1);
    const lock = a.store.stop('before', 'begin');
    await a.load(() => 'new', policy);
    await lock.arrived;
    // a holds the lock, and nobody can see yet that it loads
    await b.load(never, policy);
    await fleet.clock.settle();
    expect(b.flow()).toEqual(['hit', 'eager-refresh', 'lock-busy']);
    lock.open();
    await fleet.clock.settle();
    expect(await b.load(never, policy)).toEqual(hit('new'));
  });

  it('loads nothing where another was faster between the hit and the begin', async () => {
    const { a, b, fleet } = await nearItsEnd();
    await fleet.clock.advance(1);
    const looked = a.store.stop('after', 'read');
    const slow = a.load(never, policy);
    await looked.arrived;
    await b.load(() => 'new', policy);
    await fleet.clock.settle();
    looked.open();
    expect(await slow).toEqual(hit('old'));
    await fleet.clock.settle();
    expect(a.flow()).toContain('filled-by-another');
    expect(a.flow()).not.toContain('load-started');
  });

  it('is what callers join when the value expires meanwhile', async () => {
    const { a, fleet } = await nearItsEnd();
    await fleet.clock.advance(1);
    const value = deferred<string>();
    await a.load(() => value.promise, policy);
    await fleet.clock.advance(2_000);
    const joined = a.load(never, policy);
    await fleet.clock.settle();
    value.resolve('new');
    expect(await joined).toEqual({ value: 'new', outcome: 'WAITED' });
  });

  it('that is overtaken by a change is not stored, and no reader that begins after the announcement gets its value', async () => {
    const { a, b, fleet } = await nearItsEnd();
    await fleet.clock.advance(1);
    // 1. A refresh begins beside a fresh value, and reads the row; 2. the row changes, which another process announces.
    const read = deferred<string>();
    await a.load(() => read.promise, policy);
    await fleet.clock.settle();
    await b.cache.invalidate('k');
    // 3. A reader begins in the refreshing process; 4. the refresh ends after it has begun.
    const after = deferred<string>();
    const reader = a.load(() => after.promise, policy);
    await fleet.clock.settle();
    read.resolve('what was read before the change');
    await fleet.clock.settle();
    expect(await b.cache.get('k')).toBeUndefined();
    after.resolve('new');
    expect((await reader).value).toBe('new');
    expect(await b.cache.get('k')).toBe('new');
  });

  it('that fails leaves the value where it is, is an event, and is tried again after the back-off', async () => {
    const { a, b, fleet } = await nearItsEnd();
    await fleet.clock.advance(1);
    await a.load(() => Promise.reject(new Error('x')), policy);
    await fleet.clock.settle();
    expect(a.flow()).toContain('load-failed');
    for (const instance of [a, b]) expect(await instance.load(never, policy)).toEqual(hit('old'));
    await fleet.clock.settle();
    expect(b.flow()).toEqual(['hit']);
    await fleet.clock.advance(1_000);
    await b.load(() => 'new', policy);
    await fleet.clock.settle();
    expect(await a.load(never, policy)).toEqual(hit('new'));
  });

  it('knows the ttl of its value where a function tells it, and never begins where that fails', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const told = { eagerRefresh: 0.5, ttlMs: () => 4_000 };
    await a.load(() => 'v', told);
    await fleet.clock.advance(1_999);
    await a.load(never, told);
    expect(a.flow()).not.toContain('eager-refresh');
    await fleet.clock.advance(1);
    const failing = (): never => {
      throw new Error('x');
    };
    expect((await a.load(never, { ...told, ttlMs: failing })).outcome).toBe('HIT');
    expect(a.flow()).not.toContain('eager-refresh');
    await a.load(() => 'new', told);
    await fleet.clock.settle();
    expect(await a.load(never, told)).toEqual(hit('new'));
  });
});

describe('an eager refresh by chance', () => {
  class Dice extends ManualClock {
    roll = 0;
    override random(): number {
      return this.roll;
    }
  }
  const byChance = { ...POLICY, eagerRefresh: { beta: 2 } };
  const due = (eager: EagerRefresh, freshForMs: number): boolean =>
    eager.isDue('k', byChance, { value: 'v', freshForMs });

  it('comes earlier by an exponentially distributed time whose mean is beta load times', () => {
    const dice = new Dice();
    const eager = new EagerRefresh(dice);
    eager.loaded('k', byChance, 100);
    dice.roll = 1 - Math.exp(-1); // the mean: 1 × 2 × 100
    expect([due(eager, 199.9), due(eager, 200.1)]).toEqual([true, false]);
    dice.roll = 0;
    expect(due(eager, 0.1)).toBe(false);
    const seeded = new EagerRefresh(new ManualClock({ seed: 7 }));
    seeded.loaded('k', byChance, 100);
    const early = Array.from({ length: 10_000 }, () => due(seeded, 400)).filter(Boolean).length;
    expect(early).toBeGreaterThan(10_000 * Math.exp(-2) * 0.9);
    expect(early).toBeLessThan(10_000 * Math.exp(-2) * 1.1);
  });

  it('does not come where the load time is not known here, and knows that of the latest load of so many keys', () => {
    const dice = new Dice();
    dice.roll = 0.99;
    const eager = new EagerRefresh(dice, 2);
    expect(due(eager, 1)).toBe(false);
    eager.loaded('k', { ...POLICY, eagerRefresh: 0.5 }, 100); // nobody would ask
    expect(due(eager, 1)).toBe(false);
    eager.loaded('k', byChance, 100);
    eager.loaded('other', byChance, 100);
    eager.loaded('k', byChance, 1_000);
    expect(due(eager, 9_000)).toBe(true);
    eager.loaded('third', byChance, 1);
    expect(due(eager, 9_000)).toBe(true);
    eager.loaded('fourth', byChance, 1);
    expect(due(eager, 1)).toBe(false);
  });

  it('measures its loads and refreshes', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const chance = { ttlMs: 10_000, eagerRefresh: { beta: 100 } };
    const value = deferred<string>();
    const first = a.load(() => value.promise, chance);
    await fleet.clock.advance(5_000);
    value.resolve('old');
    await first;
    // The mean is now 500 s, and a value has 5 s: a hit that starts none would have to draw less than a hundredth of the mean.
    await a.load(() => 'new', chance);
    await fleet.clock.settle();
    expect(a.flow()).toContain('eager-refresh');
    expect(await a.load(never, POLICY)).toEqual(hit('new'));
  });
});
