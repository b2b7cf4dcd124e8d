// Where the time of a run goes, in lines to print.
import { relative } from 'node:path';

const FILES = 10;

/**
 * @param {{ testResults: { name: string, startTime: number, endTime: number }[] } | undefined} report what the test runner leaves; times in milliseconds
 * @param {string} root paths are written from here
 * @returns {string[]} the files that took longest, the slowest first; nothing without a report
 */
export function slowestFiles(report, root) {
  const results = report?.testResults ?? [];
  const files = results.map(({ name, startTime, endTime }) => ({ name, ms: endTime - startTime }));
  const slowest = files.sort((a, b) => b.ms - a.ms).slice(0, FILES);
  if (slowest.length === 0) return [];
  const sumMs = files.reduce((sum, { ms }) => sum + ms, 0);
  return [
    `The slowest of ${files.length} files, which took ${seconds(sumMs)} s one by one:`,
    ...slowest.map(({ name, ms }) => `${seconds(ms).padStart(7)} s  ${relative(root, name)}`),
  ];
}

/**
 * @param {{ name: string, seconds: number }[]} steps in their order
 * @param {number} budgetSeconds how long all of them may take
 * @returns {string[]} each step's time and its share of the sum, and a warning when the sum is above the budget
 */
export function shares(steps, budgetSeconds) {
  const sum = steps.reduce((total, step) => total + step.seconds, 0);
  const share = (part) => `${String(Math.round((100 * part) / Math.max(sum, 1))).padStart(3)} %`;
  const line = (name, part) => `${name.padEnd(10)} ${String(part).padStart(5)} s  ${share(part)}`;
  return [
    ...steps.map(({ name, seconds: part }) => line(name, part)),
    line('all', sum),
    ...(sum > budgetSeconds ? [`OVER BUDGET: all steps took ${sum} s, the budget is ${budgetSeconds} s.`] : []),
  ];
}

function seconds(ms) {
  return (ms / 1_000).toFixed(1);
}
