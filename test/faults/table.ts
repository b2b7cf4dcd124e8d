import { readFileSync, writeFileSync } from 'node:fs';
import { CASES, CHAPTERS, durationOf, type Case, type Chapter, type Expectation } from './cases.js';
import type { Measured } from './run-case.js';
import type { Length } from './settings.js';
import { rowsOf, slowestLoadOf, type Row } from './verdict.js';

const PAGE = new URL('../../docs/resilience.md', import.meta.url);
const BEGIN = '<!-- measured by npm run faults: begin -->';
const END = '<!-- measured by npm run faults: end -->';

const TITLES: Readonly<Record<Chapter, string>> = {
  ZooKeeper: 'ZooKeeper',
  Redis: 'Redis',
  PostgreSQL: 'PostgreSQL',
  process: 'The process',
  input: 'What comes in',
};

const LOADS: Readonly<Record<Expectation['loads'], string>> = {
  fleet: 'one',
  process: 'one per process',
  turn: 'one at a time per process',
};

const HEAD = [
  '| Fault | Policy | Requests | Failed | Slowest, ms | Loads | Back after, ms |',
  '| --- | --- | --- | --- | --- | --- | --- |',
];

export interface Run {
  readonly each: Case;
  readonly measured: Measured;
}

/**
 * The tables of the page: what was measured, and in brackets what is allowed.
 *
 * @param before of cases that were not run, the rows of these tables stay
 */
export function tablesOf(runs: readonly Run[], length: Length, before = ''): string {
  const kept = rowsByName(before);
  return CHAPTERS.flatMap((chapter) => {
    const rows = CASES.filter((each) => each.chapter === chapter).flatMap((each) => {
      const run = runs.find((one) => one.each === each);
      return run === undefined ? (kept.get(nameOf(each, length)) ?? []) : rowsOfRun(run, length);
    });
    return rows.length === 0 ? [] : [`### ${TITLES[chapter]}`, '', ...HEAD, ...rows, ''];
  }).join('\n');
}

/** The rows of each case, which is named in its first. */
function rowsByName(tables: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  let rows: string[] = [];
  for (const line of tables.split('\n').filter((each) => each.startsWith('| ') && !HEAD.includes(each))) {
    const [, name = ''] = line.split('|').map((cell) => cell.trim());
    if (name !== '') found.set(name, (rows = []));
    rows.push(line);
  }
  return found;
}

function rowsOfRun({ each, measured }: Run, length: Length): string[] {
  return rowsOf(each, measured).map((row, index) => {
    const expectation = each.policies[row.policy]!;
    const cells = [
      index === 0 ? nameOf(each, length) : '',
      `\`${row.policy}\``,
      String(row.requests),
      `${row.failed} (${failuresOf(expectation)})`,
      `${Math.round(row.slowestMs)} (${slowestOf(each, measured)})`,
      `${row.loads} (${LOADS[expectation.loads]}${expectation.more === undefined ? '' : ` + ${expectation.more}`})`,
      recoveryOf(each, row, measured),
    ];
    return `| ${cells.join(' | ')} |`;
  });
}

export function nameOf(each: Case, length: Length): string {
  const forMs = durationOf(each, length);
  return forMs === undefined ? each.name : `${each.name}, ${forMs / 1_000} s`;
}

function failuresOf({ mayFail }: Expectation): string {
  return mayFail === undefined ? '0' : `${mayFail.join(', ')} meanwhile`;
}

function slowestOf({ slowestMs }: Case, measured: Measured): string {
  return String(Math.round(slowestLoadOf(measured) + slowestMs));
}

function recoveryOf({ recoveryMs, succeeded }: Case, row: Row, { backAt, faultAt }: Measured): string {
  if (row.recoveryMs === undefined) return 'never';
  const sinceKill = succeeded ? `; ${Math.round(backAt - faultAt + row.recoveryMs)} from the kill` : '';
  return `${Math.round(row.recoveryMs)} (${recoveryMs})${sinceKill}`;
}

/** The part of the page that a run writes. */
export function writtenTables(): string {
  const page = readFileSync(PAGE, 'utf8');
  return page.slice(page.indexOf(BEGIN) + BEGIN.length, page.indexOf(END));
}

export function writeTables(tables: string, about: string): void {
  const page = readFileSync(PAGE, 'utf8');
  const [before = ''] = page.split(BEGIN);
  const [, after = ''] = page.split(END);
  writeFileSync(PAGE, `${before}${BEGIN}\n\n${about}\n\n${tables}\n${END}${after}`);
}
