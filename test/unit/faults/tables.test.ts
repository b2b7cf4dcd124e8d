import { expect, it } from 'vitest';
import { CASES } from '../../faults/cases.js';
import type { Measured } from '../../faults/run-case.js';
import { nameOf, tablesOf, writtenTables } from '../../faults/table.js';

const MEASURED: Measured = {
  requests: [],
  loads: [],
  reports: new Map(),
  faultAt: 0,
  backAt: 0,
  lagMs: 0,
  recoveryMs: 12_345,
  knocksPerSecond: undefined,
  complaints: [],
};

const rowsOf = (tables: string): string[] => tables.split('\n').filter((line) => line.startsWith('| '));

it('keep the rows of cases that were not run, each in its place', () => {
  expect(rowsOf(tablesOf([], 'short', writtenTables()))).toEqual(rowsOf(writtenTables()));
  expect(rowsOf(tablesOf([], 'short'))).toEqual([]);
});

it('replace the rows of a case that was run, and those alone', () => {
  for (const each of [CASES[0]!, CASES.at(-1)!]) {
    const before = rowsOf(writtenTables());
    const after = rowsOf(tablesOf([{ each, measured: MEASURED }], 'short', writtenTables()));
    const changed = after.filter((line) => !before.includes(line));
    expect(changed).toHaveLength(Object.keys(each.policies).length);
    expect(changed[0]).toContain(`| ${nameOf(each, 'short')} |`);
    expect(changed.every((line) => line.includes('12345'))).toBe(true);
    expect(after).toHaveLength(before.length);
    expect(after.indexOf(changed[0]!)).toBe(before.findIndex((line) => line.includes(`| ${nameOf(each, 'short')} |`)));
  }
});
