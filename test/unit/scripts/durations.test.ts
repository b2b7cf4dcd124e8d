import { expect, test } from 'vitest';
import { shares, slowestFiles } from '../../../scripts/durations.mjs';

const file = (name: string, seconds: number) => ({
  name: `/project/test/${name}.test.ts`,
  startTime: 5_000,
  endTime: 5_000 + seconds * 1_000,
});

test('names the ten slowest files, the slowest first, and the sum of all', () => {
  const testResults = Array.from({ length: 12 }, (_, index) => file(`t${index + 1}`, index + 1));
  const [sum, ...lines] = slowestFiles({ testResults }, '/project');
  expect(sum).toBe('The slowest of 12 files, which took 78.0 s one by one:');
  expect(lines).toHaveLength(10);
  expect(lines[0]).toBe('   12.0 s  test/t12.test.ts');
  expect(lines[9]).toBe('    3.0 s  test/t3.test.ts');
});

test('says nothing of files when there is no report, or none in it', () => {
  expect(slowestFiles(undefined, '/project')).toEqual([]);
  expect(slowestFiles({ testResults: [] }, '/project')).toEqual([]);
});

test("prints each step's share of the sum", () => {
  const steps = [
    { name: 'tests', seconds: 150 },
    { name: 'lint', seconds: 50 },
  ];
  expect(shares(steps, 200)).toEqual([
    'tests        150 s   75 %',
    'lint          50 s   25 %',
    'all          200 s  100 %',
  ]);
});

test('says so when the sum is above the budget', () => {
  const over = shares([{ name: 'tests', seconds: 1_201 }], 1_200);
  expect(over.at(-1)).toBe('OVER BUDGET: all steps took 1201 s, the budget is 1200 s.');
});
