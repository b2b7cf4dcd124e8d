import type { CacheMode } from '../../config.js';
import type { Answer } from './storm.js';

/** What one mode has shown. */
export interface Outcome {
  readonly mode: CacheMode;
  readonly instances: number;
  /** How many queries for the report the database has counted. */
  readonly asked: number;
  readonly answers: readonly Answer[];
}

/** How often the database is asked when everything is as it should be. */
export function expectedAsked({ mode, instances, answers }: Outcome): number {
  switch (mode) {
    case 'distributed':
      return 1;
    case 'in-process':
      return instances;
    case 'off':
      return answers.length;
  }
}

/** How many answers have which status, the most frequent first. */
export function statuses({ answers }: Outcome): [status: string, count: number][] {
  const counts = new Map<string, number>();
  for (const { status } of answers) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].sort(([, one], [, other]) => other - one);
}

export function isAsExpected(outcome: Outcome): boolean {
  return outcome.asked === expectedAsked(outcome) && outcome.answers.every(({ status }) => status === '200');
}

export function medianMs({ answers }: Outcome): number {
  const sorted = answers.map(({ elapsedMs }) => elapsedMs).sort((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}

export function slowestMs({ answers }: Outcome): number {
  return Math.max(...answers.map(({ elapsedMs }) => elapsedMs));
}
