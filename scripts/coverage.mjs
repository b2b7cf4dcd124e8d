// `npm run coverage [-- what vitest takes]`: runs the tests against the built library and adds up what they and all processes that they start have run of it.
// The whole must reach the thresholds below. Reports for tools and people go to coverage/.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const THRESHOLDS = { statements: 97, branches: 92.5, functions: 96.5, lines: 98 };

const root = fileURLToPath(new URL('..', import.meta.url));
const hook = new URL('../test/support/coverage/before-own-signal.mjs', import.meta.url);
const args = process.argv.slice(2);

function runTests(written) {
  const env = { ...process.env, NODE_V8_COVERAGE: written };
  env.NODE_OPTIONS = [process.env.NODE_OPTIONS, `--import=${hook.href}`].filter(Boolean).join(' ');
  const child = spawn(process.execPath, [join(root, 'scripts', 'test.mjs'), ...args], { env, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => child.once('close', (code) => resolve(code ?? 1)));
}

/** What is below its threshold; nothing when only some of the tests were run. */
function shortfalls(total) {
  if (args.length > 0) return [];
  return Object.entries(THRESHOLDS)
    .filter(([name, least]) => total[name].pct < least)
    .map(([name, least]) => `Coverage of ${name} is ${total[name].pct} %, below its threshold of ${least} %.`);
}

const written = mkdtempSync(join(tmpdir(), 'distributed-cache-coverage-'));
try {
  const code = await runTests(written);
  // Not before: on a fresh machine the run of the tests has installed what this needs.
  const { reportCoverage } = await import('./coverage/report.mjs');
  const total = await reportCoverage({
    written,
    built: join(root, 'dist', 'lib'),
    output: join(root, 'coverage'),
  });
  for (const name of Object.keys(THRESHOLDS)) {
    console.log(`${name.padEnd(10)} ${total[name].pct} % (${total[name].covered} of ${total[name].total})`);
  }
  const complaints = shortfalls(total);
  for (const complaint of complaints) console.error(complaint);
  process.exitCode = code !== 0 ? code : complaints.length > 0 ? 1 : 0;
} finally {
  rmSync(written, { recursive: true, force: true });
}
