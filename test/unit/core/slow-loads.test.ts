import { describe, expect, it, onTestFinished } from 'vitest';
import { LoadTimeoutError, SharedLoadError, WaitTimeoutError } from '../../../lib/core/errors.js';
import { Fleet, type Instance } from '../../support/fleet.js';
import { deferred } from '../../support/gate.js';

const never = (): Promise<never> => new Promise(() => undefined);
const policy = { ttlMs: 1_000, staleIfErrorMs: 60_000, softLoadTimeoutMs: 500 };
const stale = { value: 'old', outcome: 'STALE' };

/** An instance whose key `k` holds a value that is past its ttl, and how often a timer waits when nothing is under way. */
async function withStaleValue(fleet = new Fleet()): Promise<{ fleet: Fleet; a: Instance; idleTimers: number }> {
  const a = fleet.instance();
  await a.load(() => 'old', policy);
  await fleet.clock.advance(2_000);
  a.events.length = 0;
  return { fleet, a, idleTimers: fleet.clock.pendingTimers };
}

describe('a load that is slower than softLoadTimeoutMs', () => {
  it('lets its callers have the stale value, and goes on and is stored', async () => {
    const { a, fleet, idleTimers } = await withStaleValue();
    const value = deferred<string>();
    const callers = [a.load(() => value.promise, policy), a.load(never, policy)];
    await fleet.clock.advance(499);
    expect(a.flow()).not.toContain('stale-hit');
    await fleet.clock.advance(1);
    expect(await Promise.all(callers)).toEqual([stale, stale]);
    expect(a.events.filter(({ type }) => type === 'stale-hit')).toEqual([
      { type: 'stale-hit', key: 'k', because: 'load-slow' },
      { type: 'stale-hit', key: 'k', because: 'load-slow' },
    ]);
    value.resolve('new');
    await fleet.clock.settle();
    expect(await a.load(never, policy)).toEqual({ value: 'new', outcome: 'HIT' });
    expect(fleet.clock.pendingTimers).toBe(idleTimers);
  });

  it('goes on though nobody watches it and cancelUnwatched is set: the next callers count on it', async () => {
    const { a, fleet } = await withStaleValue();
    const value = deferred<string>();
    let signal!: AbortSignal;
    const caller = a.load(
      (context) => {
        signal = context.signal;
        return value.promise;
      },
      { ...policy, cancelUnwatched: true },
    );
    await fleet.clock.advance(500);
    expect(await caller).toEqual(stale);
    expect(signal.aborted).toBe(false);
    value.resolve('new');
    await fleet.clock.settle();
    expect(await a.cache.get('k')).toBe('new');
  });

  it('goes on also when it had not begun to load when its last caller went home', async () => {
    const { a, fleet } = await withStaleValue();
    const begin = a.store.stop('before', 'begin');
    const caller = a.load(() => 'new', policy);
    await begin.arrived;
    await fleet.clock.advance(500);
    expect(await caller).toEqual(stale);
    begin.open();
    await fleet.clock.settle();
    expect(await a.cache.get('k')).toBe('new');
  });

  it('counts for a load in another process too', async () => {
    const { a, fleet } = await withStaleValue();
    const b = fleet.instance();
    const value = deferred<string>();
    const first = a.load(() => value.promise, { ...policy, softLoadTimeoutMs: 30_000 });
    await fleet.clock.settle();
    const second = b.load(never, policy);
    await fleet.clock.advance(500);
    expect(await second).toEqual(stale);
    expect(b.flow()).toEqual(['miss', 'lock-busy', 'stale-hit']);
    value.resolve('new');
    expect(await first).toEqual({ value: 'new', outcome: 'MISS' });
  });

  it('is waited for where there is no stale value, or one beyond staleIfErrorMs', async () => {
    const { a, fleet } = await withStaleValue();
    const values = [deferred<string>(), deferred<string>()];
    const cold = a.load(() => values[0]!.promise, policy, { key: 'cold' });
    const tooOld = a.load(() => values[1]!.promise, { ...policy, staleIfErrorMs: 1_000 });
    await fleet.clock.advance(5_000);
    for (const value of values) value.resolve('new');
    expect(await Promise.all([cold, tooOld])).toEqual([
      { value: 'new', outcome: 'MISS' },
      { value: 'new', outcome: 'MISS' },
    ]);
  });

  it('does not serve what was announced as changed before the caller began', async () => {
    const { a, fleet } = await withStaleValue();
    const value = deferred<string>();
    // 1. A caller goes home with the stale value; 2. the row changes, which is announced; 3. the next caller has nothing stale to go home with.
    const before = a.load(() => value.promise, policy);
    await fleet.clock.advance(500);
    expect(await before).toEqual(stale);
    await a.cache.invalidate('k');
    const after = deferred<string>();
    const next = a.load(() => after.promise, { ...policy, ttlMs: 60_000 });
    await fleet.clock.advance(5_000);
    after.resolve('new');
    expect(await next).toEqual({ value: 'new', outcome: 'MISS' });
    value.resolve('what the overtaken load had read');
    await fleet.clock.settle();
    expect(await a.cache.get('k')).toBe('new');
  });
});

describe('a load that is slower than loadTimeoutMs', () => {
  /** Loads that never end by themselves, and what becomes of them. */
  function hanging(caller: Instance, more: object = {}) {
    const late = deferred<string>();
    let signal!: AbortSignal;
    const answer = caller.load((context) => {
      signal = context.signal;
      return late.promise;
    }, more);
    answer.catch(() => undefined);
    return { answer, late, signal: () => signal };
  }

  it('fires its signal, and every caller gets the LoadTimeoutError: that of its own process, or word of it', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    const { answer, signal } = hanging(a);
    await fleet.clock.settle();
    const joined = a.load(never);
    const elsewhere = b.load(never);
    const outcomes = Promise.allSettled([answer, joined, elsewhere]);
    await fleet.clock.advance(29_999);
    expect(signal().aborted).toBe(false);
    await fleet.clock.advance(1);
    const [first, second, third] = (await outcomes) as PromiseRejectedResult[];
    expect(signal().reason).toBeInstanceOf(LoadTimeoutError);
    expect(first!.reason).toBe(signal().reason);
    expect(second!.reason).toBe(signal().reason);
    expect(third!.reason).toBeInstanceOf(SharedLoadError);
    expect((third!.reason as SharedLoadError).cause).toMatchObject({ code: 'ERR_CACHE_LOAD_TIMEOUT' });
  });

  it('is never stored, however late its result comes: not over nothing, and not over what was loaded since', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const first = hanging(a);
    await fleet.clock.advance(30_000);
    await expect(first.answer).rejects.toBeInstanceOf(LoadTimeoutError);
    const steps = a.store.steps.length;
    first.late.resolve('too late');
    await fleet.clock.settle();
    expect(a.store.steps).toHaveLength(steps);
    expect(await a.cache.get('k')).toBeUndefined();

    await fleet.clock.advance(1_000);
    const second = hanging(a);
    await fleet.clock.advance(30_000);
    await expect(second.answer).rejects.toBeInstanceOf(LoadTimeoutError);
    await fleet.clock.advance(1_000);
    await a.load(() => 'new');
    second.late.resolve('too late');
    await fleet.clock.settle();
    expect(await a.cache.get('k')).toBe('new');
  });

  it('may still fail late, and nobody hears of it', async () => {
    const unhandled: unknown[] = [];
    const hear = (reason: unknown): number => unhandled.push(reason);
    process.on('unhandledRejection', hear);
    onTestFinished(() => void process.off('unhandledRejection', hear));
    const fleet = new Fleet();
    const a = fleet.instance();
    const { answer, late } = hanging(a);
    await fleet.clock.advance(30_000);
    await expect(answer).rejects.toBeInstanceOf(LoadTimeoutError);
    late.reject(new Error('connection closed'));
    await fleet.clock.settle();
    await fleet.clock.settle();
    expect(unhandled).toEqual([]);
    expect(a.events.filter(({ type }) => type === 'load-failed')).toHaveLength(1);
  });

  it('ends also where its callers went home at the soft deadline; they are served stale, and it is tried again after the back-off', async () => {
    const { a, fleet } = await withStaleValue();
    const { answer, signal, late } = hanging(a, policy);
    await fleet.clock.advance(500);
    expect(await answer).toEqual(stale);
    await fleet.clock.advance(29_500);
    expect(signal().reason).toBeInstanceOf(LoadTimeoutError);
    late.resolve('too late');
    expect(await a.load(never, policy)).toEqual(stale);
    await fleet.clock.advance(1_000);
    expect(await a.load(() => 'new', policy)).toEqual({ value: 'new', outcome: 'MISS' });
  });
});

describe('a key that changes faster than it loads', () => {
  it('keeps nobody waiting for longer than waitMs who would rather fail', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const slow = deferred<string>();
    const policy = { waitMs: 1_000, onWaitTimeout: 'fail' } as const;
    const overtaken: Promise<unknown>[] = [];
    for (let change = 0; change < 2; change++) {
      overtaken.push(a.load(() => slow.promise, policy));
      await fleet.clock.settle();
      await a.cache.invalidate('k');
    }
    const refused = expect(a.load(() => 'third', policy)).rejects.toBeInstanceOf(WaitTimeoutError);
    const patient = a.load(() => 'third', { waitMs: 1_000 });
    await fleet.clock.advance(1_000);
    await refused;
    slow.resolve('old');
    expect((await patient).value).toBe('third');
    await Promise.all(overtaken);
  });
});
