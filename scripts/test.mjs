// `npm test [-- what vitest takes]`: installs what is missing, builds, and runs all tests or those that were named.
// The last line counts what really ran; nothing run is a failure.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from './build.mjs';
import { failedTests } from './failed-tests.mjs';
import { installPackages } from './install.mjs';

installPackages();
// Some tests start processes of their own, which run what was built.
build();

const root = fileURLToPath(new URL('..', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'distributed-cache-report-'));
const report = join(directory, 'report.json');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
const child = spawn(process.execPath, [vitest, 'run', ...reporters, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
const code = await new Promise((resolve) => child.once('close', (status) => resolve(status ?? 1)));

let counts;
try {
  counts = JSON.parse(readFileSync(report, 'utf8'));
} catch {
  console.error('The test runner left no report.');
}
rmSync(directory, { recursive: true, force: true });
const passed = counts?.numPassedTests ?? 0;
const failures = counts === undefined ? [] : failedTests(counts, root);
const failed = failures.filter((line) => line.startsWith('FAILED ')).length;
const skipped = (counts?.numPendingTests ?? 0) + (counts?.numTodoTests ?? 0);
for (const line of failures) console.log(line);
if (passed + failed === 0) console.error('No test ran.');
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = code !== 0 ? code : passed + failed === 0 || failed > 0 ? 1 : 0;
