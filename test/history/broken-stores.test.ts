import { describe, expect, inject, it } from 'vitest';

import {
  mutants,
  rightSteps,
  rightTagSteps,
  tagMutants,
  type Steps,
  type TagSteps,
} from '../contract/mutant-stores.js';
import { extent } from '../support/extent.js';
import { brokenCores } from './broken-cores.js';
import { checkHistory, type Violation } from './checker.js';
import type { HistoryRecord } from './history.js';
import { runHistory } from './run-history.js';
import { Simulation } from './simulation.js';
import { summarize } from './summary.js';
import type { Traits } from './simulated-traits.js';

/** The first of the seeds that are tried, one after the other. */
const FIRST = extent(1, Date.now() % 1_000_000);
/** Interleavings of a right store, none of which may be called broken. */
const SEEDS = extent(40, 400);
/** Of a broken one, as many as it takes, but no more than this. */
const TRIES = 500;
/** Of a broken one, so many must be found out. With the same seeds each time one is enough; with others it could be luck. */
const FOUND = extent(1, 3);
/** More records than any mistake takes to show in several processes: it does within some hundred. */
const RECORDS = 20_000;

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

/** Histories in which a mistake shows soon, where it does not in any. */
const TRAITS: Readonly<Record<string, Partial<Traits>>> = {
  'a write-through on notice: what a writer sets is stored whatever is there': {
    tagged: true,
    notices: ['set', 'versioned'],
    ttlsMs: [300],
  },
};

const WITH_DEAD_WRITERS: Partial<Traits> = {
  ...{ tagged: true, notices: ['typeorm'], dies: true, floorMs: 60_000 },
  ...{ eager: [0.2], renews: 'always', ttlsMs: [300], staleMs: [30] },
};

/** Stores that are right but for their tags. */
const BROKEN_TAGS = ['no registration', 'no look for announcements'].map((name): [string, Partial<TagSteps>] => [
  name,
  tagMutants[name]!,
]);

/** What a writer has left who died before it invalidated a key is seen by a load, but not by a renewal, which then keeps the past alive. */
const NO_WORD_OF_BEFORE: TagSteps = {
  ...rightTagSteps,
  register: (state, now, registration) => {
    const { registered } = state.register(now, registration);
    return registered ? { registered } : { registered, reason: 'announced' };
  },
};

type Found = Partial<{ tagSteps: TagSteps; traits: Partial<Traits>; promise: Violation['promise'] }>;

async function violationsOf(
  seed: number,
  steps: Steps,
  tagSteps = rightTagSteps,
  traits: Partial<Traits> = {},
): Promise<Violation[]> {
  return checkHistory(await new Simulation(seed, steps, tagSteps, traits).run());
}

/** In how many of the interleavings the past comes back, as far as it takes to know. */
async function foundIn(
  steps: Steps,
  { tagSteps = rightTagSteps, traits = {}, promise = 'never backwards' }: Found = {},
): Promise<number> {
  let found = 0;
  for (let seed = FIRST; seed < FIRST + TRIES && found < FOUND; seed++) {
    const violations = await violationsOf(seed, steps, tagSteps, traits);
    if (violations.some((violation) => violation.promise === promise)) found += 1;
  }
  return found;
}

describe('the checker, over random interleavings in one process', { timeout: 120_000 }, () => {
  it('finds nothing in a store whose steps are right', async () => {
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++)
      expect(await violationsOf(seed, rightSteps), `seed ${seed}`).toEqual([]);
  });

  it('sees the same history again by its seed', async () => {
    expect(await new Simulation(5, rightSteps).run()).toEqual(await new Simulation(5, rightSteps).run());
  });

  it.each(Object.entries(BROKEN))('finds the past in a store with %s', async (name, broken) => {
    expect(await foundIn({ ...rightSteps, ...broken }, { traits: TRAITS[name] ?? {} })).toBe(FOUND);
  });

  it.each(BROKEN_TAGS)('finds the past in a store whose tags have %s', async (_, broken) => {
    expect(await foundIn(rightSteps, { tagSteps: { ...rightTagSteps, ...broken } })).toBe(FOUND);
  });
});

describe('the checker, over a core with a mistake', { timeout: 300_000 }, () => {
  it.each(Object.entries(brokenCores))('finds the past: %s', async (_, { breakIt, traits }) => {
    const repair = breakIt();
    try {
      expect(await foundIn(rightSteps, { traits })).toBe(FOUND);
    } finally {
      repair();
    }
  });

  it('finds that a renewal keeps the past alive, where it is not told of what was announced before its begin', async () => {
    expect(
      await foundIn(rightSteps, { tagSteps: NO_WORD_OF_BEFORE, traits: WITH_DEAD_WRITERS, promise: 'convergence' }),
    ).toBe(FOUND);
  });
});

function wentBack(history: readonly HistoryRecord[]): boolean {
  return checkHistory(history).some(({ promise }) => promise === 'never backwards');
}

describe('the checker, over processes on Redis whose scripts are wrong', { timeout: 900_000 }, () => {
  it.each(['no lease check', 'invalidate that keeps it', 'no registration'])('finds the past: %s', async (mutant) => {
    const history = await runHistory({
      seed: FIRST,
      plan: 'overtaken',
      mutant,
      shared: { redisUrl: inject('redisUrl'), zooKeeperConnect: inject('zooKeeperConnect') },
      postgresUrl: inject('postgresUrl'),
      durationMs: 300_000,
      enough: (soFar) => wentBack(soFar) || soFar.length > RECORDS,
    });
    expect(wentBack(history), `seed ${FIRST}, ${JSON.stringify(summarize(history))}`).toBe(true);
    expect(checkHistory(history).map(({ promise }) => promise)).not.toContain('nothing breaks');
  });
});
