// Which tests failed, and with what, from the report that the test runner leaves: short enough to stand at the end of a log whose rest is cut off.
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

const LINES_OF_MESSAGE = 6;
const CHARACTERS_OF_LINE = 200;

/**
 * @param {{ testResults: { name: string, status: string, message?: string, assertionResults: { status: string, fullName: string, failureMessages?: string[] }[] }[] }} report
 * @param {string} root paths are written from here
 * @returns {string[]} two lines and more for each failure; a file that could not even be loaded has no failed test of its own, and still is one
 */
export function failedTests({ testResults }, root) {
  return testResults.flatMap((file) => {
    const path = relative(root, file.name);
    const tests = file.assertionResults.filter(({ status }) => status === 'failed');
    if (tests.length > 0)
      return tests.flatMap((test) => [`FAILED TEST ${path} > ${test.fullName}`, ...told(test.failureMessages?.[0])]);
    return file.status === 'failed' ? [`FAILED FILE ${path}`, ...told(file.message)] : [];
  });
}

/** How many tests were left out on purpose. Those of a process that ended before they did are none of these. */
export function skippedTests(report) {
  const results = (report?.testResults ?? []).flatMap(({ assertionResults }) => assertionResults);
  return results.filter(({ status }) => status === 'skipped' || status === 'todo').length;
}

/** The beginning of a message; of its stack, only our own lines. */
function told(message = 'without a message') {
  return stripVTControlCharacters(message)
    .split('\n')
    .map((line) => line.trim().slice(0, CHARACTERS_OF_LINE))
    .filter((line) => line !== '' && !line.includes('node_modules'))
    .slice(0, LINES_OF_MESSAGE)
    .map((line) => `  ${line}`);
}
