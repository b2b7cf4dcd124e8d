import { describe, expect, inject, it } from 'vitest';
import { checkHistory } from './checker.js';
import { ENTRIES } from './entries.js';
import type { HistoryRecord } from './history.js';
import { BOUNDS, FAULTS } from './plan.js';
import { keepHistory, runHistory } from './run-history.js';
import { summarize } from './summary.js';

/** A run lasts so long at least, and on a slow machine, or by the chance of its seed, goes on until all has happened that must, but no longer than the other. */
const LASTS_MS = 20_000;
const LASTS_AT_MOST_MS = 300_000;

/** What must have happened at least: a run in which nothing happened proves nothing. */
const LEAST: Readonly<Record<string, number>> = {
  read: 400,
  'read: HIT': 100,
  'read: MISS': 50,
  'read: WAITED': 20,
  'read: GET': 10,
  'read: STALE': 5,
  'read: list': 100,
  'read: list, HIT': 5,
  'read: a row is missing': 20,
  'read: blind': 1,
  loaded: 50,
  committed: 100,
  'announced: versioned': 20,
  'announced: bare': 20,
  'announced: set': 10,
  'announced: typeorm': 20,
  'announced: removed': 5,
  'announced: inserted': 5,
  'announcement-failed': 1,
  'announcement-made-up': 1,
  'rolled-back': 5,
  cleared: 1,
  'announce-failed': 1,
  'flight-superseded': 5,
  'eager-refresh': 1,
  'superseded: invalidated': 5,
  'superseded: filled': 1,
  'superseded: evicted': 1,
  'superseded: tag-invalidated': 5,
  'lock-unavailable': 1,
  'store-unavailable': 1,
  ...Object.fromEntries(Object.keys(FAULTS).map((kind) => [`fault: ${kind}`, 1])),
};

/** Of what is read when the run is over. */
const LEAST_AT_THE_END = { 'read: last': BOUNDS.workers * ENTRIES.length };

function missing(history: readonly HistoryRecord[], least: Readonly<Record<string, number>>): string[] {
  const summary = summarize(history);
  return Object.entries(least)
    .filter(([name, times]) => (summary[name] ?? 0) < times)
    .map(([name, times]) => `${name}: ${summary[name] ?? 0} of ${times}`);
}

/** Every run of the tests takes another seed; a failing one is named, and `npm run soak -- --seed` takes it again. */
const seed = Date.now() % 1_000_000;

describe('a history of several processes while servers and processes are broken', () => {
  it(`no reader goes back, and all converge (seed ${seed})`, { timeout: 600_000 }, async () => {
    const enough = (soFar: readonly HistoryRecord[], lastedMs: number): boolean =>
      lastedMs > LASTS_MS && missing(soFar, LEAST).length === 0;
    const run = { seed, durationMs: LASTS_AT_MOST_MS, enough, postgresUrl: inject('postgresUrl') };
    const history = await runHistory(run);
    const violations = checkHistory(history);
    const where = violations.length === 0 ? '' : `; the history is in ${keepHistory(history)}`;
    expect(violations, `seed ${seed}${where}`).toEqual([]);
    const tooFew = missing(history, { ...LEAST, ...LEAST_AT_THE_END });
    expect(tooFew, `of ${JSON.stringify(summarize(history))}`).toEqual([]);
  });
});
