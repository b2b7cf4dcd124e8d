import { parseArgs } from 'node:util';
import { startPostgres } from '../../servers/index.js';
import { checkHistory } from './checker.js';
import { readHistory, type HistoryRecord } from './history.js';
import { PLANS, type PlanName } from './plan.js';
import { keepHistory, runHistory } from './run-history.js';
import { summarize } from './summary.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    plan: { type: 'string', default: 'long' },
    check: { type: 'string' },
  },
});

function isPlan(name: string): name is PlanName {
  return name in PLANS;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function tell(history: readonly HistoryRecord[]): number {
  for (const [name, times] of Object.entries(summarize(history))) say(`${String(times).padStart(8)}  ${name}`);
  const violations = checkHistory(history);
  for (const { promise, what } of violations.slice(0, 20)) say(`BROKEN (${promise}): ${what}`);
  say(violations.length === 0 ? 'Every promise was kept.' : `${violations.length} violations.`);
  return violations.length;
}

async function soak(minutes: number, seed: number, plan: string): Promise<number> {
  if (!(minutes > 0) || !Number.isInteger(seed)) throw new Error('Expected --minutes above 0 and a whole --seed.');
  if (!isPlan(plan)) throw new Error(`Expected as --plan one of ${Object.keys(PLANS).join(', ')}.`);
  say(`Seed ${seed}, ${minutes} minutes.`);
  const postgres = await startPostgres();
  try {
    const history = await runHistory({ seed, plan, durationMs: minutes * 60_000, postgresUrl: postgres.url });
    const broken = tell(history);
    if (broken > 0) say(`The history is in ${keepHistory(history)}; look again with npm run soak -- --check FILE.`);
    return broken;
  } finally {
    await postgres.stop();
  }
}

const broken =
  values.check === undefined
    ? await soak(Number(values.minutes), Number(values.seed), values.plan)
    : tell(readHistory(values.check));
process.exitCode = broken > 0 ? 1 : 0;
