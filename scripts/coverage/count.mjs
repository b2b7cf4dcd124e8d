// Counts what a run of the tests, with all processes that it starts, runs of the built library. The whole must reach the thresholds below. Reports for tools and
// people go to coverage/.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const THRESHOLDS = { statements: 97, branches: 92.5, functions: 96.5, lines: 98 };

const root = fileURLToPath(new URL('../..', import.meta.url));
const built = join(root, 'dist', 'lib');
const hook = new URL('../../test/support/coverage/of-process.mjs', import.meta.url);

export class CoverageCount {
  #written = mkdtempSync(join(tmpdir(), 'distributed-cache-coverage-'));

  /** The environment in which processes write what they run. */
  get env() {
    const options = [process.env.NODE_OPTIONS, `--import=${hook.href}`].filter(Boolean).join(' ');
    return { COVERAGE_DIRECTORY: this.#written, COUNTED_FILES: `${pathToFileURL(built).href}/`, NODE_OPTIONS: options };
  }

  /** Prints the totals, and returns a line for each threshold that is missed. */
  async report() {
    try {
      // Not before: on a fresh machine the packages that this needs are installed first.
      const { reportCoverage } = await import('./report.mjs');
      const output = join(root, 'coverage');
      const total = await reportCoverage({ written: this.#written, built, output });
      for (const name of Object.keys(THRESHOLDS)) {
        console.log(`${name.padEnd(10)} ${total[name].pct} % (${total[name].covered} of ${total[name].total})`);
      }
      return Object.entries(THRESHOLDS)
        .filter(([name, least]) => total[name].pct < least)
        .map(([name, least]) => `Coverage of ${name} is ${total[name].pct} %, below its threshold of ${least} %.`);
    } finally {
      rmSync(this.#written, { recursive: true, force: true });
    }
  }
}
