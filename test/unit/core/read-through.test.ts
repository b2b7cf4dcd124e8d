import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  CacheClosedError,
  LoadTimeoutError,
  LockLostError,
  LockUnavailableError,
  ReentrantLoadError,
  SharedLoadError,
  StoreUnavailableError,
  WaitTimeoutError,
} from '../../../lib/core/errors.js';
import { LockProvider, type AcquireOptions, type BusyLock, type HeldLock } from '../../../lib/core/lock-provider.js';
import { UNCACHEABLE } from '../../../lib/core/uncacheable.js';
import { Fleet, POLICY } from '../../support/fleet.js';
import { deferred, Gate } from '../../support/gate.js';

const never = (): Promise<never> => new Promise(() => undefined);

class DeadLocks extends LockProvider {
  readonly name = 'dead';
  state = 'lost' as const;
  asked = 0;
  tryAcquire(): Promise<never> {
    this.asked++;
    return Promise.reject(new LockUnavailableError('nobody there'));
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

class LosableLocks extends LockProvider {
  readonly name = 'losable';
  readonly state = 'connected';
  readonly lose = new AbortController();
  tryAcquire(): Promise<HeldLock> {
    return Promise.resolve({
      acquired: true,
      token: 1n,
      signal: this.lose.signal,
      release: () => Promise.resolve(),
    });
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Somebody else's lock each time, given back at once; remembers what it was told about how likely it is free. */
class OthersLocks extends LockProvider {
  readonly name = 'others';
  readonly state = 'connected';
  readonly hints: (boolean | undefined)[] = [];
  tryAcquire(_key: string, { likelyFree }: AcquireOptions): Promise<BusyLock> {
    this.hints.push(likelyFree);
    return Promise.resolve({
      acquired: false,
      wait: () => Promise.resolve('released'),
      dispose: () => undefined,
    });
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

describe('the flows, as their events', () => {
  it('a miss, alone: look, lock, lease, load, fill, release; three requests to the store', async () => {
    const a = new Fleet().instance();
    expect(await a.load(() => 'v')).toEqual({ value: 'v', outcome: 'MISS' });
    await Promise.resolve();
    expect(a.flow()).toEqual([
      'miss',
      'lock-acquired',
      'leased',
      'load-started',
      'load-finished',
      'stored',
      'lock-released',
    ]);
    expect(a.store.steps).toEqual(['read', 'begin', 'fill']);
  });

  it('the lock is likely free where the first look shows nobody loading, and in the first round only', async () => {
    const fleet = new Fleet();
    const locks = new OthersLocks();
    const landed = fleet.instance(locks).load(() => 'v');
    await fleet.clock.advance(30);
    await landed;
    expect(locks.hints).toEqual([true, false]);
  });

  it('the lock is not likely free where the first look shows that somebody loads', async () => {
    const fleet = new Fleet();
    await fleet.shared.begin('k', { lease: 'another’s', leaseMs: 60_000 });
    const locks = new OthersLocks();
    const landed = fleet.instance(locks).load(() => 'v');
    await fleet.clock.advance(30);
    await landed;
    expect(locks.hints).toEqual([false, false]);
  });

  it('a hit: one request, no lock', async () => {
    const a = new Fleet().instance();
    await a.load(() => 'v');
    a.events.length = 0;
    a.store.steps.length = 0;
    expect(await a.load(never)).toEqual({ value: 'v', outcome: 'HIT' });
    expect(a.flow()).toEqual(['hit']);
    expect(a.store.steps).toEqual(['read']);
  });

  it('callers of one process share one load, each with a copy of its own', async () => {
    const a = new Fleet().instance();
    const value = deferred<{ n: number }>();
    let loads = 0;
    const loader = (): Promise<{ n: number }> => {
      loads++;
      return value.promise;
    };
    const callers = Array.from({ length: 50 }, () => a.load(loader));
    value.resolve({ n: 1 });
    const answers = await Promise.all(callers);
    expect(loads).toBe(1);
    expect(answers.map(({ outcome }) => outcome).filter((outcome) => outcome === 'MISS')).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer.value)).size).toBe(50);
    expect(answers.every((answer) => answer.value.n === 1)).toBe(true);
  });

  it('a waiter in another process: waits for the lock, finds the value, never locks, never writes', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    const value = deferred<string>();
    const first = a.load(() => value.promise);
    await fleet.clock.settle();
    const second = b.load(never);
    await fleet.clock.settle();
    value.resolve('v');
    expect(await first).toEqual({ value: 'v', outcome: 'MISS' });
    expect(await second).toEqual({ value: 'v', outcome: 'WAITED' });
    expect(b.flow()).toEqual(['miss', 'lock-busy', 'lock-waited']);
    expect(b.store.steps).toEqual(['read', 'read']);
  });

  it('the second look finds what another filled between the first look and the lock', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    const looked = a.store.stop('after', 'read');
    const first = a.load(never);
    await looked.arrived;
    await b.load(() => 'v');
    looked.open();
    expect(await first).toEqual({ value: 'v', outcome: 'WAITED' });
    await Promise.resolve();
    expect(a.flow()).toEqual(['miss', 'lock-acquired', 'filled-by-another', 'lock-released']);
  });

  it.each([null, false, 0, '', []])('%j is a value, and a hit', async (value) => {
    const a = new Fleet().instance();
    await a.load(() => value);
    expect(await a.load(never)).toEqual({ value, outcome: 'HIT' });
    expect(await a.cache.get('k')).toEqual(value);
  });

  it('undefined is returned and never stored; who waited loads at once in its own process', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    const value = deferred<undefined>();
    const first = a.load(() => value.promise);
    await fleet.clock.settle();
    const second = b.load(() => undefined);
    await fleet.clock.settle();
    value.resolve(undefined);
    expect(await first).toEqual({ value: undefined, outcome: 'MISS' });
    expect(await second).toEqual({ value: undefined, outcome: 'MISS' });
    expect(a.flow()).toContain('not-stored');
    expect(b.flow()).not.toContain('lock-acquired');
  });

  it('what is too large or cannot be encoded is returned, not stored, and an event says so', async () => {
    const a = new Fleet().instance();
    await a.load(() => 'x'.repeat(1_000), { maxValueBytes: 100 });
    const circular: { self?: unknown } = {};
    circular.self = circular;
    const { value } = await a.load(() => circular, {}, { key: 'other' });
    expect(value).toBe(circular);
    expect((await a.load(() => UNCACHEABLE, {}, { key: 'one caller’s own' })).value).toBe(UNCACHEABLE);
    expect(a.events.filter(({ type }) => type === 'not-stored')).toMatchObject([
      { reason: 'too-large' },
      { reason: 'unserializable' },
      { reason: 'uncacheable' },
    ]);
    expect(await a.cache.get('k')).toBeUndefined();
  });
});

describe('failures of the loader', () => {
  it('reach every caller of the flight untouched, are shared for failureBackoffMs, and are never cached', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    const error = Object.assign(new Error('no such table'), { code: '42P01' });
    const value = deferred<never>();
    const callers = [a.load(() => value.promise), a.load(() => value.promise), b.load(never)];
    const results = Promise.allSettled(callers);
    await fleet.clock.settle();
    value.reject(error);
    const [first, second, elsewhere] = await results;
    expect(first).toEqual({ status: 'rejected', reason: error });
    expect((first as PromiseRejectedResult).reason).toBe(error);
    expect((second as PromiseRejectedResult).reason).toBe(error);
    const shared = (elsewhere as PromiseRejectedResult).reason as SharedLoadError;
    expect(shared).toBeInstanceOf(SharedLoadError);
    expect(shared.cause).toEqual({ name: 'Error', message: 'no such table', code: '42P01' });
    await expect(a.load(never)).rejects.toBe(error);
    await fleet.clock.advance(1_000);
    expect(await a.load(() => 'v')).toEqual({ value: 'v', outcome: 'MISS' });
    expect(fleet.clock.pendingTimers).toBeLessThanOrEqual(1); // the store's own sweep
  });

  it('are not shared when failureBackoffMs is 0', async () => {
    const a = new Fleet().instance();
    await expect(a.load(() => Promise.reject(new Error('x')), { failureBackoffMs: 0 })).rejects.toThrow('x');
    expect(await a.load(() => 'v')).toEqual({ value: 'v', outcome: 'MISS' });
  });

  it('a synchronous throw is the same', async () => {
    const a = new Fleet().instance();
    const error = new Error('at once');
    await expect(
      a.load(() => {
        throw error;
      }),
    ).rejects.toBe(error);
  });

  it('an invalidation ends the back-off', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    await expect(a.load(() => Promise.reject(new Error('x')))).rejects.toThrow('x');
    await b.cache.invalidate('k');
    expect(await a.load(() => 'v')).toEqual({ value: 'v', outcome: 'MISS' });
  });

  it('a stale value is served instead, within staleIfErrorMs', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const policy = { ttlMs: 1_000, staleIfErrorMs: 5_000 };
    await a.load(() => 'old', policy);
    await fleet.clock.advance(2_000);
    expect(await a.load(() => Promise.reject(new Error('x')), policy)).toEqual({ value: 'old', outcome: 'STALE' });
    expect(await a.load(never, policy)).toEqual({ value: 'old', outcome: 'STALE' });
    await fleet.clock.advance(5_000);
    await expect(a.load(() => Promise.reject(new Error('y')), policy)).rejects.toThrow('y');
  });
});

describe('deadlines and signals', () => {
  it('a loader that takes longer than loadTimeoutMs is aborted, and its late result is refused', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const late = deferred<string>();
    let signal!: AbortSignal;
    const loading = a.load((context) => {
      signal = context.signal;
      return late.promise;
    });
    const outcome = expect(loading).rejects.toBeInstanceOf(LoadTimeoutError);
    await fleet.clock.settle();
    await fleet.clock.advance(30_000);
    await outcome;
    expect(signal.reason).toBeInstanceOf(LoadTimeoutError);
    late.resolve('too late');
    await fleet.clock.advance(1_000);
    expect(await a.load(() => 'new')).toEqual({ value: 'new', outcome: 'MISS' });
  });

  it('a caller’s own signal takes only that caller out', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const value = deferred<string>();
    const leaving = new AbortController();
    const gone = a.load(() => value.promise, {}, { signal: leaving.signal });
    const staying = a.load(never);
    const rejected = expect(gone).rejects.toThrow('enough');
    await fleet.clock.settle();
    leaving.abort(new Error('enough'));
    await rejected;
    value.resolve('v');
    expect(await staying).toEqual({ value: 'v', outcome: 'WAITED' });
    expect(await a.cache.get('k')).toBe('v');
  });

  it.each([
    [false, 'v'],
    [true, undefined],
  ])('when nobody waits any more and cancelUnwatched is %s, %s is stored', async (cancelUnwatched, stored) => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const value = deferred<string>();
    const leaving = new AbortController();
    let signal!: AbortSignal;
    const gone = a.load(
      (context) => {
        signal = context.signal;
        return value.promise;
      },
      { cancelUnwatched },
      { signal: leaving.signal },
    );
    const rejected = expect(gone).rejects.toThrow();
    await fleet.clock.settle();
    leaving.abort();
    await rejected;
    expect(signal.aborted).toBe(cancelUnwatched);
    value.resolve('v');
    await fleet.clock.settle();
    expect(await a.cache.get('k')).toBe(stored);
    // Nobody is believed to be loading: the next caller begins at once.
    expect((await fleet.shared.read('k')).loading).toBe(false);
  });

  it('many loads at once are no leak of listeners', async () => {
    const a = new Fleet().instance();
    const gate = new Gate();
    const warnings: Error[] = [];
    const hear = (warning: Error): number => warnings.push(warning);
    process.on('warning', hear);
    const keys = Array.from({ length: 64 }, (_, index) => `key-${index}`);
    const loads = keys.map((key) => a.load(() => gate.pass(), {}, { key }));
    // the warning comes a turn of the loop after the loaders that cause it
    await new Promise((resolve) => setImmediate(resolve));
    await gate.arrived;
    gate.open();
    await Promise.all(loads);
    process.off('warning', hear);
    expect(warnings).toEqual([]);
  });

  it('close ends loads and waits with CacheClosedError and fires the signal', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    let signal!: AbortSignal;
    const loading = a.load((context) => {
      signal = context.signal;
      return never();
    });
    await fleet.clock.settle();
    const waiting = b.load(never);
    const both = Promise.all([
      expect(loading).rejects.toBeInstanceOf(CacheClosedError),
      expect(waiting).rejects.toBeInstanceOf(CacheClosedError),
    ]);
    await fleet.clock.settle();
    await Promise.all([a.cache.close(), b.cache.close()]);
    await both;
    expect(signal.reason).toBeInstanceOf(CacheClosedError);
    await expect(a.load(() => 'v')).rejects.toBeInstanceOf(CacheClosedError);
    await fleet.shared.close();
    expect(fleet.clock.pendingTimers).toBe(0);
  });
});

describe('a wait that runs out', () => {
  it('load: one load per process; the first to finish is stored, nobody loads again', async () => {
    const fleet = new Fleet();
    const instances = Array.from({ length: 8 }, () => fleet.instance());
    const values = instances.map(() => deferred<string>());
    let loads = 0;
    const all = instances.map((instance, i) => {
      const loader = (): Promise<string> => {
        loads++;
        return values[i]!.promise;
      };
      return Promise.all([1, 2, 3].map(() => instance.load(loader, { waitMs: 2_000 })));
    });
    await fleet.clock.settle();
    expect(loads).toBe(1);
    await fleet.clock.advance(2_000);
    expect(loads).toBe(8);
    values[5]!.resolve('five');
    await fleet.clock.settle();
    expect(await fleet.instance().cache.get('k')).toBe('five');
    for (const [i, value] of values.entries()) value.resolve(`late ${i}`);
    const answers = (await Promise.all(all)).flat();
    expect(answers.every(({ value }) => value === 'five')).toBe(true);
    expect(loads).toBe(8);
  });

  it('fail: WaitTimeoutError; the flight in the other process goes on', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    const value = deferred<string>();
    const first = a.load(() => value.promise);
    await fleet.clock.settle();
    const failing = expect(b.load(never, { waitMs: 500, onWaitTimeout: 'fail' })).rejects.toBeInstanceOf(
      WaitTimeoutError,
    );
    await fleet.clock.advance(500);
    await failing;
    value.resolve('v');
    expect((await first).value).toBe('v');
  });

  it('stale: the stale value, while the other process still loads', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    const policy = { ttlMs: 1_000, staleIfErrorMs: 60_000, waitMs: 500, onWaitTimeout: 'stale' } as const;
    await a.load(() => 'old', policy);
    await fleet.clock.advance(2_000);
    const value = deferred<string>();
    const first = a.load(() => value.promise, policy);
    await fleet.clock.settle();
    const second = b.load(never, policy);
    await fleet.clock.advance(500);
    expect(await second).toEqual({ value: 'old', outcome: 'STALE' });
    value.resolve('new');
    expect((await first).value).toBe('new');
  });

  it('a holder that dies without a trace: waiters go round once more, one of them loads', async () => {
    const fleet = new Fleet();
    const [a, b, c] = [fleet.instance(), fleet.instance(), fleet.instance()];
    const crashed = a.load(never);
    crashed.catch(() => undefined);
    await fleet.clock.settle();
    let loads = 0;
    const loader = (): string => {
      loads++;
      return 'v';
    };
    const waiting = [b.load(loader), c.load(loader)];
    await fleet.clock.settle();
    await a.cache.close(); // the lock goes, and there is no value
    await fleet.clock.advance(1_000);
    expect((await Promise.all(waiting)).map(({ value }) => value)).toEqual(['v', 'v']);
    expect(loads).toBe(1);
  });
});

describe('the lock service is away', () => {
  it('load: single-flight in this process, the lease decides who may fill, and one deadline is paid', async () => {
    const fleet = new Fleet();
    const locks = new DeadLocks();
    const a = fleet.instanceBehindBreakers(5, locks);
    const policy = { onLockUnavailable: 'load' } as const;
    expect(await a.load(() => 'v', policy)).toEqual({ value: 'v', outcome: 'MISS' });
    expect(await a.load(() => 'w', policy, { key: 'other' })).toEqual({ value: 'w', outcome: 'MISS' });
    expect(locks.asked).toBe(1);
    expect(a.events.filter(({ type }) => type === 'lock-unavailable')).toHaveLength(2);
    expect(await a.load(never)).toEqual({ value: 'v', outcome: 'HIT' });
  });

  it('fail: the lock’s error', async () => {
    const a = new Fleet().instance(new DeadLocks());
    await expect(a.load(never, { onLockUnavailable: 'fail' })).rejects.toBeInstanceOf(LockUnavailableError);
  });

  it('a loader that gives up because its lock was lost is run once more, without the lock', async () => {
    const fleet = new Fleet();
    const locks = new LosableLocks();
    const a = fleet.instance(locks);
    let loads = 0;
    const answer = a.load(({ signal }) => {
      loads++;
      if (loads === 2) return 'v';
      return new Promise<string>((_, reject) => {
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      });
    });
    await fleet.clock.settle();
    locks.lose.abort(new LockLostError('session expired'));
    expect(await answer).toEqual({ value: 'v', outcome: 'MISS' });
    expect(a.flow()).toContain('lock-lost');
    expect(await a.cache.get('k')).toBe('v');
  });
});

describe('the store is away', () => {
  it('load: shared in this process, nothing stored, no lock taken', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    a.store.down = true;
    let loads = 0;
    const value = deferred<string>();
    const callers = [1, 2, 3].map(() =>
      a.load(() => {
        loads++;
        return value.promise;
      }),
    );
    await fleet.clock.settle();
    value.resolve('v');
    expect((await Promise.all(callers)).map((answer) => answer.value)).toEqual(['v', 'v', 'v']);
    expect(loads).toBe(1);
    expect(a.flow()).not.toContain('lock-acquired');
    a.store.down = false;
    expect(await a.cache.get('k')).toBeUndefined();
  });

  it('a store that never answers costs one deadline', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    a.store.stop('before', 'read');
    const answer = a.load(() => 'v');
    await fleet.clock.advance(1_000);
    expect(await answer).toEqual({ value: 'v', outcome: 'MISS' });
    expect(a.events[0]).toMatchObject({ type: 'store-unavailable', step: 'read' });
  });

  it('fail: StoreUnavailableError', async () => {
    const a = new Fleet().instance();
    a.store.down = true;
    await expect(a.load(never, { onStoreUnavailable: 'fail' })).rejects.toBeInstanceOf(StoreUnavailableError);
  });

  it('going away between lease and fill: the value is answered all the same', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const value = deferred<string>();
    const answer = a.load(() => value.promise);
    await fleet.clock.settle();
    a.store.down = true;
    value.resolve('v');
    expect(await answer).toEqual({ value: 'v', outcome: 'MISS' });
    expect(a.flow()).toContain('store-unavailable');
  });

  it('an announcement that could not be made rejects, and the load it overtook is not stored even so', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const value = deferred<string>();
    const answer = a.load(() => value.promise);
    await fleet.clock.settle();
    a.store.down = true;
    await expect(a.cache.invalidate('k')).rejects.toBeInstanceOf(StoreUnavailableError);
    a.store.down = false;
    value.resolve('old');
    expect((await answer).value).toBe('old');
    expect(await a.cache.get('k')).toBeUndefined();
  });
});

describe('joining', () => {
  it('a load whose change this process could not announce is not joined, though its lease is still there', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const old = deferred<string>();
    const before = a.load(() => old.promise);
    await fleet.clock.settle();
    a.store.down = true;
    await expect(a.cache.invalidate('k')).rejects.toBeInstanceOf(StoreUnavailableError);
    a.store.down = false;
    expect((await a.load(() => 'new')).value).toBe('new');
    old.resolve('old');
    expect((await before).value).toBe('old');
  });

  it('a store that goes away before the begin: the lock is given back before the load, for waiters would find nothing', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const begin = a.store.stop('before', 'begin');
    const answer = a.load(async () => {
      await fleet.clock.settle();
      expect(a.flow()).toContain('lock-released');
      return 'v';
    });
    await begin.arrived;
    a.store.down = true;
    begin.open();
    expect((await answer).value).toBe('v');
  });

  it('a reader that begins after the announcement does not join the load that began before it', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    // 1. a begins to load, and reads the old row.
    const old = deferred<string>();
    const before = a.load(() => old.promise);
    await fleet.clock.settle();
    // 2. The row changes; another process announces it.
    await b.cache.invalidate('k');
    // 3. A reader begins in the loading process.
    const after = a.load(() => 'new');
    await fleet.clock.settle();
    // 4. The old load ends last.
    old.resolve('old');
    expect((await after).value).toBe('new');
    expect((await before).value).toBe('old');
    expect(await b.cache.get('k')).toBe('new');
    expect(a.flow()).toContain('flight-superseded');
  });

  it('the superseded flight gives its lock back at once, so that the next need not wait for its end', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    a.load(never).catch(() => undefined);
    await fleet.clock.settle();
    await a.cache.invalidate('k');
    expect(await b.load(() => 'new')).toEqual({ value: 'new', outcome: 'MISS' });
  });

  it('a look that was sent before the begin was answered proves nothing: it looks again, and joins', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const value = deferred<string>();
    // 1. The first caller looks and begins; 2. a second caller's look is done before the begin, its reply comes after it.
    const begun = a.store.stop('before', 'begin');
    const first = a.load(() => value.promise);
    await begun.arrived;
    const looked = a.store.stop('after', 'read');
    const second = a.load(never);
    await looked.arrived;
    begun.open();
    await fleet.clock.settle();
    looked.open();
    await fleet.clock.settle();
    value.resolve('v');
    expect((await Promise.all([first, second])).map((answer) => answer.value)).toEqual(['v', 'v']);
    expect(a.flow()).not.toContain('flight-superseded');
  });

  it('nobody joins a waiter that holds a value it has looked up before the change was announced', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    // 1. b waits for a; a fills; b's look after waking finds the value, and its reply is slow.
    const value = deferred<string>();
    const first = a.load(() => value.promise);
    await fleet.clock.settle();
    const waiting = b.load(never);
    await fleet.clock.settle();
    const lookAfterWaking = b.store.stop('after', 'read');
    value.resolve('old');
    await first;
    await lookAfterWaking.arrived;
    // 2. The change is announced. 3. A reader begins in b.
    await a.cache.invalidate('k');
    const after = b.load(() => 'new');
    await fleet.clock.settle();
    lookAfterWaking.open();
    expect((await waiting).value).toBe('old');
    expect((await after).value).toBe('new');
  });

  it('a key that changes faster than it loads has at most one superseded load beside a current one', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const loads: { resolve: (value: string) => void }[] = [];
    const loader = (): Promise<string> => {
      const load = deferred<string>();
      loads.push(load);
      return load.promise;
    };
    const answers: Promise<unknown>[] = [];
    for (let change = 0; change < 5; change++) {
      answers.push(a.load(loader));
      await fleet.clock.settle();
      await a.cache.invalidate('k');
    }
    expect(loads).toHaveLength(2);
    loads[0]!.resolve('first');
    await fleet.clock.settle();
    expect(loads).toHaveLength(3);
    loads[1]!.resolve('second');
    loads[2]!.resolve('third');
    await Promise.all(answers);
    expect(await a.cache.get('k')).toBe('third');
  });
});

describe('loaders that ask for themselves', () => {
  it('and after an invalidation of that key in the loader, which would otherwise start a load inside a load without end', async () => {
    const a = new Fleet().instance();
    const inner = a.load(async () => {
      await a.cache.invalidate('k');
      return a.load(() => 1);
    });
    await expect(inner).rejects.toBeInstanceOf(ReentrantLoadError);
  });

  it('the same key in the same chain is refused at once', async () => {
    const a = new Fleet().instance();
    await expect(a.load(() => a.load(() => 1))).rejects.toBeInstanceOf(ReentrantLoadError);
  });

  it('also after a load of another key has ended meanwhile', async () => {
    const a = new Fleet().instance();
    const inner = a.load(async () => {
      await a.load(() => 'other', {}, { key: 'other' });
      return a.load(() => 1);
    });
    await expect(inner).rejects.toBeInstanceOf(ReentrantLoadError);
  });

  it('are known by a chain that is carried while a loader runs, and not beyond the last one', async () => {
    const disable = vi.spyOn(AsyncLocalStorage.prototype, 'disable');
    onTestFinished(() => {
      disable.mockRestore();
    });
    const a = new Fleet().instance();
    const gate = new Gate();
    const slow = a.load(() => gate.pass(), {}, { key: 'slow' });
    await a.load(() => 'quick', {}, { key: 'quick' });
    expect(disable).not.toHaveBeenCalled();
    gate.open();
    await slow;
    expect(disable).toHaveBeenCalledTimes(1);
    await expect(a.load(() => Promise.reject(new Error('failed')), {}, { key: 'failing' })).rejects.toThrow('failed');
    expect(disable).toHaveBeenCalledTimes(2);
  });

  it('another key is fine', async () => {
    const a = new Fleet().instance();
    const { value } = await a.load(async () => (await a.load(() => 'inner', {}, { key: 'inner' })).value);
    expect(value).toBe('inner');
  });

  it('two loaders that wait for each other: whoever closes the ring is refused', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const gate = new Gate();
    const one = a.load(
      async () => {
        await gate.pass();
        return (await a.load(never, {}, { key: 'two' })).value;
      },
      {},
      { key: 'one' },
    );
    const two = a.load(
      async () => {
        await gate.pass();
        return (await a.load(never, {}, { key: 'one' })).value;
      },
      {},
      { key: 'two' },
    );
    await fleet.clock.settle();
    gate.open();
    const results = await Promise.allSettled([one, two]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect((results[0] as PromiseRejectedResult).reason).toBeInstanceOf(ReentrantLoadError);
  });
});

describe('stale while it is refreshed', () => {
  const policy = { ttlMs: 1_000, staleWhileRevalidateMs: 60_000 };

  it('answers at once, and one flight of the fleet refreshes in the background', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    await a.load(() => 'old', policy);
    await fleet.clock.advance(2_000);
    let loads = 0;
    const value = deferred<string>();
    const loader = (): Promise<string> => {
      loads++;
      return value.promise;
    };
    const stale = { value: 'old', outcome: 'STALE' };
    expect(await Promise.all([a.load(loader, policy), a.load(loader, policy), b.load(loader, policy)])).toEqual([
      stale,
      stale,
      stale,
    ]);
    await fleet.clock.settle();
    b.store.steps.length = 0;
    expect(await b.load(loader, policy)).toEqual(stale);
    expect(b.store.steps).toEqual(['read']); // under a live lease: no flight, no lock
    expect(loads).toBe(1);
    value.resolve('new');
    await fleet.clock.settle();
    expect(await b.load(never, policy)).toEqual({ value: 'new', outcome: 'HIT' });
  });

  it('a failing refresh is heard as an event, keeps the stale value, and is tried again after the back-off', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    await a.load(() => 'old', policy);
    await fleet.clock.advance(2_000);
    await a.load(() => Promise.reject(new Error('x')), policy);
    await fleet.clock.settle();
    expect(a.flow()).toContain('load-failed');
    expect((await a.load(never, policy)).outcome).toBe('STALE');
    await fleet.clock.advance(1_000);
    expect((await a.load(() => 'new', policy)).outcome).toBe('STALE');
    await fleet.clock.settle();
    expect(await a.load(never, policy)).toEqual({ value: 'new', outcome: 'HIT' });
  });

  it('after an announced change nothing stale is served', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    await a.load(() => 'old', policy);
    await fleet.clock.advance(2_000);
    await a.cache.invalidate('k');
    expect(await a.load(() => 'new', policy)).toEqual({ value: 'new', outcome: 'MISS' });
  });
});

describe('versions', () => {
  const version = (order: bigint) => ({ kind: 'version', order });

  it('an older row never replaces a newer one; the refusal is an event, and no queue for the lock', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    await a.cache.invalidate('k', { version: version(7n) });
    expect((await a.load(() => 'lagging', {}, { version: version(6n) })).value).toBe('lagging');
    expect(a.events).toContainEqual({
      type: 'version-regressed',
      key: 'k',
      version: version(6n),
      floor: version(7n),
    });
    expect(await b.cache.get('k')).toBeUndefined();
    await b.load(() => 'current', {}, { version: version(7n) });
    expect(b.flow()).not.toContain('lock-acquired');
    expect(await a.cache.get('k')).toBe('current');
  });

  it('set stores over a lower version and invalidates otherwise', async () => {
    const a = new Fleet().instance();
    const lifetime = { ttlMs: POLICY.ttlMs, keepStaleMs: 0 };
    expect(await a.cache.set('k', { value: 'one', version: version(1n), lifetime })).toBe('invalidated');
    await a.load(() => 'one', {}, { version: version(1n) });
    expect(await a.cache.set('k', { value: 'two', version: version(2n), lifetime })).toBe('stored');
    expect(await a.cache.get('k')).toBe('two');
    expect(await a.cache.set('k', { value: 'again', version: version(2n), lifetime })).toBe('invalidated');
    expect(await a.cache.get('k')).toBeUndefined();
  });

  it('clear supersedes what is under way', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const value = deferred<string>();
    const answer = a.load(() => value.promise);
    await fleet.clock.settle();
    await a.cache.clear();
    value.resolve('old');
    await answer;
    expect(await a.cache.get('k')).toBeUndefined();
  });
});
