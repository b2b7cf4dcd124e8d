// Adds up what the processes of a run have written by NODE_V8_COVERAGE, in terms of the sources.
import { readFileSync, readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { CoverageReport } from 'monocart-coverage-reports';

/** A file of which nothing was run, in V8's words: so that one that no process has loaded counts too. */
function nothingOf(file) {
  const source = readFileSync(file, 'utf8');
  const ranges = [{ startOffset: 0, endOffset: source.length, count: 0 }];
  return { url: pathToFileURL(file).href, source, functions: [{ functionName: '', isBlockCoverage: true, ranges }] };
}

/** A source of types only leaves a file with nothing to run. */
function hasCode(file) {
  return JSON.parse(readFileSync(`${file}.map`, 'utf8')).mappings !== '';
}

/**
 * @param {object} options
 * @param {string} options.written the directory that NODE_V8_COVERAGE named
 * @param {string} options.built the directory of the compiled files, with their source maps; no other file counts
 * @param {string} options.output where lcov.info, coverage-final.json and coverage-summary.json go
 * @returns {Promise<object>} Istanbul's totals: of lines, statements, functions and branches each `{ total, covered, pct }`
 */
export async function reportCoverage({ written, built, output }) {
  const isBuilt = (path) => path.startsWith(built + sep) && path.endsWith('.js');
  const report = new CoverageReport({
    logging: 'error',
    outputDir: output,
    reports: ['json', 'json-summary', 'lcovonly'],
    entryFilter: ({ url }) => url.startsWith('file:') && isBuilt(fileURLToPath(url)),
  });
  const files = readdirSync(built, { recursive: true }).map((name) => join(built, name));
  await report.add(files.filter((file) => isBuilt(file) && hasCode(file)).map(nothingOf));
  await report.addFromDir(written);
  await report.generate();
  return JSON.parse(readFileSync(join(output, 'coverage-summary.json'), 'utf8')).total;
}
