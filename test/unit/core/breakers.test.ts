import { describe, expect, it } from 'vitest';
import { LockUnavailableError, StoreUnavailableError } from '../../../lib/core/errors.js';
import { LockProvider, type HeldLock, type LockState } from '../../../lib/core/lock-provider.js';
import { Fleet, type Instance } from '../../support/fleet.js';
import { Gate } from '../../support/gate.js';

const never = (): Promise<never> => new Promise(() => undefined);

/** A lock service that is there or not, and says so. */
class FlakyLocks extends LockProvider {
  readonly name = 'flaky';
  state: LockState = 'connected';
  error: Error | undefined;
  readonly asked: string[] = [];
  released = 0;
  tryAcquire(key: string): Promise<HeldLock> {
    this.asked.push(key);
    if (this.error !== undefined) return Promise.reject(this.error);
    const release = (): Promise<void> => {
      this.released++;
      return Promise.resolve();
    };
    return Promise.resolve({ acquired: true, token: 1n, signal: new AbortController().signal, release });
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

const breakerStates = ({ events }: Instance) =>
  events.flatMap((event) => (event.type === 'breaker-changed' ? [`${event.server} ${event.state}`] : []));

const WRITTEN = { value: 1, version: { kind: 'version', order: 1n }, lifetime: { ttlMs: 1, keepStaleMs: 0 } };

describe('a store that does not answer', () => {
  it('is not asked any more after so many deadlines; loads go on without paying one', async () => {
    const fleet = new Fleet();
    const a = fleet.instanceBehindBreakers(2);
    const [first, second] = [a.store.stop('before', 'read'), a.store.stop('before', 'read')];
    const slow = [a.load(() => 'a', {}, { key: 'a' }), a.load(() => 'b', {}, { key: 'b' })];
    await Promise.all([first.arrived, second.arrived]);
    await fleet.clock.advance(1_000);
    await Promise.all(slow);
    expect(breakerStates(a)).toEqual(['store open']);
    // Time stands still from here on, so these answers have waited for nothing.
    const steps = a.store.steps.length;
    expect(await a.load(() => 'c', {}, { key: 'c' })).toEqual({ value: 'c', outcome: 'MISS' });
    expect(await a.cache.get('c')).toBeUndefined();
    await expect(a.cache.invalidate('c')).rejects.toBeInstanceOf(StoreUnavailableError);
    await expect(a.cache.set('c', WRITTEN)).rejects.toThrow();
    await expect(a.cache.announceTags([{ tag: 't' }])).rejects.toBeInstanceOf(StoreUnavailableError);
    await expect(a.cache.clear()).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(a.store.steps).toHaveLength(steps);
    const unasked = a.events.flatMap((event) =>
      event.type === 'store-unavailable' && event.unasked === 'breaker-open' ? [event.step] : [],
    );
    expect(new Set(unasked)).toEqual(new Set(['read', 'invalidate', 'set', 'announce', 'clear']));
    await expect(a.load(never, { onStoreUnavailable: 'fail' })).rejects.toThrow('is not asked');
  });

  it('is probed with a read that hangs: nobody else asks meanwhile; the first answer closes the breaker', async () => {
    const fleet = new Fleet();
    const a = fleet.instanceBehindBreakers(1);
    a.store.down = true;
    await a.load(() => 'v');
    const probe = a.store.stop('before', 'read');
    await fleet.clock.advance(500);
    await probe.arrived;
    expect(breakerStates(a)).toEqual(['store open', 'store half-open']);
    const steps = a.store.steps.length;
    await a.load(() => 'v');
    expect(a.store.steps).toHaveLength(steps);
    // The probe runs into its deadline; the next one, half a second later, finds the store back.
    await fleet.clock.advance(1_000);
    a.store.down = false;
    await fleet.clock.advance(500);
    expect(breakerStates(a).slice(2)).toEqual(['store open', 'store half-open', 'store closed']);
    await a.load(() => 'v');
    expect(await a.load(never)).toEqual({ value: 'v', outcome: 'HIT' });
  });

  it('a store that refuses is asked again and again: one step may succeed where another does not', async () => {
    const fleet = new Fleet();
    const a = fleet.instanceBehindBreakers(1);
    a.store.refused = 'fill';
    for (const key of ['a', 'b', 'c']) await a.load(() => 'v', {}, { key });
    await a.cache.invalidate('a');
    expect([a.flow().includes('invalidated'), breakerStates(a)]).toEqual([true, []]);
  });

  it('a value that cannot be read is no outage', async () => {
    const fleet = new Fleet();
    const a = fleet.instanceBehindBreakers(1);
    const { begunAt, lease } = (await fleet.shared.begin('k', { lease: 'l', leaseMs: 1_000 })) as {
      begunAt: string;
      lease: string;
    };
    await fleet.shared.fill('k', { lease, begunAt, fillId: 'f', payload: 'no entry', ttlMs: 1_000, keepStaleMs: 0 });
    expect((await a.load(() => 'v')).value).toBe('v');
    expect([a.flow().includes('corrupt-entry'), breakerStates(a)]).toEqual([true, []]);
  });

  it('probes no more once the cache is closed', async () => {
    const fleet = new Fleet();
    const a = fleet.instanceBehindBreakers(1);
    a.store.down = true;
    await a.load(() => 'v');
    await a.cache.close();
    const steps = a.store.steps.length;
    await fleet.clock.advance(60_000);
    expect([a.store.steps.length, fleet.clock.pendingTimers]).toEqual([steps, 0]);
  });
});

describe('a lock service that does not answer', () => {
  it('is not asked any more, is probed, and is asked again at once when it answers', async () => {
    const fleet = new Fleet();
    const locks = new FlakyLocks();
    const a = fleet.instanceBehindBreakers(2, locks);
    locks.error = new LockUnavailableError('no answer');
    for (const key of ['a', 'b', 'c', 'd']) await a.load(() => 'v', {}, { key });
    expect(locks.asked).toEqual(['a', 'b']);
    expect(a.events.filter(({ type }) => type === 'lock-unavailable')).toHaveLength(4);
    await fleet.clock.advance(500);
    expect(locks.asked).toHaveLength(3);
    locks.error = undefined;
    await fleet.clock.advance(500);
    expect(breakerStates(a)).toEqual(['lock open', 'lock half-open', 'lock open', 'lock half-open', 'lock closed']);
    expect(locks.released).toBe(1); // the probe keeps no lock
    await a.load(() => 'v', {}, { key: 'e' });
    expect(locks.asked.at(-1)).toBe('e');
  });

  it('one that knows that its connection is down is left alone after one failure', async () => {
    const fleet = new Fleet();
    const locks = new FlakyLocks();
    const a = fleet.instanceBehindBreakers(5, locks);
    locks.state = 'suspended';
    locks.error = new LockUnavailableError('no answer');
    await a.load(() => 'v', {}, { key: 'a' });
    await a.load(() => 'v', {}, { key: 'b' });
    expect(locks.asked).toEqual(['a']);
    await expect(a.load(never, { onLockUnavailable: 'fail' })).rejects.toBeInstanceOf(LockUnavailableError);
  });

  it('one that refuses is asked every time', async () => {
    const fleet = new Fleet();
    const locks = new FlakyLocks();
    const a = fleet.instanceBehindBreakers(1, locks);
    locks.error = new LockUnavailableError('1,000 locks are held already', { refused: true });
    for (const key of ['a', 'b']) await a.load(() => 'v', {}, { key });
    expect([locks.asked, breakerStates(a)]).toEqual([['a', 'b'], []]);
  });

  it('gives a probe that is busy back, and does not wait for it', async () => {
    const fleet = new Fleet();
    const locks = new FlakyLocks();
    const a = fleet.instanceBehindBreakers(1, locks);
    locks.error = new LockUnavailableError('no answer');
    await a.load(() => 'v');
    const disposed = new Gate();
    locks.tryAcquire = () =>
      Promise.resolve({ acquired: false, wait: never, dispose: () => void disposed.pass() }) as never;
    await fleet.clock.advance(500);
    await disposed.arrived;
    expect(breakerStates(a).at(-1)).toBe('lock closed');
  });
});

describe('what opens a breaker', () => {
  const opening = [1, 2, 5].flatMap((failures) => [1, failures + 3].map((callers) => ({ failures, callers })));

  it.each(opening)('is told before that it is open: %o', async ({ failures, callers }) => {
    const away = (server: 'store' | 'lock') => {
      const locks = new FlakyLocks();
      const a = new Fleet().instanceBehindBreakers(failures, locks);
      if (server === 'lock') locks.error = new LockUnavailableError('connection refused');
      else a.store.down = true;
      return a;
    };
    for (const server of ['store', 'lock'] as const) {
      const a = away(server);
      for (let round = 0; breakerStates(a).length === 0 && round < failures; round++)
        await Promise.all(
          Array.from({ length: callers }, (_, n) => a.load(() => 'v', {}, { key: `${String(round)} ${String(n)}` })),
        );
      const opened = a.events.findIndex(({ type }) => type === 'breaker-changed');
      const told = a.events.slice(0, opened).filter(({ type }) => type === `${server}-unavailable`);
      expect(breakerStates(a)[0]).toBe(`${server} open`);
      expect(told.length).toBeGreaterThanOrEqual(failures);
    }
  });

  it('is the cause of what is not asked any more', async () => {
    const a = new Fleet().instanceBehindBreakers(1);
    a.store.down = true;
    await a.load(() => 'v');
    await expect(a.load(never, { onStoreUnavailable: 'fail' })).rejects.toMatchObject({
      message: expect.stringContaining('is not asked') as string,
      cause: expect.objectContaining({ message: expect.stringContaining('connection refused') as string }) as Error,
    });
  });

  it('of a lock service likewise', async () => {
    const locks = new FlakyLocks();
    const a = new Fleet().instanceBehindBreakers(1, locks);
    locks.error = new LockUnavailableError('connection refused');
    await a.load(() => 'v', {}, { key: 'a' });
    await expect(a.load(never, { onLockUnavailable: 'fail' }, { key: 'b' })).rejects.toMatchObject({
      cause: locks.error,
    });
  });
});
