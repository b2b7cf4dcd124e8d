import { describe, expect, it } from 'vitest';
import type { CacheEvent } from '../../../lib/core/cache-event.js';
import { LockUnavailableError, SharedLoadError, WaitTimeoutError } from '../../../lib/core/errors.js';
import { LOADING_MS } from '../../../lib/core/load-claim.js';
import type { LoadPolicy } from '../../../lib/core/load-policy.js';
import type { LockProvider } from '../../../lib/core/lock-provider.js';
import { InProcessLockProvider } from '../../../lib/locks/in-process-lock-provider.js';
import { InProcessLockTable } from '../../../lib/locks/in-process-lock-table.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';
import { makeInstance, type Instance } from '../../support/fleet.js';
import { deferred } from '../../support/gate.js';
import { CutLocks } from '../../support/lock-outages.js';
import { TellingStore } from '../../support/telling-store.js';

const never = (): Promise<never> => new Promise(() => undefined);

/** Instances over one store, whose lock service is away; `locks` is the one of the instance made last. */
class Outage {
  readonly clock = new ManualClock();
  readonly store = new TellingStore({ clock: this.clock, maxEntries: 100 });
  private readonly table = new InProcessLockTable();
  loads = 0;

  locks(up = false): CutLocks {
    return new CutLocks(new InProcessLockProvider({ clock: this.clock, table: this.table }), up);
  }

  instance(locks: LockProvider = this.locks()): Instance {
    return makeInstance({ store: this.store, locks, clock: this.clock });
  }

  /** A loader that is counted and that the test ends. */
  loader(): { load: () => Promise<string>; end: ReturnType<typeof deferred<string>> } {
    const end = deferred<string>();
    return {
      end,
      load: () => {
        this.loads++;
        return end.promise;
      },
    };
  }
}

function of<Type extends CacheEvent['type']>({ events }: Instance, type: Type): Extract<CacheEvent, { type: Type }>[] {
  return events.filter((event): event is Extract<CacheEvent, { type: Type }> => event.type === type);
}

function startedBy(instance: Instance): [under: string, because: string | undefined][] {
  return of(instance, 'load-started').map(({ under, because }) => [under, because]);
}

describe('the lease as the lock', () => {
  it('one load for all instances and their callers; the others are told its end', async () => {
    const outage = new Outage();
    const instances = [1, 2, 3, 4].map(() => outage.instance());
    const { load, end } = outage.loader();
    const answers = instances.flatMap((instance) => [1, 2, 3].map(() => instance.load(load)));
    await outage.clock.settle();
    expect(outage.loads).toBe(1);
    end.resolve('v');
    // Not a millisecond passes: nobody has to look by itself.
    expect((await Promise.all(answers)).map(({ value }) => value)).toEqual(Array.from({ length: 12 }, () => 'v'));
    expect(outage.loads).toBe(1);
    expect(instances.flatMap(startedBy)).toEqual([['lease', 'lock-unavailable']]);
    expect(instances.flatMap((instance) => of(instance, 'lease-waited').map(({ reason }) => reason))).toEqual([
      'told',
      'told',
      'told',
    ]);
    expect(outage.store.listened).toBe(0);
  });

  it('a load fails whose error is not shared: who waits, and who comes next, loads at once', async () => {
    const outage = new Outage();
    const [a, b] = [outage.instance(), outage.instance()];
    const { load, end } = outage.loader();
    const first = a.load(load, { failureBackoffMs: 0 });
    await outage.clock.settle();
    const second = b.load(() => Promise.reject(new Error('b')), { failureBackoffMs: 0 });
    await outage.clock.settle();
    const refused = [expect(first).rejects.toThrow('a'), expect(second).rejects.toThrow('b')];
    end.reject(new Error('a'));
    // Not a millisecond passes: nobody has to be taken for dead first.
    await Promise.all(refused);
    expect(await a.load(() => 'v')).toEqual({ value: 'v', outcome: 'MISS' });
  });

  it.each([
    ['is lost', true],
    ['cannot be heard at all', false],
  ])('the message %s: a look finds the value', async (_what, live) => {
    const outage = new Outage();
    outage.store.live = live;
    outage.store.deliver = () => undefined;
    const [a, b] = [outage.instance(), outage.instance()];
    const { load, end } = outage.loader();
    const first = a.load(load);
    await outage.clock.settle();
    const second = b.load(never);
    await outage.clock.settle();
    end.resolve('v');
    await first;
    await outage.clock.advance(live ? 700 : 100);
    expect(await second).toEqual({ value: 'v', outcome: 'WAITED' });
    expect(of(b, 'lease-waited').map(({ reason }) => reason)).toEqual(['looked']);
  });

  it('the load ends between the answer to the begin and the wait: heard all the same', async () => {
    const outage = new Outage();
    const [a, b] = [outage.instance(), outage.instance()];
    const { load, end } = outage.loader();
    const first = a.load(load);
    await outage.clock.settle();
    // 1. b finds a loading; 2. a fills, and its message is sent; 3. b has the answer, and waits.
    const reply = b.store.stop('after', 'begin');
    const second = b.load(never);
    await reply.arrived;
    end.resolve('v');
    await first;
    reply.open();
    expect(await second).toEqual({ value: 'v', outcome: 'WAITED' });
  });

  it('an instance looks at the store less and less often, and seldom where it is told', async () => {
    const reads = async (live: boolean): Promise<number> => {
      const outage = new Outage();
      outage.store.live = live;
      const [a, b] = [outage.instance(), outage.instance()];
      const { load, end } = outage.loader();
      const first = a.load(load);
      await outage.clock.settle();
      const second = b.load(never);
      await outage.clock.advance(10_000);
      const steps = b.store.steps.filter((step) => step === 'read').length;
      expect(b.store.steps.filter((step) => step === 'begin')).toHaveLength(1);
      end.resolve('v');
      await Promise.all([first, second]);
      return steps;
    };
    expect(await reads(true)).toBeLessThanOrEqual(28);
    const alone = await reads(false);
    expect(alone).toBeGreaterThan(20);
    expect(alone).toBeLessThanOrEqual(36);
  });

  it('a load that goes on says so, however long it takes; a short one costs no further request', async () => {
    const outage = new Outage();
    const [a, b] = [outage.instance(), outage.instance()];
    const { load, end } = outage.loader();
    const first = a.load(load);
    await outage.clock.settle();
    const second = b.load(never);
    await outage.clock.advance(25_000);
    expect(outage.loads).toBe(1);
    expect(a.store.steps.filter((step) => step === 'renew')).toHaveLength(12);
    end.resolve('v');
    await first;
    expect(await second).toEqual({ value: 'v', outcome: 'WAITED' });
    await a.load(() => 'w', {}, { key: 'quick' });
    expect(a.store.steps.filter((step) => step === 'renew')).toHaveLength(12);
    expect(outage.loads).toBe(1);
  });

  it('a loader that dies without a trace is waited for until its word is over; then one of the others loads', async () => {
    const outage = new Outage();
    const [b, c] = [outage.instance(), outage.instance()];
    // What a crashed process has left: its begin, and nobody who renews it.
    await outage.store.begin('k', { lease: 'dead', leaseMs: 31_000, loadingMs: LOADING_MS });
    const { load, end } = outage.loader();
    const waiting = [b.load(load), c.load(load)];
    await outage.clock.advance(LOADING_MS - 1);
    expect(outage.loads).toBe(0);
    await outage.clock.advance(700);
    expect(outage.loads).toBe(1);
    end.resolve('v');
    expect((await Promise.all(waiting)).map(({ value }) => value)).toEqual(['v', 'v']);
    expect(outage.loads).toBe(1);
  });

  it('a loader that stood still for longer finds another at work: two loads, the first to finish is stored', async () => {
    const outage = new Outage();
    const [a, b] = [outage.instance(), outage.instance()];
    const old = outage.loader();
    const first = a.load(old.load);
    await outage.clock.settle();
    // None of its words gets through.
    a.store.refused = 'renew';
    const fresh = outage.loader();
    const second = b.load(fresh.load);
    await outage.clock.advance(LOADING_MS + 700);
    expect(outage.loads).toBe(2);
    fresh.end.resolve('fresh');
    expect((await second).value).toBe('fresh');
    old.end.resolve('old');
    expect((await first).value).toBe('fresh');
    expect(await b.cache.get('k')).toBe('fresh');
    expect(outage.loads).toBe(2);
  });

  it('the waiters of a load that failed get its error, and nobody loads again', async () => {
    const outage = new Outage();
    const [a, b, c] = [outage.instance(), outage.instance(), outage.instance()];
    const { load, end } = outage.loader();
    const failed = expect(a.load(load)).rejects.toThrow('no such row');
    await outage.clock.settle();
    const shared = [b, c].map((each) => expect(each.load(load)).rejects.toBeInstanceOf(SharedLoadError));
    await outage.clock.settle();
    end.reject(new Error('no such row'));
    await failed;
    await Promise.all(shared);
    expect(outage.loads).toBe(1);
  });

  it('the waiters of a load that could not be stored load at once, each process once', async () => {
    const outage = new Outage();
    const [a, b, c] = [outage.instance(), outage.instance(), outage.instance()];
    const { load, end } = outage.loader();
    const policy = { maxValueBytes: 1 };
    const first = a.load(load, policy);
    await outage.clock.settle();
    const others = [b, c].map((each) => Promise.all([each.load(load, policy), each.load(load, policy)]));
    await outage.clock.settle();
    end.resolve('too large');
    await first;
    await Promise.all(others);
    expect(outage.loads).toBe(3);
    expect([b, c].flatMap(startedBy)).toEqual([
      ['none', 'unstored'],
      ['none', 'unstored'],
    ]);
  });

  it('a change announced while it is waited for: its waiters get the new row, by one more load', async () => {
    const outage = new Outage();
    const [a, b, c] = [outage.instance(), outage.instance(), outage.instance()];
    const old = outage.loader();
    const first = a.load(old.load);
    await outage.clock.settle();
    const fresh = outage.loader();
    const others = [b.load(fresh.load), c.load(fresh.load)];
    await outage.clock.settle();
    await c.cache.invalidate('k');
    await outage.clock.settle();
    fresh.end.resolve('new');
    expect((await Promise.all(others)).map(({ value }) => value)).toEqual(['new', 'new']);
    old.end.resolve('old');
    expect((await first).value).toBe('new');
    expect(await a.cache.get('k')).toBe('new');
    expect(outage.loads).toBe(2);
  });

  it('two loads in turn that leave nothing: whoever waited for both loads at once', async () => {
    const outage = new Outage();
    const c = outage.instance();
    const { load, end } = outage.loader();
    await outage.store.begin('k', { lease: 'one', leaseMs: 31_000 });
    const waiting = c.load(load);
    await outage.clock.settle();
    for (const lease of ['two', 'three']) {
      // 1. The one that is waited for is over; 2. before the waiter's begin arrives another has begun.
      const begin = c.store.stop('before', 'begin');
      await outage.store.invalidate('k', { floorMs: 60_000 });
      await begin.arrived;
      await outage.store.begin('k', { lease, leaseMs: 31_000 });
      begin.open();
      await outage.clock.settle();
    }
    expect(outage.loads).toBe(1);
    expect(startedBy(c)).toEqual([['none', 'nothing-came']]);
    end.resolve('v');
    expect((await waiting).value).toBe('v');
  });

  it('the store goes away while it is waited for: each process loads once', async () => {
    const outage = new Outage();
    const [a, b] = [outage.instance(), outage.instance()];
    const slow = outage.loader();
    const first = a.load(slow.load);
    await outage.clock.settle();
    const { load, end } = outage.loader();
    const second = [b.load(load), b.load(load)];
    await outage.clock.settle();
    b.store.down = true;
    await outage.clock.advance(700);
    end.resolve('v');
    expect((await Promise.all(second)).map(({ value }) => value)).toEqual(['v', 'v']);
    expect(startedBy(b)).toEqual([['none', 'store-unavailable']]);
    slow.end.resolve('w');
    await first;
    expect(outage.loads).toBe(2);
  });

  it('a caller that leaves ends the wait, and nothing is left behind', async () => {
    const outage = new Outage();
    const [a, b] = [outage.instance(), outage.instance()];
    const { load, end } = outage.loader();
    const first = a.load(load);
    await outage.clock.settle();
    const leaving = new AbortController();
    const gone = expect(b.load(never, {}, { signal: leaving.signal })).rejects.toThrow('went home');
    await outage.clock.settle();
    expect(outage.store.listened).toBe(1);
    leaving.abort(new Error('went home'));
    await gone;
    await outage.clock.settle();
    expect(outage.store.listened).toBe(0);
    end.resolve('v');
    await first;
    await outage.store.close();
    expect(outage.clock.pendingTimers).toBe(0);
  });

  it('who waits holds no slot of the load limit, and takes one again before it loads', async () => {
    const outage = new Outage();
    const b = makeInstance({
      ...{ store: outage.store, locks: outage.locks(), clock: outage.clock },
      limits: { maxConcurrentLoads: 1, maxQueuedLoads: 10 },
    });
    await outage.store.begin('k', { lease: 'elsewhere', leaseMs: 31_000 });
    const { load, end } = outage.loader();
    const waiting = b.load(load);
    await outage.clock.settle();
    // 1. The wait has left its slot: another key may load; 2. what is waited for ends without a value; 3. the slot is taken, so nobody begins.
    const other = outage.loader();
    const loading = b.load(other.load, {}, { key: 'other' });
    await outage.clock.settle();
    expect(outage.loads).toBe(1);
    await outage.store.invalidate('k', { floorMs: 60_000 });
    await outage.clock.settle();
    expect((await outage.store.read('k')).loading).toBe(false);
    other.end.resolve('v');
    await loading;
    await outage.clock.settle();
    expect(outage.loads).toBe(2);
    end.resolve('w');
    expect((await waiting).value).toBe('w');
  });

  it('closing the cache ends the wait', async () => {
    const outage = new Outage();
    const b = outage.instance();
    await outage.store.begin('k', { lease: 'elsewhere', leaseMs: 31_000 });
    const closed = expect(b.load(never)).rejects.toMatchObject({ code: 'ERR_CACHE_CLOSED' });
    await outage.clock.settle();
    await b.cache.close();
    await closed;
    expect(outage.store.listened).toBe(0);
  });

  it('a refresh in the background has nothing to do where another loads', async () => {
    const outage = new Outage();
    const [a, b] = [outage.instance(), outage.instance()];
    const policy = { ttlMs: 1_000, staleWhileRevalidateMs: 60_000 };
    await a.load(() => 'old', policy);
    await outage.clock.advance(2_000);
    const { load, end } = outage.loader();
    const [left, right] = [a.store.stop('before', 'begin'), b.store.stop('before', 'begin')];
    expect((await a.load(load, policy)).value).toBe('old');
    expect((await b.load(load, policy)).value).toBe('old');
    await Promise.all([left.arrived, right.arrived]);
    left.open();
    await outage.clock.settle();
    right.open();
    await outage.clock.settle();
    expect(outage.loads).toBe(1);
    expect(of(b, 'lease-busy')).toEqual([]);
    end.resolve('new');
    await outage.clock.settle();
    expect(await b.load(never, policy)).toEqual({ value: 'new', outcome: 'HIT' });
  });
});

describe('the lock service comes and goes', () => {
  it('it is back for one instance while another loads by the lease: two loads at most, and the first to finish is stored', async () => {
    const outage = new Outage();
    const locks = outage.locks();
    const [a, b, c] = [outage.instance(), outage.instance(locks), outage.instance()];
    const byLease = outage.loader();
    const first = a.load(byLease.load);
    await outage.clock.settle();
    const waiting = c.load(never);
    locks.comeBack();
    const byLock = outage.loader();
    const second = b.load(byLock.load);
    await outage.clock.settle();
    expect([startedBy(a), startedBy(b)]).toEqual([[['lease', 'lock-unavailable']], [['lock', undefined]]]);
    byLock.end.resolve('by lock');
    expect((await second).value).toBe('by lock');
    expect((await waiting).value).toBe('by lock');
    byLease.end.resolve('by lease');
    expect((await first).value).toBe('by lock');
    expect(await c.cache.get('k')).toBe('by lock');
    expect(outage.loads).toBe(2);
  });

  it('it goes away while it is waited for: the wait goes on by the lease, for the same load', async () => {
    const outage = new Outage();
    const [mine, theirs] = [outage.locks(true), outage.locks(true)];
    const [a, b] = [outage.instance(mine), outage.instance(theirs)];
    const { load, end } = outage.loader();
    const first = a.load(load);
    await outage.clock.settle();
    const busy = theirs.tryAcquire.bind(theirs);
    theirs.tryAcquire = async (key, options) => {
      const attempt = await busy(key, options);
      return attempt.acquired
        ? attempt
        : {
            ...attempt,
            dispose: () => {
              attempt.dispose();
            },
            wait: () => Promise.resolve('contact-lost'),
          };
    };
    const second = b.load(load);
    await outage.clock.settle();
    expect(of(b, 'lease-busy')).toHaveLength(1);
    end.resolve('v');
    await first;
    expect(await second).toEqual({ value: 'v', outcome: 'WAITED' });
    expect(outage.loads).toBe(1);
  });

  /** A loader that gives up when its lock is lost, and does better the second time. */
  const givingUp = (outage: Outage): (({ signal }: { signal: AbortSignal }) => Promise<string>) => {
    let runs = 0;
    return ({ signal }) => {
      outage.loads++;
      if (++runs > 1) return Promise.resolve('second');
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      });
    };
  };

  it('the lock is lost and the loader gives up: it loads once more, under the lease', async () => {
    const outage = new Outage();
    const locks = outage.locks(true);
    const a = outage.instance(locks);
    const answer = a.load(givingUp(outage));
    await outage.clock.settle();
    locks.cut();
    expect((await answer).value).toBe('second');
    expect(startedBy(a)).toEqual([
      ['lock', undefined],
      ['lease', 'lock-lost'],
    ]);
    expect(await a.cache.get('k')).toBe('second');
  });

  it('a change is announced before the loader has given up: its callers get no error all the same, and what is read then is stored', async () => {
    const outage = new Outage();
    const locks = outage.locks(true);
    const a = outage.instance(locks);
    const givesUp = deferred<never>();
    const answer = a.load(({ signal }) =>
      outage.loads++ > 0 ? 'second' : givesUp.promise.catch(() => Promise.reject(signal.reason as Error)),
    );
    await outage.clock.settle();
    locks.cut();
    await a.cache.invalidate('k');
    givesUp.reject(new Error('rolled back'));
    expect((await answer).value).toBe('second');
    expect(await a.cache.get('k')).toBe('second');
  });

  it('or another has begun meanwhile: it waits for that one', async () => {
    const outage = new Outage();
    const locks = outage.locks(true);
    const [a, b] = [outage.instance(locks), outage.instance()];
    const answer = a.load(givingUp(outage));
    await outage.clock.settle();
    const { load, end } = outage.loader();
    const other = b.load(load);
    await outage.clock.settle();
    const again = a.store.stop('before', 'begin');
    locks.cut();
    await again.arrived;
    await outage.clock.settle();
    again.open();
    await outage.clock.settle();
    end.resolve('of the other');
    expect((await answer).value).toBe('of the other');
    expect((await other).value).toBe('of the other');
    expect(outage.loads).toBe(2);
  });

  it('load: once more at once, beside whoever loads', async () => {
    const outage = new Outage();
    const locks = outage.locks(true);
    const a = outage.instance(locks);
    const answer = a.load(givingUp(outage), { onLockUnavailable: 'load' });
    await outage.clock.settle();
    locks.cut();
    expect((await answer).value).toBe('second');
    expect(startedBy(a)[1]).toEqual(['none', 'lock-lost']);
  });

  it('fail: the reason, and nobody is kept from loading', async () => {
    const outage = new Outage();
    const locks = outage.locks(true);
    const [a, b] = [outage.instance(locks), outage.instance()];
    const failed = expect(a.load(givingUp(outage), { onLockUnavailable: 'fail' })).rejects.toMatchObject({
      code: 'ERR_CACHE_LOCK_LOST',
    });
    await outage.clock.settle();
    locks.cut();
    await failed;
    expect((await b.load(() => 'v')).value).toBe('v');
  });
});

describe('the other policies while the lock service is away', () => {
  it('load: each process loads once', async () => {
    const outage = new Outage();
    const instances = [outage.instance(), outage.instance()];
    const { load, end } = outage.loader();
    const policy = { onLockUnavailable: 'load' } as const;
    const answers = instances.flatMap((instance) => [instance.load(load, policy), instance.load(load, policy)]);
    await outage.clock.settle();
    expect(outage.loads).toBe(2);
    end.resolve('v');
    await Promise.all(answers);
    expect(instances.flatMap(startedBy)).toEqual([
      ['none', 'lock-unavailable'],
      ['none', 'lock-unavailable'],
    ]);
  });

  it('fail: LockUnavailableError, and no load', async () => {
    const outage = new Outage();
    const { load } = outage.loader();
    await expect(outage.instance().load(load, { onLockUnavailable: 'fail' })).rejects.toBeInstanceOf(
      LockUnavailableError,
    );
    expect(outage.loads).toBe(0);
  });

  const STALE: Partial<LoadPolicy> = { ttlMs: 1_000, staleIfErrorMs: 60_000, onLockUnavailable: 'stale' };

  it('stale: everybody gets the stale value at once, and one process refreshes it by the lease', async () => {
    const outage = new Outage();
    const [a, b] = [outage.instance(), outage.instance()];
    await a.load(() => 'old', STALE);
    await outage.clock.advance(2_000);
    const { load, end } = outage.loader();
    const stale = { value: 'old', outcome: 'STALE' };
    expect(await Promise.all([a, a, b, b].map((each) => each.load(load, STALE)))).toEqual([stale, stale, stale, stale]);
    expect(of(a, 'stale-hit').map(({ because }) => because)).toEqual(['lock-unavailable', 'lock-unavailable']);
    await outage.clock.settle();
    expect(await b.load(load, STALE)).toEqual(stale);
    expect(outage.loads).toBe(1);
    end.resolve('new');
    await outage.clock.settle();
    expect(await b.load(never, STALE)).toEqual({ value: 'new', outcome: 'HIT' });
  });

  it('stale: where there is none it is as lease', async () => {
    const outage = new Outage();
    const [a, b] = [outage.instance(), outage.instance()];
    const { load, end } = outage.loader();
    const answers = [a.load(load, STALE), b.load(load, STALE)];
    await outage.clock.settle();
    expect(outage.loads).toBe(1);
    end.resolve('v');
    expect((await Promise.all(answers)).map(({ value }) => value)).toEqual(['v', 'v']);
  });

  it('stale: a value that a change has outdated is not served', async () => {
    const outage = new Outage();
    const a = outage.instance();
    await a.load(() => 'old', STALE);
    await outage.clock.advance(2_000);
    await a.cache.invalidate('k');
    expect(await a.load(() => 'new', STALE)).toEqual({ value: 'new', outcome: 'MISS' });
  });
});

describe('the wait runs out', () => {
  it('by the lease: each process loads once, and says why', async () => {
    const outage = new Outage();
    const instances = [1, 2, 3].map(() => outage.instance());
    const { load, end } = outage.loader();
    const policy = { waitMs: 500 };
    const answers = instances.flatMap((instance) => [instance.load(load, policy), instance.load(load, policy)]);
    await outage.clock.advance(500);
    expect(outage.loads).toBe(3);
    expect(instances.flatMap(startedBy)).toEqual([
      ['lease', 'lock-unavailable'],
      ['none', 'wait-ran-out'],
      ['none', 'wait-ran-out'],
    ]);
    expect(of(instances[1]!, 'wait-timeout').map(({ then }) => then)).toEqual(['load', 'load']);
    expect(of(instances[1]!, 'lease-waited').map(({ reason }) => reason)).toEqual(['given-up']);
    end.resolve('v');
    expect(new Set((await Promise.all(answers)).map(({ value }) => value))).toEqual(new Set(['v']));
    expect(outage.loads).toBe(3);
  });

  it('by the lease, fail: WaitTimeoutError', async () => {
    const outage = new Outage();
    const b = outage.instance();
    await outage.store.begin('k', { lease: 'elsewhere', leaseMs: 31_000 });
    const failed = expect(b.load(never, { waitMs: 500, onWaitTimeout: 'fail' })).rejects.toBeInstanceOf(
      WaitTimeoutError,
    );
    await outage.clock.advance(500);
    await failed;
    expect(of(b, 'wait-timeout').map(({ then }) => then)).toEqual(['fail']);
    await outage.clock.settle();
    expect(outage.store.listened).toBe(0);
  });

  it('by the lease, stale: the value that its own look has shown', async () => {
    const outage = new Outage();
    const b = outage.instance();
    const policy = { ttlMs: 1_000, staleIfErrorMs: 60_000, waitMs: 500, onWaitTimeout: 'stale' } as const;
    await b.load(() => 'old', policy);
    await outage.clock.advance(2_000);
    await outage.store.begin('k', { lease: 'elsewhere', leaseMs: 31_000 });
    const answer = b.load(never, policy);
    await outage.clock.advance(500);
    expect(await answer).toEqual({ value: 'old', outcome: 'STALE' });
    expect(of(b, 'wait-timeout').map(({ then }) => then)).toEqual(['stale']);
  });

  it('by the lock: once more at the lock, which is free now, and the others go on waiting for one load', async () => {
    const outage = new Outage();
    const table = new InProcessLockTable();
    const holder = new InProcessLockProvider({ clock: outage.clock, table });
    const [b, c] = [1, 2].map(() => outage.instance(new InProcessLockProvider({ clock: outage.clock, table })));
    // The holder has the lock, and has died before its begin: nobody has ever told the store.
    const lock = await holder.tryAcquire('k', { timeoutMs: 1_000 });
    const { load, end } = outage.loader();
    const first = b!.load(load, { waitMs: 500 });
    await outage.clock.settle();
    const look = b!.store.stop('after', 'read');
    await outage.clock.advance(500);
    await look.arrived;
    // 1. b's wait has run out, its last look is under way; 2. the lock is given up; 3. b takes it.
    if (lock.acquired) await lock.release();
    look.open();
    await outage.clock.settle();
    const second = c!.load(load);
    await outage.clock.settle();
    expect(startedBy(b!)).toEqual([['lock', undefined]]);
    expect(of(c!, 'lock-busy')).toHaveLength(1);
    end.resolve('v');
    expect((await first).value).toBe('v');
    expect((await second).value).toBe('v');
    expect(outage.loads).toBe(1);
  });

  it('by the lock, which is still held: one load beside it', async () => {
    const outage = new Outage();
    const table = new InProcessLockTable();
    const [a, b] = [1, 2].map(() => outage.instance(new InProcessLockProvider({ clock: outage.clock, table })));
    const { load, end } = outage.loader();
    const first = a!.load(load);
    await outage.clock.settle();
    const second = b!.load(load, { waitMs: 500 });
    await outage.clock.advance(500);
    expect(startedBy(b!)).toEqual([['none', 'wait-ran-out']]);
    end.resolve('v');
    await Promise.all([first, second]);
  });
});

describe('a store of an application’s own, without renew and listen', () => {
  it('one load all the same, found by looking; a dead loader is waited for as long as its lease lives', async () => {
    const outage = new Outage();
    const plain = (): Instance => {
      const instance = outage.instance();
      Object.assign(instance.store, { renew: undefined, listen: undefined });
      return instance;
    };
    const [a, b] = [plain(), plain()];
    const { load, end } = outage.loader();
    const first = a.load(load);
    await outage.clock.settle();
    const second = b.load(load);
    await outage.clock.advance(20_000);
    expect(outage.loads).toBe(1);
    end.resolve('v');
    await first;
    await outage.clock.advance(700);
    expect((await second).value).toBe('v');
    await outage.store.begin('dead', { lease: 'dead', leaseMs: 31_000 });
    const late = b.load(() => 'w', { waitMs: 60_000 }, { key: 'dead' });
    await outage.clock.advance(30_000);
    expect(of(b, 'load-started')).toEqual([]);
    await outage.clock.advance(2_000);
    expect((await late).value).toBe('w');
  });

  it('one whose listening throws is looked at', async () => {
    const outage = new Outage();
    outage.store.listen = () => {
      throw new Error('no messages today');
    };
    const [a, b] = [outage.instance(), outage.instance()];
    const { load, end } = outage.loader();
    const answers = [a.load(load), b.load(load)];
    await outage.clock.settle();
    end.resolve('v');
    await outage.clock.advance(100);
    expect((await Promise.all(answers)).map(({ value }) => value)).toEqual(['v', 'v']);
    expect(outage.loads).toBe(1);
  });
});
