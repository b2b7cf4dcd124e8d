import { describe, expect, it } from 'vitest';
import { CacheClosedError } from '../../../lib/core/errors.js';
import { Fleet, type Instance } from '../../support/fleet.js';
import { Gate } from '../../support/gate.js';

const STALE = { ttlMs: 1_000, staleWhileRevalidateMs: 60_000 };

/** A load that stops at a gate, after its begin. */
async function underWay(instance: Instance, key = 'k') {
  const gate = new Gate();
  const loaded = instance.load(
    async () => {
      await gate.pass();
      return `value of ${key}`;
    },
    {},
    { key },
  );
  await gate.arrived;
  return { gate, loaded };
}

const failure = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

describe('when what is done in the background has stopped', () => {
  it('a stale value is served and not refreshed, and what a caller waits for is loaded and stored', async () => {
    const fleet = new Fleet();
    const instance = fleet.instance();
    await instance.load(() => 'old', STALE);
    await fleet.clock.advance(2_000);
    instance.cache.stopBackground();
    expect(await instance.load(() => 'new', STALE)).toEqual({ value: 'old', outcome: 'STALE' });
    expect(await instance.load(() => 'other', {}, { key: 'other' })).toEqual({ value: 'other', outcome: 'MISS' });
    expect(await instance.load(() => 'again', {}, { key: 'other' })).toEqual({ value: 'other', outcome: 'HIT' });
    expect(instance.flow().filter((type) => type === 'load-started')).toHaveLength(2);
  });

  it('a fresh value is not refreshed early', async () => {
    const fleet = new Fleet();
    const [quiet, other] = [fleet.instance(), fleet.instance()];
    const early = { ttlMs: 10_000, eagerRefresh: 0.5 };
    await quiet.load(() => 'value', early);
    await fleet.clock.advance(9_000);
    quiet.cache.stopBackground();
    for (const instance of [quiet, other]) await instance.load(() => 'new', early);
    expect([quiet, other].map((instance) => instance.flow().includes('eager-refresh'))).toEqual([false, true]);
  });

  it('a change invalidates what it touches, which is not loaded again', async () => {
    const fleet = new Fleet(1_000, true);
    const instance = fleet.instance();
    await instance.load(() => 'old', {}, { tags: ['t'] });
    instance.cache.stopBackground();
    await instance.cache.announceTags([{ tag: 't' }]);
    await fleet.clock.advance(1_000);
    expect(await instance.cache.get('k')).toBeUndefined();
    expect(instance.flow().filter((type) => type === 'load-started')).toHaveLength(1);
  });
});

describe('when the application has shut down', () => {
  it('a load that is under way ends, and is stored; nobody else may come', async () => {
    const fleet = new Fleet();
    const [instance, other] = [fleet.instance(), fleet.instance()];
    const timers = fleet.clock.pendingTimers;
    const { gate, loaded } = await underWay(instance);
    let landed = false;
    const landing = instance.cache.land(5_000).then(() => (landed = true));
    expect(await failure(instance.load(() => 'late', {}, { key: 'late' }))).toBeInstanceOf(CacheClosedError);
    await fleet.clock.advance(4_999);
    expect(landed).toBe(false);
    gate.open();
    await landing;
    expect(await loaded).toEqual({ value: 'value of k', outcome: 'MISS' });
    expect(await other.load(() => 'again')).toEqual({ value: 'value of k', outcome: 'HIT' });
    expect(fleet.clock.pendingTimers, 'but that of the store').toBe(timers + 1);
  });

  it('a caller whose look is under way is answered before the cache has landed', async () => {
    const fleet = new Fleet();
    const instance = fleet.instance();
    const look = instance.store.stop('after', 'read');
    const caller = instance.load(() => 'new');
    await look.arrived;
    const closing = instance.cache.land(5_000).then(() => instance.cache.close());
    await fleet.clock.settle();
    look.open();
    expect(await caller).toEqual({ value: 'new', outcome: 'MISS' });
    await closing;
  });

  it('a loader that is under way may still ask for other keys', async () => {
    const instance = new Fleet().instance();
    const gate = new Gate();
    const outer = instance.load(
      async () => {
        await gate.pass();
        const { value } = await instance.load(() => 'inner', {}, { key: 'inner' });
        return `outer of ${value}`;
      },
      {},
      { key: 'outer' },
    );
    await gate.arrived;
    const landing = instance.cache.land(5_000);
    gate.open();
    await landing;
    expect((await outer).value).toBe('outer of inner');
  });

  it('a load that does not end in time is ended, and its lock is free at once', async () => {
    const fleet = new Fleet();
    const [instance, other] = [fleet.instance(), fleet.instance()];
    const { gate, loaded } = await underWay(instance);
    const told = failure(loaded);
    const landing = instance.cache.land(5_000);
    await fleet.clock.advance(5_000);
    await landing;
    await instance.cache.close();
    expect(await told).toBeInstanceOf(CacheClosedError);
    expect(await other.load(() => 'other')).toEqual({ value: 'other', outcome: 'MISS' });
    expect(other.flow()).not.toContain('lock-busy');
    gate.open();
    expect(await other.load(() => 'again')).toEqual({ value: 'other', outcome: 'HIT' });
  });

  it('waits for nothing where nothing is under way', async () => {
    const fleet = new Fleet();
    const instance = fleet.instance();
    await instance.load(() => 'value');
    const timers = fleet.clock.pendingTimers;
    await instance.cache.land(5_000);
    expect(fleet.clock.pendingTimers).toBe(timers);
  });
});
