import { describe, expect, it } from 'vitest';
import type { StoreStep } from '../../../lib/core/cache-event.js';
import { LockUnavailableError } from '../../../lib/core/errors.js';
import { LockProvider, type LockState } from '../../../lib/core/lock-provider.js';
import { Fleet, type Instance } from '../../support/fleet.js';
import { deferred } from '../../support/gate.js';
import { CutLocks } from '../../support/lock-outages.js';

/** Longer than every deadline and every wait of these tests. */
const STOOD_STILL_MS = 100_000;
const never = (): Promise<never> => new Promise(() => undefined);
const WRITTEN = { value: 1, version: { kind: 'version', order: 1n }, lifetime: { ttlMs: 1, keepStaleMs: 0 } };

/** What says that something is wrong with a server, or that a wait was in vain. */
const degradations = ({ events }: Instance): string[] =>
  events.map(({ type }) => type).filter((type) => /unavailable|breaker|timeout|load-failed|announcement/.test(type));

const keys = Array.from({ length: 20 }, (_, n) => `k${String(n)}`);

describe('answers of the store that come while the event loop stands still', () => {
  it('are used: hits stay hits, nothing is loaded and no breaker opens', async () => {
    const fleet = new Fleet();
    const a = fleet.instanceBehindBreakers(5);
    for (const key of keys) await a.load(() => key, {}, { key });
    const gates = keys.map(() => a.store.stop('after', 'read'));
    const hits = keys.map((key) => a.load(never, {}, { key }));
    await Promise.all(gates.map(({ arrived }) => arrived));
    await fleet.clock.standStill(STOOD_STILL_MS / 10);
    for (const gate of gates) gate.open();
    expect(await Promise.all(hits)).toEqual(keys.map((key) => ({ value: key, outcome: 'HIT' })));
    expect(degradations(a)).toEqual([]);
  });

  const tags = ['t'];
  const steps: [StoreStep, (a: Instance) => Promise<unknown>][] = [
    ['read', (a) => a.load(() => 'v')],
    ['begin', (a) => a.load(() => 'v')],
    ['register', (a) => a.load(() => 'v', {}, { tags })],
    ['fill', (a) => a.load(() => 'v')],
    ['mark', (a) => a.load(() => Promise.reject(new Error('no'))).catch(() => undefined)],
    ['invalidate', (a) => a.cache.invalidate('k')],
    ['announce', (a) => a.cache.announceTags([{ tag: 't' }])],
    ['announce', (a) => a.cache.announceTags([{ tag: 't' }], 500)],
    ['set', (a) => a.cache.set('k', WRITTEN)],
  ];

  it.each(steps)('are used: "%s"', async (step, work) => {
    const fleet = new Fleet();
    const a = fleet.instanceBehindBreakers(1);
    const answer = a.store.stop('after', step);
    const done = work(a);
    await answer.arrived;
    await fleet.clock.standStill(STOOD_STILL_MS);
    answer.open();
    await done;
    await fleet.clock.settle();
    expect(degradations(a).filter((type) => type !== 'load-failed')).toEqual([]);
  });

  it('are used: the word of a load that it is under way', async () => {
    const fleet = new Fleet();
    const a = fleet.instanceBehindBreakers(1);
    const value = deferred<string>();
    const renewal = a.store.stop('after', 'renew');
    const load = a.load(() => value.promise);
    await fleet.clock.advance(2_000);
    await renewal.arrived;
    await fleet.clock.standStill(10_000);
    renewal.open();
    value.resolve('v');
    expect((await load).value).toBe('v');
    expect(degradations(a)).toEqual([]);
  });

  it('that do not come at all open the breaker, as late as the event loop was', async () => {
    const fleet = new Fleet();
    const a = fleet.instanceBehindBreakers(5);
    const gates = keys.map(() => a.store.stop('before', 'read'));
    const loads = keys.map((key) => a.load(() => 'loaded', {}, { key }));
    await Promise.all(gates.map(({ arrived }) => arrived));
    await fleet.clock.standStill(STOOD_STILL_MS);
    expect(degradations(a)).toEqual([]);
    await fleet.clock.advance(1_000);
    expect((await Promise.all(loads)).map(({ value }) => value)).toEqual(keys.map(() => 'loaded'));
    expect(new Set(degradations(a))).toEqual(new Set(['store-unavailable', 'breaker-changed']));
  });
});

describe('a load or a wait while the event loop stands still', () => {
  it('has the value that its loader has brought meanwhile', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const value = deferred<string>();
    let signal!: AbortSignal;
    const load = a.load((context) => {
      signal = context.signal;
      return value.promise;
    });
    await fleet.clock.settle();
    await fleet.clock.standStill(STOOD_STILL_MS);
    value.resolve('v');
    expect(await load).toEqual({ value: 'v', outcome: 'MISS' });
    expect([signal.aborted, degradations(a)]).toEqual([false, []]);
  });

  it.each(['fail', 'load', 'stale'] as const)(
    'has the value that another instance has stored meanwhile, with onWaitTimeout %s',
    async (onWaitTimeout) => {
      const fleet = new Fleet();
      const [a, b] = [fleet.instance(), fleet.instance()];
      const value = deferred<string>();
      const held = a.load(() => value.promise);
      await fleet.clock.settle();
      const waiting = b.load(never, { waitMs: 1_000, onWaitTimeout });
      await fleet.clock.settle();
      await fleet.clock.standStill(STOOD_STILL_MS / 10);
      value.resolve('v');
      expect((await held).value).toBe('v');
      expect(await waiting).toEqual({ value: 'v', outcome: 'WAITED' });
      expect(degradations(b)).toEqual([]);
    },
  );

  it('has waited in vain when waitMs is over all the same', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    void a.load(never);
    await fleet.clock.settle();
    const waiting = b.load(never, { waitMs: 1_000, onWaitTimeout: 'fail' });
    const failed = expect(waiting).rejects.toThrow('within waitMs = 1000');
    await fleet.clock.settle();
    await fleet.clock.standStill(10_000);
    await fleet.clock.advance(1_000);
    await failed;
  });

  it('does not serve a stale value for a load that has ended meanwhile', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const policy = { ttlMs: 1_000, staleIfErrorMs: 60_000, softLoadTimeoutMs: 500 };
    await a.load(() => 'old', policy);
    await fleet.clock.advance(2_000);
    const value = deferred<string>();
    const load = a.load(() => value.promise, policy);
    await fleet.clock.settle();
    await fleet.clock.standStill(20_000);
    value.resolve('new');
    expect(await load).toEqual({ value: 'new', outcome: 'MISS' });
  });

  it('without a lock service waits on for the load that holds the lease', async () => {
    const fleet = new Fleet();
    const down = (): LockProvider => new CutLocks(new NoLocks());
    const [a, b] = [fleet.instance(down()), fleet.instance(down())];
    const value = deferred<string>();
    const held = a.load(() => value.promise);
    await fleet.clock.settle();
    const waiting = b.load(never, { waitMs: 1_000 });
    await fleet.clock.settle();
    await fleet.clock.standStill(5_000); // more than the wait and the deadline of a lock
    value.resolve('v');
    await fleet.clock.advance(1_000);
    expect((await held).value).toBe('v');
    expect(await waiting).toEqual({ value: 'v', outcome: 'WAITED' });
    expect(degradations(b).filter((type) => type !== 'lock-unavailable')).toEqual([]);
  });
});

class NoLocks extends LockProvider {
  readonly name = 'none';
  readonly state: LockState = 'lost';
  tryAcquire(): Promise<never> {
    return Promise.reject(new LockUnavailableError('nobody there'));
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}
