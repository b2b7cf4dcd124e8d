import { readConfig } from '../../config.js';
import { startServers } from '../cluster-servers.js';
import { run } from '../command-line.js';
import { stopSignal } from '../stop-signal.js';
import { isAsExpected, type Outcome } from './outcome.js';
import { readStampedeOptions, STAMPEDE_USAGE, type StampedeOptions } from './stampede-options.js';
import { stampedeProgress } from './stampede-progress.js';
import { stampedeReport } from './stampede-report.js';
import { runMode, type Surroundings } from './stampede-run.js';

/** What the instances wrote is shown only when something went wrong, and then its end. */
const LINES_KEPT = 40;

async function main(): Promise<number> {
  const options = readStampedeOptions(process.argv.slice(2));
  const config = readConfig(process.env);
  const stop = stopSignal();
  process.stdout.write('Starting ZooKeeper, Redis and PostgreSQL, those of them that are not named.\n');
  const servers = await startServers(config);
  const lines: string[] = [];
  const onLine = (name: string, line: string): void => {
    if (lines.push(`${name} | ${line}`) > LINES_KEPT) lines.shift();
  };
  try {
    const progress = stampedeProgress(process.stdout);
    const outcomes = await runModes(options, { servers: servers.addresses, progress, onLine, stop });
    process.stdout.write(stampedeReport(outcomes));
    if (outcomes.every(isAsExpected)) return 0;
    throw new Error('the table shows what was not expected.');
  } catch (error) {
    if (!stop.aborted) process.stderr.write(`The last lines of the instances:\n${lines.join('\n')}\n`);
    throw error;
  } finally {
    await servers.stop();
  }
}

async function runModes(options: StampedeOptions, surroundings: Surroundings): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const mode of options.modes) {
    surroundings.stop.throwIfAborted();
    outcomes.push(await runMode(mode, options, surroundings));
  }
  return outcomes;
}

await run('The stampede', STAMPEDE_USAGE, main);
