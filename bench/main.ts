import { writeFileSync } from 'node:fs';
import { CommandLineError, parseCommandLine, type BenchOptions } from './command-line.js';
import { PARTS } from './parts/index.js';
import { asMarkdown, asTable, exitCode, machine } from './report.js';
import type { Row } from './row.js';
import { Stage } from './stage.js';

const HELP = `npm run bench -- [part …] [option …]

Measures every budget of the project on servers of its own, which it starts and removes. Counts are told by the servers; times are
medians of interleaved slices in proportion to a yardstick's slice of the same round.

Parts, all of them when none is named:
${Object.entries(PARTS)
  .map(([name, { what }]) => `  ${name.padEnd(10)} ${what}`)
  .join('\n')}

Options:
  --processes N  how many processes the stampede grows to (default 16)
  --quick        few and short slices: shows that everything runs, not how fast it is
  --json FILE    writes the rows, with all figures, to a file
  --markdown     prints the table for a document
  --help         this

The exit code is 1 when a count or a memory budget is broken, 2 for a command line that makes no sense. A time that misses its budget on
this machine is information: the exit code stays 0.
`;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** To standard error, so that the table alone can be redirected. */
function progress(line: string): void {
  process.stderr.write(`… ${line}\n`);
}

async function run(options: BenchOptions): Promise<Row[]> {
  const stage = new Stage(options, progress);
  const rows: Row[] = [];
  try {
    for (const name of options.parts) {
      progress(`${name}: ${PARTS[name]?.what ?? ''}`);
      rows.push(...((await PARTS[name]?.run(stage)) ?? []));
    }
  } finally {
    await stage.close();
  }
  return rows;
}

function publish(rows: readonly Row[], { json, markdown }: BenchOptions): void {
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ machine: machine(), rows }, undefined, 2)}\n`);
  say(`${machine()}\n`);
  say(markdown ? asMarkdown(rows) : asTable(rows));
  const missed = rows.filter(({ verdict }) => verdict === 'missed');
  say(
    missed.length === 0
      ? '\nEvery budget holds.'
      : `\nMissed: ${missed.map(({ part, what }) => `${part} (${what})`).join('; ')}.`,
  );
}

async function main(): Promise<number> {
  const options = parseCommandLine(process.argv.slice(2), Object.keys(PARTS));
  if (options.help) {
    say(HELP);
    return 0;
  }
  const rows = await run(options);
  publish(rows, options);
  return exitCode(rows);
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof CommandLineError ? error.message : String((error as Error).stack)}\n`);
  process.exitCode = error instanceof CommandLineError ? 2 : 3;
}
