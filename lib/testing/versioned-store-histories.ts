import assert from 'node:assert/strict';
import type { ContractCase } from './contract-case.js';
import { HistoryRun } from './history-run.js';
import { randomHistory } from './history-steps.js';
import { elapse, type MakeVersionedStoreHarness, type VersionedStoreHarness } from './versioned-store-harness.js';

/** How many random histories the contract suite runs, and which. */
export interface VersionedStoreHistoriesOptions {
  /** How many histories are compared with the reference. Default 10,000. */
  readonly histories?: number;
  /** Of a real clock, how many of them let time pass, which takes its time. Default a twentieth; of a clock that is moved by hand, half. */
  readonly timedHistories?: number;
  /** The first history's seed; each further one adds 1. Default 1. */
  readonly seed?: number;
}

const STEPS = 14;
const PAUSES = 3;
/** Histories under way at once; their keys are cleared away before the next ones begin. */
const BATCH = 250;
const TIMED_BATCH = 100;
/** How long a pause of a real clock is at first. The busier the machine, the longer it has to be: it is doubled as needed. */
const PAUSE_MS = 600;
const LONGEST_PAUSE_MS = 20_000;
/** Part of a pause that something short lives. Two in a row then outlive one pause and not two, as with the reference. */
const SHORT_PER_PAUSE = 0.75;

/**
 * Random histories of steps, each on a key of its own, compared step by step with the protocol told in the plainest way
 * (`ReferenceStore`). A failing case prints the steps that lead to the difference.
 */
export function versionedStoreHistories(
  makeHarness: MakeVersionedStoreHarness,
  { histories = 10_000, timedHistories, seed = 1 }: VersionedStoreHistoriesOptions = {},
): ContractCase[] {
  const withHarness =
    (work: (harness: VersionedStoreHarness, timed: number) => Promise<void>) => async (): Promise<void> => {
      const harness = await makeHarness();
      try {
        await work(harness, timedHistories ?? Math.ceil(histories / (harness.sleep === undefined ? 20 : 2)));
      } finally {
        await harness.dispose();
      }
    };
  return [
    {
      name: 'histories: random ones are as the protocol says',
      run: withHarness(async (harness, timed) => {
        for (const seeds of batches(seed + timed, histories - timed, BATCH)) await runUntimed(harness, seeds);
      }),
    },
    {
      name: 'histories: random ones in which time passes are as the protocol says',
      run: withHarness(async (harness, timed) => {
        let pauseMs = PAUSE_MS;
        for (const seeds of batches(seed, timed, TIMED_BATCH)) pauseMs = await runTimed(harness, seeds, pauseMs);
      }),
    },
  ];
}

async function runUntimed(harness: VersionedStoreHarness, seeds: readonly number[]): Promise<void> {
  await allOrFirstError(makeRuns(harness, seeds, 0, PAUSE_MS).map((run) => run.toNextPause()));
  await harness.store.clear();
}

/** Repeats a batch with longer pauses while the machine was too slow for it to prove anything; returns the pause that was long enough. */
async function runTimed(harness: VersionedStoreHarness, seeds: readonly number[], pauseMs: number): Promise<number> {
  assert.ok(pauseMs <= LONGEST_PAUSE_MS, 'the store is too slow for histories in which time passes');
  const runs = makeRuns(harness, seeds, PAUSES, pauseMs);
  let failure: unknown;
  let inTime = true;
  for (
    let segment = 0, before = performance.now();
    segment <= PAUSES && inTime && failure === undefined;
    segment += 1
  ) {
    const start = performance.now();
    await allOrFirstError(runs.map((run) => run.toNextPause())).catch((error: unknown) => (failure = error));
    // What lives short must have lived through this part, and what lives twice as long from the part before to the end of this one.
    const end = performance.now();
    inTime = harness.sleep !== undefined || (end - start < 0.7 * pauseMs && end - before < 1.45 * pauseMs);
    before = start;
    if (segment < PAUSES && inTime) await elapse(harness, pauseMs);
  }
  await harness.store.clear();
  if (!inTime) return runTimed(harness, seeds, pauseMs * 2);
  if (failure !== undefined) throw failure as Error;
  return pauseMs;
}

function makeRuns(
  { store, evict }: VersionedStoreHarness,
  seeds: readonly number[],
  pauses: number,
  pauseMs: number,
): HistoryRun[] {
  return seeds.map((seed) => {
    const steps = randomHistory({ seed, steps: STEPS, pauses, losses: evict !== undefined });
    return new HistoryRun({
      store,
      evict,
      key: `history ${seed}`,
      shortMs: Math.round(pauseMs * SHORT_PER_PAUSE),
      steps,
    });
  });
}

/** Waits for all, so that none goes on behind the case's back. */
async function allOrFirstError(runs: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(runs)) {
    if (result.status === 'rejected') throw result.reason as Error;
  }
}

function* batches(first: number, count: number, size: number): Generator<number[]> {
  for (let done = 0; done < count; done += size) {
    yield Array.from({ length: Math.min(size, count - done) }, (_, index) => first + done + index);
  }
}
