import { describe, expect, it, onTestFinished } from 'vitest';
import { jittered, lifeOf, longestTtlMs } from '../../../lib/core/lifetime.js';
import type { LoadPolicy } from '../../../lib/core/load-policy.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';
import { Fleet, POLICY } from '../../support/fleet.js';
import { deferred } from '../../support/gate.js';

const never = (): Promise<never> => new Promise(() => undefined);
const nonsense = (value: unknown): never => value as never;
const life = (policy: Partial<LoadPolicy>, value: unknown) => lifeOf({ ...POLICY, ...policy }, value);

/** A clock whose chance is what the test says. */
class LoadedDice extends ManualClock {
  constructor(private readonly roll: number) {
    super();
  }
  override random(): number {
    return this.roll;
  }
}

describe('the ttl of a value', () => {
  it('is that of the policy, and that of `null` may be another, which is never served stale', () => {
    const policy = { ttlMs: 5_000, staleIfErrorMs: 70, staleWhileRevalidateMs: 80 };
    expect(life(policy, 'v')).toEqual({ kept: true, life: { ttlMs: 5_000, keepStaleMs: 80 } });
    expect(life(policy, null)).toEqual({ kept: true, life: { ttlMs: 5_000, keepStaleMs: 80 } });
    expect(life({ ...policy, negativeTtlMs: 9 }, null)).toEqual({ kept: true, life: { ttlMs: 9, keepStaleMs: 0 } });
    for (const value of [0, '', false, [], 'v'])
      expect(life({ ...policy, negativeTtlMs: 9 }, value)).toEqual(life(policy, value));
    expect(life({ negativeTtlMs: 0 }, null)).toEqual({ kept: false, reason: 'no-ttl' });
  });

  it('may be told by a function of the value, rounded down and no more than ten years', () => {
    const ttlMs = (value: unknown): number => (value as { ttl: number }).ttl;
    const told = (ttl: unknown) => life({ ttlMs }, { ttl });
    expect(told(7.9)).toMatchObject({ kept: true, life: { ttlMs: 7 } });
    expect(told(1e300)).toMatchObject({ life: { ttlMs: 315_360_000_000 } });
    for (const none of [0, -5, 0.5]) expect(told(none)).toEqual({ kept: false, reason: 'no-ttl' });
    const mistakes: [unknown, string][] = [
      [NaN, 'NaN'],
      [Infinity, 'Infinity'],
      ['60', 'type string'],
      [undefined, 'type undefined'],
      [5n, 'type bigint'],
      [null, 'null'],
      [Promise.resolve(5), 'a promise'],
    ];
    for (const [wrong, words] of mistakes)
      expect(told(wrong)).toMatchObject({
        kept: false,
        reason: 'policy-failed',
        detail: expect.stringMatching(`^ttlMs: expected a number of milliseconds .* got .*${words}`) as unknown,
      });
    expect(life({ ttlMs, negativeTtlMs: 4 }, null)).toMatchObject({ life: { ttlMs: 4 } });
    expect(life({ ttlMs }, null)).toMatchObject({
      reason: 'policy-failed',
      detail: expect.stringContaining('TypeError') as unknown,
    });
  });

  it('is asked for only where `cacheIf` wants the value, which must say so in so many words', () => {
    const ttlMs = (): number => {
      throw new Error('asked');
    };
    expect(life({ ttlMs, cacheIf: () => false }, 'v')).toEqual({ kept: false, reason: 'cache-if' });
    expect(life({ cacheIf: (value) => value === 'v' }, 'v')).toMatchObject({ kept: true });
    for (const answer of [1, 'yes', undefined, Promise.resolve(true)])
      expect(life({ cacheIf: () => nonsense(answer) }, 'v')).toMatchObject({
        reason: 'policy-failed',
        detail: expect.stringContaining('cacheIf: expected true or false') as unknown,
      });
    const failing = (): never => nonsense(Promise.reject(new Error('nobody hears of it')));
    expect(life({ cacheIf: failing }, 'v')).toMatchObject({ detail: expect.stringContaining('a promise') as unknown });
  });

  it('is shortened at random by a share of it, never lengthened, never to nothing', () => {
    expect(jittered(1_000, 0.1, new LoadedDice(0))).toBe(1_000);
    expect(jittered(1_000, 0.1, new LoadedDice(0.5))).toBe(950);
    expect(jittered(1_000, 0.1, new LoadedDice(0.999_999))).toBe(900);
    expect(jittered(1, 0.9, new LoadedDice(0.999_999))).toBe(1);
    const untouched = new LoadedDice(0.5);
    untouched.random = () => {
      throw new Error('no chance is needed');
    };
    expect(jittered(1_000, 0, untouched)).toBe(1_000);
  });

  it('has an upper bound that is known without a value', () => {
    expect(longestTtlMs(POLICY)).toBe(60_000);
    expect(longestTtlMs({ ...POLICY, negativeTtlMs: 70_000 })).toBe(70_000);
    expect(longestTtlMs({ ...POLICY, ttlMs: () => 1 })).toBe(315_360_000_000);
  });
});

describe('what is loaded', () => {
  it('is fresh as long as its own value says', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const policy = { ttlMs: (value: unknown) => (value as { forMs: number }).forMs };
    await a.load(() => ({ forMs: 2_000 }), policy);
    await fleet.clock.advance(1_999);
    expect((await a.load(never, policy)).outcome).toBe('HIT');
    await fleet.clock.advance(1);
    expect((await a.load(() => ({ forMs: 0 }), policy)).outcome).toBe('MISS');
    expect(a.events).toContainEqual({ type: 'not-stored', key: 'k', reason: 'no-ttl' });
    expect(await a.cache.get('k')).toBeUndefined();
  });

  it('is fresh for a random time between ttlMs less its jitter and ttlMs', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const keys = Array.from({ length: 50 }, (_, index) => `key-${index}`);
    const load = (): Promise<{ outcome: string }[]> =>
      Promise.all(keys.map((key) => a.load(() => 'v', { ttlMs: 10_000, ttlJitter: 0.1 }, { key })));
    const hits = async (): Promise<number> =>
      (await Promise.all(keys.map((key) => a.cache.get(key)))).filter((value) => value !== undefined).length;
    await load();
    await fleet.clock.advance(8_999);
    expect(await hits()).toBe(50);
    await fleet.clock.advance(500);
    const half = await hits();
    expect(half).toBeGreaterThan(0);
    expect(half).toBeLessThan(50);
    await fleet.clock.advance(501);
    expect(await hits()).toBe(0);
  });

  it('is answered and not stored where cacheIf says no, to those too who waited; elsewhere they load at once', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    const policy = { cacheIf: (value: unknown) => value !== 'partial' };
    const value = deferred<string>();
    const callers = [a.load(() => value.promise, policy), a.load(never, policy)];
    await fleet.clock.settle();
    const elsewhere = b.load(() => 'whole', policy);
    await fleet.clock.settle();
    value.resolve('partial');
    expect((await Promise.all(callers)).map((answer) => answer.value)).toEqual(['partial', 'partial']);
    expect(await elsewhere).toEqual({ value: 'whole', outcome: 'MISS' });
    expect(b.flow()).not.toContain('lock-acquired');
    expect(await a.cache.get('k')).toBe('whole');
  });

  it('is answered and not stored where its policy throws, and nothing is left unhandled', async () => {
    const unhandled: unknown[] = [];
    const hear = (reason: unknown): number => unhandled.push(reason);
    process.on('unhandledRejection', hear);
    onTestFinished(() => void process.off('unhandledRejection', hear));
    const a = new Fleet().instance();
    const cacheIf = (): never => nonsense(Promise.reject(new Error('x')));
    expect(await a.load(() => 'v', { cacheIf })).toEqual({ value: 'v', outcome: 'MISS' });
    await new Promise((resolve) => setImmediate(resolve));
    expect(a.events).toContainEqual(expect.objectContaining({ type: 'not-stored', reason: 'policy-failed' }));
    expect(unhandled).toEqual([]);
  });

  it('as nothing is looked up again sooner, and never served stale', async () => {
    const fleet = new Fleet();
    const a = fleet.instance();
    const policy = { negativeTtlMs: 500, staleWhileRevalidateMs: 60_000, staleIfErrorMs: 60_000 };
    await a.load(() => null, policy);
    await fleet.clock.advance(499);
    expect(await a.load(never, policy)).toEqual({ value: null, outcome: 'HIT' });
    await fleet.clock.advance(1);
    expect(await a.load(() => 'here now', policy)).toEqual({ value: 'here now', outcome: 'MISS' });
    await fleet.clock.advance(59_999);
    expect(await a.load(never, policy)).toEqual({ value: 'here now', outcome: 'HIT' });
  });

  it('stays registered with its tags as long as it is kept, and is remembered as long for a refresh', async () => {
    const fleet = new Fleet(1_000, true);
    const a = fleet.instance();
    let loads = 0;
    const load = (): Promise<unknown> => a.load(() => `v${++loads}`, { ttlMs: () => 600_000 }, { tags: ['t'] });
    await load();
    await fleet.clock.advance(599_000);
    await a.cache.announceTags([{ tag: 't' }]);
    await fleet.clock.settle();
    expect(loads).toBe(2);
  });
});
