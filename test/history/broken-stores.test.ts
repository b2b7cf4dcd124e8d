import { describe, expect, inject, it } from 'vitest';
import { mutants, rightSteps, type Steps } from '../contract/mutant-stores.js';
import { checkHistory, type Violation } from './checker.js';
import type { HistoryRecord } from './history.js';
import { runHistory } from './run-history.js';
import { Simulation } from './simulation.js';

/** Interleavings of a right store, none of which may be called broken. */
const SEEDS = 60;
/** Of a broken one, so many must be found out: not one lucky seed. */
const FOUND = 3;

/** Stores that let the past back in. */
const BROKEN: Readonly<Record<string, Partial<Steps>>> = {
  'no lease check': mutants['no lease check']!,
  'an invalidate that keeps the lease': mutants['invalidate that keeps the lease']!,
  'plain SET: a fill is stored whatever is there': {
    fill: (_, now, { payload, version, ttlMs, fillId }) => ({
      state: {
        value: { payload, ...(version && { version }), freshUntil: now + ttlMs, keptUntil: now + ttlMs, fillId },
      },
      outcome: { stored: true },
    }),
  },
  'a write-through on notice: what a writer sets is stored whatever is there': {
    set: (_, now, { payload, version, ttlMs }) => ({
      state: { value: { payload, version, freshUntil: now + ttlMs, keptUntil: now + ttlMs } },
      outcome: 'stored',
    }),
  },
};

async function violationsOf(seed: number, steps: Steps): Promise<Violation[]> {
  return checkHistory(await new Simulation(seed, steps).run());
}

describe('the checker, over random interleavings in one process', { timeout: 120_000 }, () => {
  it('finds nothing in a store whose steps are right', async () => {
    for (let seed = 1; seed <= SEEDS; seed++) expect(await violationsOf(seed, rightSteps), `seed ${seed}`).toEqual([]);
  });

  it('sees the same history again by its seed', async () => {
    expect(await new Simulation(5, rightSteps).run()).toEqual(await new Simulation(5, rightSteps).run());
  });

  it.each(Object.entries(BROKEN))('finds the past in a store with %s', async (_, broken) => {
    let found = 0;
    for (let seed = 1; seed <= SEEDS && found < FOUND; seed++) {
      const violations = await violationsOf(seed, { ...rightSteps, ...broken });
      if (violations.some(({ promise }) => promise === 'never backwards')) found += 1;
    }
    expect(found).toBe(FOUND);
  });
});

describe('the checker, over processes on Redis whose scripts are wrong', { timeout: 240_000 }, () => {
  it.each(['no lease check', 'invalidate that keeps it'])('finds the past: %s', async (mutant) => {
    const wentBack = (history: readonly HistoryRecord[]): boolean =>
      checkHistory(history).some(({ promise }) => promise === 'never backwards');
    const run = { seed: 1, durationMs: 120_000, faults: [], enough: wentBack, postgresUrl: inject('postgresUrl') };
    const history = await runHistory({ ...run, mutant });
    expect(wentBack(history)).toBe(true);
    expect(checkHistory(history).map(({ promise }) => promise)).not.toContain('nothing breaks');
  });
});
