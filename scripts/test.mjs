// `npm test [-- what vitest takes]`: installs what is missing, builds, and runs all tests or those that were named.
// `--coverage` runs them against the built library and counts what they run of it; `--long` runs the long form of what is random or repeated.
// The last line counts what really ran; nothing run is a failure. A run ends: a process of tests that is silent for too long is killed, and what it was at is told.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from './build.mjs';
import { CoverageCount } from './coverage/count.mjs';
import { slowestFiles } from './durations.mjs';
import { failedTests, skippedTests } from './failed-tests.mjs';
import { installPackages } from './install.mjs';
import { Progress } from './progress.mjs';

/** Longer than the longest time limit of a test: whatever is silent for so long does not even hear its time limit. */
const SILENT_MS = Number(process.env.TEST_SILENT_MS ?? 12 * 60_000);
/** So long the runner may take to tell what is left when its processes are gone. */
const LAST_WORDS_MS = 60_000;

installPackages();
// Some tests start processes of their own, which run what was built.
build();

const root = fileURLToPath(new URL('..', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'distributed-cache-report-'));
const report = join(directory, 'report.json');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const progressReporter = join(root, 'scripts', 'progress-reporter.mjs');
const reporters = [
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
  `--reporter=${progressReporter}`,
];
const OWN = ['--coverage', '--long'];
const given = process.argv.slice(2);
const named = given.filter((arg) => !OWN.includes(arg));
const coverage = given.includes('--coverage') ? new CoverageCount() : undefined;
const extent = given.includes('--long') ? { TEST_EXTENT: 'long' } : {};
const child = spawn(process.execPath, [vitest, 'run', ...reporters, ...named], {
  cwd: root,
  env: { ...process.env, ...coverage?.env, ...extent },
  stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
const progress = new Progress(performance.now());
child.on('message', (message) => {
  progress.hear(message, performance.now());
  if (message.failed !== undefined) console.error(`\nFailed: ${message.failed}\n${message.why}\n`);
});

/** The processes in which vitest runs tests, and not the servers beside them. */
function killWorkers() {
  const found = spawnSync('pgrep', ['-P', String(child.pid), '-f', 'vitest/dist/workers/'], { encoding: 'utf8' });
  for (const pid of (found.stdout ?? '').split('\n').filter(Boolean)) process.kill(Number(pid), 'SIGKILL');
}

let killing;
const watch = setInterval(() => {
  const now = performance.now();
  if (killing !== undefined || progress.silentMs(now) < SILENT_MS) return;
  const silence = `Nothing has begun or ended for ${Math.round(SILENT_MS / 1_000)} s. Killing the processes of:`;
  console.error([silence, ...progress.underWay(now)].join('\n'));
  progress.giveUp(now);
  killWorkers();
  killing = setTimeout(() => {
    killing = undefined;
    if (progress.silentMs(performance.now()) < LAST_WORDS_MS) return;
    console.error('The test runner itself does not end. Killing it.');
    child.kill('SIGKILL');
  }, LAST_WORDS_MS + 1_000);
}, 1_000);

const code = await new Promise((resolve) => child.once('close', (status) => resolve(status ?? 1)));
clearInterval(watch);
clearTimeout(killing);

let counts;
try {
  counts = JSON.parse(readFileSync(report, 'utf8'));
} catch {
  console.error('The test runner left no report.');
}
rmSync(directory, { recursive: true, force: true });
const shortfalls = (await coverage?.report()) ?? [];
for (const line of slowestFiles(counts, root)) console.log(line);
// Of some of the tests no coverage is expected.
const complaints = named.length === 0 ? shortfalls : [];
for (const complaint of complaints) console.error(complaint);
const passed = counts?.numPassedTests ?? 0;
const failures = [...(counts === undefined ? [] : failedTests(counts, root)), ...progress.unfinished()];
const failed = failures.filter((line) => line.startsWith('FAILED ')).length;
const skipped = skippedTests(counts);
for (const line of failures) console.log(line);
for (const { what, file } of progress.unhandled)
  console.log(`UNHANDLED ${file ? `${relative(root, file)}: ` : ''}${what}`);
if (passed + failed === 0) console.error('No test ran.');
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = code !== 0 ? code : passed + failed === 0 || failed > 0 || complaints.length > 0 ? 1 : 0;
