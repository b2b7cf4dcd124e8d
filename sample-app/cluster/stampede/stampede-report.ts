import Table from 'cli-table3';
import type { CacheMode } from '../../config.js';
import { expectedAsked, medianMs, slowestMs, statuses, type Outcome } from './outcome.js';

const BAR_WIDTH = 40;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

const MEANINGS: Record<CacheMode, string> = {
  distributed: 'the lock of ZooKeeper, the store of Redis',
  'in-process': 'the lock and the store of each instance',
  off: 'no cache',
};

/** A table with a row for each mode, and under it how often the database was asked, as a picture. */
export function stampedeReport(outcomes: readonly Outcome[]): string {
  const longest = Math.max(...outcomes.map(({ mode }) => mode.length));
  const most = Math.max(...outcomes.map(({ asked }) => asked));
  const bars = outcomes.map(({ mode, asked }) => {
    return `  ${mode.padEnd(longest)}  ${bar(asked, most)} ${asked}   (${MEANINGS[mode]})`;
  });
  return `\n${table(outcomes)}\n\nHow often the database was asked:\n\n${bars.join('\n')}\n\n`;
}

function table(outcomes: readonly Outcome[]): string {
  const rows = new Table({
    head: ['Mode', 'Requests', 'Database asked', 'Median', 'Slowest', 'Statuses'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'left'],
    // No colours and no lines between the rows.
    style: { head: [], border: [], compact: true },
  });
  for (const outcome of outcomes) {
    const times = [medianMs(outcome), slowestMs(outcome)].map((ms) => `${(ms / 1_000).toFixed(2)} s`);
    const statusList = statuses(outcome).map(([status, count]) => `${count} × ${status}`);
    rows.push([outcome.mode, outcome.answers.length, asked(outcome), ...times, statusList.join(', ')]);
  }
  return rows.toString();
}

function asked(outcome: Outcome): string {
  const expected = expectedAsked(outcome);
  return outcome.asked === expected ? String(expected) : `${outcome.asked}, not ${expected}`;
}

/** To scale, in eighths of a character; what is not nothing is seen. */
function bar(value: number, most: number): string {
  const eighths = value === 0 ? 0 : Math.max(1, Math.round((value / most) * BAR_WIDTH * 8));
  return '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '');
}
