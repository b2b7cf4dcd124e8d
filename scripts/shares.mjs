// `node scripts/shares.mjs BUDGET_SECONDS 'name seconds'...`: prints each step's share of a run, and says so when the run was longer than its budget.
import { shares } from './durations.mjs';

const [budget, ...steps] = process.argv.slice(2);
const parsed = steps.map((step) => {
  const [name, seconds] = step.split(' ');
  return { name, seconds: Number(seconds) };
});
for (const line of shares(parsed, Number(budget))) console.log(line);
