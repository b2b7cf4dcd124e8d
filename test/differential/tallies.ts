import type { Tally } from './run.js';

/** What happened in many programs. */
export interface Tallies extends Record<(typeof COUNTED)[number], number> {
  programs: number;
  /** Steps that were done, and `outdated: …` for each kind of answer that changed. */
  readonly happened: Set<string>;
}

const COUNTED = [
  ...(['hits', 'writes', 'rejectedWrites', 'kept', 'outdated', 'lostNeedlessly', 'refusedOnce'] as const),
  ...(['unreadable', 'neverCached'] as const),
];

export function emptyTallies(): Tallies {
  return {
    happened: new Set(),
    ...{ programs: 0, hits: 0, writes: 0, rejectedWrites: 0, kept: 0, outdated: 0 },
    ...{ lostNeedlessly: 0, refusedOnce: 0, unreadable: 0, neverCached: 0 },
  };
}

export function addTally(all: Tallies, tally: Tally): void {
  all.programs++;
  for (const one of tally.happened) all.happened.add(one);
  for (const name of COUNTED) {
    const counted = tally[name];
    all[name] += typeof counted === 'number' ? counted : counted.length;
  }
}

/** Of the entries whose answer a write did not change: the share that was lost all the same. */
export function overInvalidation({ kept, lostNeedlessly }: Tallies): number {
  return lostNeedlessly / Math.max(1, kept + lostNeedlessly);
}

export function tallyText(all: Tallies): string {
  const share = `${Math.round(overInvalidation(all) * 1_000) / 10} % of the entries that a write did not change were lost`;
  return `${all.programs} programs; ${COUNTED.map((name) => `${name} ${all[name]}`).join(', ')}; ${share}`;
}
