// Loaded into every process of a run with coverage: counts what it runs of the files below COUNTED_FILES, and writes it to COVERAGE_DIRECTORY when it ends. Node does so by NODE_V8_COVERAGE,
// too, but reads and writes the source map of every module with it, which was a third of the time that a process takes to start.
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';

const { COVERAGE_DIRECTORY: directory, COUNTED_FILES: counted } = process.env;
const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });

let written = 0;

/** Writes what was run since the last time. */
export function takeCoverage() {
  // The session is one of this very thread: the answer comes before the call returns.
  session.post('Profiler.takePreciseCoverage', (error, reply) => {
    if (error) throw error;
    const scripts = reply.result.filter(({ url }) => url.startsWith(counted));
    if (scripts.length === 0) return;
    // Numbers of processes come again, threads share theirs.
    const name = `${process.pid}-${threadId}-${Date.now()}-${written++}.json`;
    writeFileSync(join(directory, name), JSON.stringify(scripts));
  });
}

process.on('exit', takeCoverage);
// An application that was told to end passes the signal on to itself when it has closed everything, and dies of it.
const kill = process.kill.bind(process);
process.kill = (pid, signal) => {
  if (pid === process.pid && signal !== 0) takeCoverage();
  return kill(pid, signal);
};
