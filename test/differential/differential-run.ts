import { parseArgs } from 'node:util';
import { startMariaDb, startPostgres, startRedis } from '../../servers/index.js';
import type { Database } from './databases/database.js';
import { DATABASES, openDatabase, type DatabaseName, type Server } from './databases/open.js';
import { drawProgram } from './program.js';
import { kindOf, reportOf } from './report.js';
import { runProgram } from './run.js';
import { shrink, type Found } from './shrink.js';
import { addTally, emptyTallies, tallyText, type Tallies } from './tallies.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    programs: { type: 'string' },
    database: { type: 'string' },
    // read by the script that starts this
    typeorm: { type: 'string' },
  },
});

/** A kind of fault: the seeds in which it was found. */
type Kinds = Map<string, string[]>;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function namesOf(given: string | undefined): readonly DatabaseName[] {
  if (given === undefined) return DATABASES;
  const found = DATABASES.filter((name) => name === given);
  if (found.length === 0)
    throw new Error(`Expected as --database one of ${DATABASES.join(', ')}, but was given ${given}.`);
  return found;
}

async function openAll(names: readonly DatabaseName[]): Promise<{ databases: Database[]; close(): Promise<void> }> {
  const open: { close(): Promise<void> }[] = [];
  const urlOf = async (server: Server): Promise<string> => {
    const started = await { postgres: startPostgres, mariadb: startMariaDb, redis: startRedis }[server]();
    open.push({ close: () => started.stop() });
    return started.url;
  };
  const databases: Database[] = [];
  const close = async (): Promise<void> => {
    for (const one of open.reverse()) await one.close();
  };
  try {
    for (const name of names) {
      const database = await openDatabase(name, urlOf);
      databases.push(database);
      open.push(database);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { databases, close };
}

/** Runs a program, and tells what was found the first time that something of its kind is. */
async function tell(seed: number, database: Database, kinds: Kinds, all: Tallies): Promise<void> {
  const program = drawProgram(seed, database);
  const where = `seed ${seed} on ${database.name}`;
  let found: Found;
  try {
    const { finding, tally } = await runProgram(program, database);
    addTally(all, tally);
    if (finding === undefined) return;
    found = { program, finding };
  } catch (error) {
    const kind = `no-run: ${String(error).slice(0, 100)}`;
    if (!kinds.has(kind)) say(`\n${where}: the program cannot be run: ${String((error as Error).stack)}`);
    kinds.set(kind, [...(kinds.get(kind) ?? []), where]);
    return;
  }
  const small = await shrink(found, database);
  const kind = kindOf(small);
  if (!kinds.has(kind)) say(`\n${where}:\n${reportOf(small)}`);
  kinds.set(kind, [...(kinds.get(kind) ?? []), where]);
}

async function run(): Promise<number> {
  const [minutes, first] = [Number(values.minutes), Number(values.seed)];
  const most = values.programs === undefined ? Infinity : Number(values.programs);
  if (!(minutes > 0) || !Number.isInteger(first) || !(most > 0))
    throw new Error('Expected --minutes and --programs above 0 and a whole --seed.');
  const { databases, close } = await openAll(namesOf(values.database));
  const kinds: Kinds = new Map();
  const all = emptyTallies();
  const ends = Date.now() + minutes * 60_000;
  say(`From seed ${first}, ${minutes} minutes, on ${databases.map(({ name }) => name).join(', ')}.`);
  try {
    for (let seed = first; seed < first + most && Date.now() < ends; seed++)
      for (const database of databases) await tell(seed, database, kinds, all);
  } finally {
    await close();
  }
  say(`\n${tallyText(all)}.`);
  for (const [kind, where] of kinds) say(`${String(where.length).padStart(5)}  ${kind} (${where[0] ?? ''})`);
  say(kinds.size === 0 ? 'Every cached answer was the fresh one.' : `${kinds.size} kinds of faults.`);
  return kinds.size;
}

process.exitCode = (await run()) > 0 ? 1 : 0;
