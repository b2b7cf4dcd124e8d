import { describe, expect, it } from 'vitest';
import { ENTRIES, entryName, isRemovable, KEYS } from './entries.js';
import { BOUNDS, FAULTS, planFaults, planOperations, PLANS } from './plan.js';

const take = (seed: number, worker: number, lane: number, count: number) => {
  const operations = planOperations(seed, worker, lane);
  return Array.from({ length: count }, () => operations.next().value);
};

describe('the plan of a history', () => {
  it('follows from its seed', () => {
    expect(planFaults(7, 60_000)).toEqual(planFaults(7, 60_000));
    expect(planFaults(7, 60_000)).not.toEqual(planFaults(8, 60_000));
    expect(take(7, 1, 2, 100)).toEqual(take(7, 1, 2, 100));
  });

  it('differs from lane to lane, from worker to worker and from seed to seed', () => {
    const sequences = [take(1, 0, 0, 50), take(1, 0, 1, 50), take(1, 1, 0, 50), take(2, 0, 0, 50)];
    expect(new Set(sequences.map((sequence) => JSON.stringify(sequence))).size).toBe(sequences.length);
  });

  it('has every fault in it within 20 s, whatever the seed, and no two of a target at once', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const faults = planFaults(seed, 20_000);
      expect(new Set(faults.map(({ kind }) => kind)), `seed ${seed}`).toEqual(new Set(Object.keys(FAULTS)));
      for (const target of ['redis', 'zookeeper', 'worker']) {
        const own = faults.filter(({ kind }) => FAULTS[kind].target === target);
        expect(own.slice(1).every(({ atMs }, before) => atMs >= own[before]!.atMs + own[before]!.forMs)).toBe(true);
      }
    }
  });

  it('reads and looks up everything, and writes all rows by every kind of notice', () => {
    const operations = Array.from({ length: PLANS.long.lanes }, (_, lane) => take(3, 0, lane, 4_000)).flat();
    const kinds = new Set(operations.map((one) => one.do));
    expect(kinds).toEqual(new Set(['read', 'get', 'write', 'roll-back', 'clear']));
    const reads = operations.filter((one) => one.do === 'read');
    expect(new Set(reads.map(({ entry }) => entryName(entry)))).toEqual(new Set(ENTRIES.map(entryName)));
    expect(new Set(reads.map(({ ttlMs }) => ttlMs))).toEqual(new Set([BOUNDS.ttlMs, BOUNDS.shortTtlMs]));
    expect(new Set(reads.map(({ eagerRefresh }) => eagerRefresh))).toEqual(new Set([0, BOUNDS.eagerRefresh]));
    expect(new Set(reads.map(({ negativeTtlMs }) => negativeTtlMs))).toEqual(
      new Set([undefined, BOUNDS.negativeTtlMs]),
    );
    const renewed = reads.filter(({ renews }) => renews).map(({ entry }) => entryName(entry));
    expect(new Set(renewed)).toEqual(new Set(KEYS.filter((key) => !isRemovable(key)).map((key) => `row ${key}`)));
    const writes = operations.filter((one) => one.do === 'write');
    expect(new Set(writes.map(({ key }) => key))).toEqual(new Set(KEYS));
    expect(new Set(writes.map(({ notice }) => notice))).toEqual(new Set(['typeorm', 'versioned', 'bare', 'set']));
  });

  it('removes rows, but none that is announced by set', () => {
    const writes = Array.from({ length: PLANS.long.lanes }, (_, lane) => take(3, 0, lane, 800))
      .flat()
      .filter((one) => one.do === 'write');
    const removed = new Set(writes.filter(({ removes }) => removes).map(({ key }) => key));
    const set = new Set(writes.filter(({ notice }) => notice === 'set').map(({ key }) => key));
    expect(removed).toEqual(new Set(KEYS.filter(isRemovable)));
    expect(set).toEqual(new Set(KEYS.filter((key) => !isRemovable(key))));
  });
});
