import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { CASES, type Case } from './cases.js';
import { judge } from './judge.js';
import { leftovers } from './leftovers.js';
import { SCALES, SETTINGS, type Length } from './settings.js';
import { STAGES, Stage } from './stage.js';
import { tablesOf, writeTables, writtenTables, type Run } from './table.js';

const { values } = parseArgs({
  options: {
    long: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    write: { type: 'boolean', default: false },
    minutes: { type: 'string' },
    faults: { type: 'boolean' },
  },
});
const length: Length = values.long ? 'long' : 'short';
const chosen = CASES.filter(({ name }) => name.includes(values.only));
if (chosen.length === 0) throw new Error(`No case has "${values.only}" in its name.`);

const say = (line: string): boolean => process.stdout.write(`${line}\n`);
let broken = 0;

function complain(complaints: readonly string[]): void {
  broken += complaints.length;
  for (const complaint of complaints) say(`  NOT AS IT MUST BE: ${complaint}`);
}

async function runAll(cases: readonly Case[]): Promise<Run[]> {
  const runs: Run[] = [];
  for (const kind of STAGES) {
    const here = cases.filter(({ stage }) => stage === kind);
    if (here.length === 0) continue;
    const stage = await Stage.open(kind, length);
    try {
      for (const each of here) {
        say(each.name);
        const { measured, complaints } = await judge(stage, each);
        complain(complaints);
        runs.push({ each, measured });
      }
      await stage.fleet.fill();
      complain(await leftovers(stage));
    } finally {
      await stage.close();
    }
  }
  return CASES.flatMap((each) => runs.filter((run) => run.each === each));
}

function about(): string {
  const { model = 'unknown' } = cpus()[0] ?? {};
  const machine = `${cpus().length} × ${model.trim()}, ${Math.round(totalmem() / 1e9)} GB, Node ${process.versions.node}`;
  const { workers, requestsPerSecond, keys } = SCALES[length];
  const { ttlMs, loadMs, storeTimeoutMs, lockTimeoutMs } = SETTINGS;
  return (
    `${workers} instances; ${requestsPerSecond} requests a second for each policy (fewer where the machine was too busy to carry them: the column tells), over ${keys} keys; \`ttlMs\` ${ttlMs}, a load of ${loadMs} ms in PostgreSQL; ` +
    `\`storeTimeoutMs\` ${storeTimeoutMs}, \`lockTimeoutMs\` ${lockTimeoutMs}. ${machine}.`
  );
}

const until = Date.now() + Number(values.minutes ?? 0) * 60_000;
let runs: Run[];
do runs = await runAll(chosen);
while (Date.now() < until);

/** What stays of the page was measured on the machine that it tells of. */
function write(): void {
  const before = writtenTables();
  const isPart = runs.length < CASES.length;
  if (isPart && !before.includes(about())) throw new Error('The page tells of another machine: run all cases.');
  writeTables(tablesOf(runs, length, isPart ? before : ''), about());
}

say(`\n${tablesOf(runs, length)}`);
if (values.write) write();
say(broken === 0 ? 'All is as it must be.' : `${broken} things are not as they must be.`);
process.exitCode = broken > 0 ? 1 : 0;
