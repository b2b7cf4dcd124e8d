// Adds up what the processes of a run have written (test/support/coverage/of-process.mjs), in terms of the sources.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { CoverageReport } from 'monocart-coverage-reports';

/** A file of which nothing was run, in V8's words: so that one that no process has loaded counts too. */
function nothingOf(file) {
  const source = readFileSync(file, 'utf8');
  const ranges = [{ startOffset: 0, endOffset: source.length, count: 0 }];
  return { url: pathToFileURL(file).href, source, functions: [{ functionName: '', isBlockCoverage: true, ranges }] };
}

/** What one process has run, each script with its source. */
function readRun(file) {
  const scripts = JSON.parse(readFileSync(file, 'utf8'));
  return scripts.map((script) => ({ ...script, source: readFileSync(fileURLToPath(script.url), 'utf8') }));
}

/** A source of types only leaves a file with nothing to run. */
function hasCode(file) {
  return JSON.parse(readFileSync(`${file}.map`, 'utf8')).mappings !== '';
}

/**
 * @param {object} options
 * @param {string} options.written the directory in which the processes wrote
 * @param {string} options.built the directory of the compiled files that they counted, with their source maps
 * @param {string} options.output where lcov.info, coverage-final.json and coverage-summary.json go
 * @returns {Promise<object>} Istanbul's totals: of lines, statements, functions and branches each `{ total, covered, pct }`
 */
export async function reportCoverage({ written, built, output }) {
  const report = new CoverageReport({
    logging: 'error',
    outputDir: output,
    reports: ['json', 'json-summary', 'lcovonly'],
  });
  const files = readdirSync(built, { recursive: true }).map((name) => join(built, name));
  await report.add(files.filter((file) => file.endsWith('.js') && hasCode(file)).map(nothingOf));
  for (const name of readdirSync(written)) await report.add(readRun(join(written, name)));
  await report.generate();
  return JSON.parse(readFileSync(join(output, 'coverage-summary.json'), 'utf8')).total;
}
