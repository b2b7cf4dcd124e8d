import { describe, expect, it } from 'vitest';
import { ClassRegistry } from '../../../lib/codec/class-registry.js';
import { REPLACE_AGAIN_MS } from '../../../lib/core/look.js';
import { Fleet, type Instance } from '../../support/fleet.js';
import { deferred } from '../../support/gate.js';

class OldProduct {
  price = 1;
}
class NewProduct {
  cents = 100;
}

interface Release {
  readonly instance: Instance;
  /** Loads through the cache. */
  load(): Promise<{ value: unknown; outcome: string }>;
  loads: number;
}

const HOUR_MS = 3_600_000;

function release(fleet: Fleet, Product: typeof OldProduct | typeof NewProduct, shape: string): Release {
  const classes = new ClassRegistry().register(Product, 'Product');
  classes.shape(Product, shape);
  const instance = fleet.instance(undefined, classes);
  const side: Release = {
    instance,
    loads: 0,
    load: async () => {
      const answer = await instance.load(
        () => {
          side.loads++;
          return new Product();
        },
        { ttlMs: HOUR_MS },
      );
      expect(answer.value).toBeInstanceOf(Product);
      return answer;
    },
  };
  return side;
}

function sideBySide(): { fleet: Fleet; old: Release; new: Release } {
  const fleet = new Fleet();
  return { fleet, old: release(fleet, OldProduct, 'a'), new: release(fleet, NewProduct, 'b') };
}

async function outcomes(...sides: Release[]): Promise<string[]> {
  const found = [];
  for (const side of sides) found.push((await side.load()).outcome);
  return found;
}

async function fill(fleet: Fleet, payload: string): Promise<void> {
  const begun = await fleet.shared.begin('k', { lease: 'l', leaseMs: 1_000 });
  if (begun.kind !== 'lease') return expect.fail('no lease');
  const { lease, begunAt } = begun;
  await fleet.shared.fill('k', { lease, begunAt, fillId: 'f', payload, ttlMs: 60_000, keepStaleMs: 0 });
}

function othersSeen({ instance }: Release): boolean[] {
  return instance.events.flatMap((event) => (event.type === 'other-shape' ? [event.stays] : []));
}

describe('entries of another shape', () => {
  it('are a miss, and are replaced at once when their release is gone', async () => {
    const { old, new: young } = sideBySide();
    expect(await outcomes(old, old, young, young)).toEqual(['MISS', 'HIT', 'MISS', 'HIT']);
    expect(othersSeen(young)).toEqual([false]);
    expect(young.instance.flow()).not.toContain('corrupt-entry');
  });

  it('are not destroyed in turn by two releases that run side by side: one has hits, the other loads', async () => {
    const { old, new: young } = sideBySide();
    expect(await outcomes(old, young, old)).toEqual(['MISS', 'MISS', 'MISS']); // each has replaced the other's once
    expect(await outcomes(young, old, young, old)).toEqual(['MISS', 'HIT', 'MISS', 'HIT']);
    expect([old.loads, young.loads]).toEqual([2, 3]);
    expect(othersSeen(young)).toEqual([false, true, true]);
  });

  it('are replaced again when a while has passed', async () => {
    const { fleet, old, new: young } = sideBySide();
    await outcomes(old, young, old);
    await fleet.clock.advance(REPLACE_AGAIN_MS - 1);
    expect(await outcomes(young, old)).toEqual(['MISS', 'HIT']);
    await fleet.clock.advance(1);
    expect(await outcomes(young, young)).toEqual(['MISS', 'HIT']);
  });

  it('that are in the way let a process load for all who wait at once', async () => {
    const { old, new: young } = sideBySide();
    await outcomes(old, young, old);
    const gates = [deferred<NewProduct>(), deferred<NewProduct>()];
    let begun = 0;
    const loader = (): Promise<NewProduct> => (gates[begun++] ?? expect.fail('one load too many')).promise;
    const ask = () => young.instance.load(loader);
    const first = ask();
    await expect.poll(() => begun).toBe(1);
    // Who comes now may have been told of a change that the first load has not seen: one more load for all of them.
    const crowd = Array.from({ length: 20 }, ask);
    await expect.poll(() => begun).toBe(2);
    for (const gate of gates) gate.resolve(new NewProduct());
    await Promise.all([first, ...crowd]);
    expect(begun).toBe(2);
    expect(await outcomes(old)).toEqual(['HIT']);
  });

  it('that are in the way share a failed load, as long as errors are shared', async () => {
    const { fleet, old, new: young } = sideBySide();
    await outcomes(old, young, old);
    let runs = 0;
    const failing = () =>
      young.instance.load(() => {
        runs++;
        throw new Error('no database');
      });
    for (const _ of [1, 2, 3]) await expect(failing()).rejects.toThrow('no database');
    expect(runs).toBe(1);
    await fleet.clock.advance(1_000);
    expect(await outcomes(young)).toEqual(['MISS']);
  });

  it('go with the invalidation of either side, and whoever loads next fills', async () => {
    const { old, new: young } = sideBySide();
    await outcomes(old, young, old);
    await young.instance.cache.invalidate('k');
    expect(await outcomes(young, young)).toEqual(['MISS', 'HIT']);
    await old.instance.cache.invalidate('k');
    expect(await outcomes(young)).toEqual(['MISS']);
  });

  it('that were filled during a load stay, and the load answers its own callers', async () => {
    const { fleet, old, new: young } = sideBySide();
    const gate = young.instance.store.stop('before', 'fill');
    const loading = young.load();
    await gate.arrived;
    // 1. The new one has loaded; 2. a change is announced; 3. the old one fills; 4. the new one's fill is refused, and it is told the old one's value.
    await old.instance.cache.invalidate('k');
    await fill(fleet, '{"tagged":{"$class":["Product#a",{"price":1}]}}');
    gate.open();
    expect((await loading).value).toBeInstanceOf(NewProduct);
    expect(await outcomes(old)).toEqual(['HIT']);
  });

  it('are left alone by get, which loads nothing', async () => {
    const { old, new: young } = sideBySide();
    await old.load();
    expect(await young.instance.cache.get('k')).toBeUndefined();
    expect(othersSeen(young)).toEqual([true]);
    expect(await outcomes(old)).toEqual(['HIT']);
  });

  it('that are stale are left to the next fill: nobody takes the lease of a load from it', async () => {
    const { fleet, old, new: young } = sideBySide();
    const policy = { ttlMs: 1_000, staleWhileRevalidateMs: HOUR_MS };
    await old.instance.load(() => new OldProduct(), policy);
    await fleet.clock.advance(1_000);
    const { value, outcome } = await young.instance.load(() => new NewProduct(), policy);
    expect(value).toBeInstanceOf(NewProduct);
    expect(outcome).toBe('MISS');
    expect(young.instance.store.steps).not.toContain('invalidate');
    expect((await young.instance.load(() => new NewProduct(), policy)).outcome).toBe('HIT');
  });

  it('that cannot be removed make no endless loop', async () => {
    const { old, new: young } = sideBySide();
    await old.load();
    young.instance.store.refused = 'invalidate';
    expect(await outcomes(young, young)).toEqual(['MISS', 'MISS']);
    expect(await outcomes(old)).toEqual(['HIT']);
  });
});

describe('corrupt entries', () => {
  it('that cannot be removed make no endless loop', async () => {
    const fleet = new Fleet();
    const { cache, store, load } = fleet.instance();
    await fill(fleet, 'not ours');
    store.refused = 'invalidate';
    expect(await load(() => 'loaded')).toEqual({ value: 'loaded', outcome: 'MISS' });
    store.refused = undefined;
    expect((await load(() => 'loaded')).outcome).toBe('MISS');
    expect(await cache.get('k')).toBe('loaded');
  });

  it('found by the begin only: the load without a lease is joined by nobody who comes after it has begun', async () => {
    const { fleet, old, new: young } = sideBySide();
    const { instance } = young;
    await outcomes(old, young); // removes the old one's entry, and will not do so again for a while
    await fleet.shared.invalidate('k', { floorMs: 1 });
    await fleet.clock.advance(2);
    // 1. The young release has seen nothing; the old one fills; the young one's begin finds that, and it loads without a lease.
    const begins = instance.store.stop('before', 'begin');
    const row = deferred<unknown>();
    const answer = instance.load(() => row.promise, { ttlMs: HOUR_MS });
    await begins.arrived;
    await fill(fleet, '{"tagged":{"$class":["Product#a",{"price":1}]}}');
    begins.open();
    await fleet.clock.advance(1);
    expect(instance.flow()).toContain('load-started');
    // 2. The row changes, and that is announced elsewhere; 3. a caller begins.
    await fleet.shared.invalidate('k', { floorMs: 60_000 });
    const late = instance.load(() => 'new');
    await fleet.clock.advance(1);
    row.resolve('old');
    expect([(await answer).value, (await late).value]).toEqual(['old', 'new']);
  });
});
