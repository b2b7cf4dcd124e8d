import { describe, expect, it } from 'vitest';
import type { LoadPolicy } from '../../../lib/core/load-policy.js';
import { Fleet, type Instance } from '../../support/fleet.js';
import { Gate } from '../../support/gate.js';

interface Value {
  tags: string[];
  at: Date;
}

const fresh = (): Value => ({ tags: ['a'], at: new Date(0) });

/** Changes everything that can be changed. */
function spoil(value: Value): void {
  value.tags.push('spoilt');
  value.at.setTime(1);
  value.tags = [];
}

async function crowd({ load }: Instance, value: unknown, policies: readonly Partial<LoadPolicy>[]): Promise<unknown[]> {
  const gate = new Gate();
  const loader = async () => {
    await gate.pass();
    return value;
  };
  const answers = policies.map((policy) => load(loader, policy));
  await gate.arrived;
  gate.open();
  return (await Promise.all(answers)).map((answer) => answer.value);
}

describe('copies', () => {
  it.each([0, 1, 2])('whichever of the callers of one load changes its value, number %i', async (culprit) => {
    const instance = new Fleet().instance();
    const values = (await crowd(instance, fresh(), [{}, {}, {}])) as Value[];
    spoil(values[culprit] as Value);
    for (const [index, value] of values.entries()) if (index !== culprit) expect(value).toStrictEqual(fresh());
    expect((await instance.load(fresh)).value).toStrictEqual(fresh());
  });

  it('no caller changes what is stored by keeping the value that its loader returned', async () => {
    const { load, cache } = new Fleet().instance();
    const own = fresh();
    const { value } = await load(() => own);
    spoil(own);
    spoil(value);
    expect(await cache.get('k')).toStrictEqual(fresh());
  });

  it('every hit, every stale hit and every get is a value of its own', async () => {
    const fleet = new Fleet();
    const { load, cache } = fleet.instance();
    const policy = { ttlMs: 1_000, staleWhileRevalidateMs: 60_000, staleIfErrorMs: 60_000 };
    await load(fresh, policy);
    for (const _ of [1, 2]) {
      const { value, outcome } = await load(fresh, policy);
      expect([value, outcome]).toStrictEqual([fresh(), 'HIT']);
      spoil(value);
      const got = (await cache.get('k')) as Value;
      expect(got).toStrictEqual(fresh());
      spoil(got);
    }
    await fleet.clock.advance(1_000);
    const never = new Promise<Value>(() => undefined);
    for (const _ of [1, 2]) {
      const { value, outcome } = await load(() => never, policy);
      expect([value, outcome]).toStrictEqual([fresh(), 'STALE']);
      spoil(value);
    }
  });

  it('who waits for another process has a value of its own', async () => {
    const fleet = new Fleet();
    const [a, b] = [fleet.instance(), fleet.instance()];
    const gate = new Gate();
    const loading = a.load(async () => {
      await gate.pass();
      return fresh();
    });
    await gate.arrived;
    const waiting = [b.load(fresh), b.load(fresh)];
    await expect.poll(() => b.flow()).toContain('joined');
    gate.open();
    spoil((await loading).value);
    const [first, second] = await Promise.all(waiting);
    expect(first?.outcome).toBe('WAITED');
    spoil(first!.value);
    expect(second?.value).toStrictEqual(fresh());
  });

  it('while the store is down, too', async () => {
    const instance = new Fleet().instance();
    instance.store.down = true;
    const [first, second] = (await crowd(instance, fresh(), [{}, {}])) as [Value, Value];
    spoil(first);
    expect(second).toStrictEqual(fresh());
  });
});

describe("share: 'frozen'", () => {
  const frozen = { share: 'frozen' } as const;

  it('gives the callers of one load one frozen value, which is not the loader’s own', async () => {
    const instance = new Fleet().instance();
    const own = fresh();
    const [first, second] = (await crowd(instance, own, [frozen, frozen])) as [Value, Value];
    expect(first).toBe(second);
    expect(first).toStrictEqual(fresh());
    expect(() => {
      spoil(first);
    }).toThrow(TypeError);
    expect(first).toStrictEqual(fresh());
    expect(Object.isFrozen(own)).toBe(false);
  });

  it('and copies to those of them who did not ask for it', async () => {
    const instance = new Fleet().instance();
    const [copied, shared, other] = (await crowd(instance, fresh(), [{}, frozen, {}])) as [Value, Value, Value];
    spoil(copied);
    spoil(other);
    expect(shared).toStrictEqual(fresh());
    expect(Object.isFrozen(shared)).toBe(true);
  });

  it('freezes hits, stale values and what get finds', async () => {
    const fleet = new Fleet();
    const { load, cache } = fleet.instance();
    const policy = { ...frozen, ttlMs: 1_000, staleIfErrorMs: 60_000, staleWhileRevalidateMs: 1_000 };
    await load(fresh, policy);
    const found = [(await load(fresh, policy)).value, await cache.get('k', 'frozen')];
    expect(Object.isFrozen(await cache.get('k'))).toBe(false);
    await fleet.clock.advance(1_000);
    found.push((await load(() => new Promise<Value>(() => undefined), policy)).value);
    expect(found.map((value) => Object.isFrozen(value))).toEqual([true, true, true]);
  });

  it('freezes a stale value that stands in for a failed load', async () => {
    const fleet = new Fleet();
    const { load } = fleet.instance();
    const policy = { ...frozen, ttlMs: 1_000, staleIfErrorMs: 60_000 };
    await load(fresh, policy);
    await fleet.clock.advance(1_000);
    const { value, outcome } = await load((): Value => {
      throw new Error('no database');
    }, policy);
    expect([outcome, Object.isFrozen(value)]).toEqual(['STALE', true]);
  });

  it('gives each its own where something in it cannot be frozen', async () => {
    const instance = new Fleet().instance();
    const value = { bytes: Buffer.from('abc'), tags: ['a'] };
    const [first, second] = (await crowd(instance, value, [frozen, frozen])) as (typeof value)[];
    first?.bytes.fill(0);
    expect(second).toStrictEqual({ bytes: Buffer.from('abc'), tags: ['a'] });
    expect(Object.isFrozen(second?.tags)).toBe(true);
  });

  it('leaves what cannot be encoded as the loader gave it', async () => {
    const instance = new Fleet().instance();
    const value = { stream: () => undefined };
    const [first, second] = await crowd(instance, value, [frozen, frozen]);
    expect(first).toBe(value);
    expect(second).toBe(value);
    expect(Object.isFrozen(value)).toBe(false);
  });
});
