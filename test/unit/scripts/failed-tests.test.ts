import { expect, test } from 'vitest';
import { failedTests, skippedTests } from '../../../scripts/failed-tests.mjs';

const passed = { status: 'passed', fullName: 'adds' };
const failed = (fullName: string, ...failureMessages: string[]) => ({ status: 'failed', fullName, failureMessages });

const report = (...testResults: Parameters<typeof failedTests>[0]['testResults']) => ({ testResults });

test('names each failed test by its file, with the beginning of its message and none of the stack of packages', () => {
  const message =
    '\u001B[31mAssertionError: expected 1 to be 2\u001B[39m\n\n    at /home/me/project/node_modules/vitest/x.js:1:1\n    at /home/me/project/test/a.test.ts:3:4';
  const lines = failedTests(
    report({
      name: '/home/me/project/test/a.test.ts',
      status: 'failed',
      assertionResults: [passed, failed('sums add', message)],
    }),
    '/home/me/project',
  );

  expect(lines).toEqual([
    'FAILED TEST test/a.test.ts > sums add',
    '  AssertionError: expected 1 to be 2',
    '  at /home/me/project/test/a.test.ts:3:4',
  ]);
});

test('counts a file that could not be loaded as one failure, and a file whose tests passed as none', () => {
  const lines = failedTests(
    report(
      { name: '/project/test/broken.test.ts', status: 'failed', message: 'SyntaxError: no', assertionResults: [] },
      { name: '/project/test/fine.test.ts', status: 'passed', message: '', assertionResults: [passed] },
    ),
    '/project',
  );

  expect(lines).toEqual(['FAILED FILE test/broken.test.ts', '  SyntaxError: no']);
});

test('cuts a long message', () => {
  const message = Array.from({ length: 50 }, () => 'x'.repeat(1_000)).join('\n');
  const lines = failedTests(
    report({ name: '/p/a.test.ts', status: 'failed', assertionResults: [failed('long', message)] }),
    '/p',
  );

  expect(lines.join('\n').length).toBeLessThan(1_500);
});

test('counts what was left out on purpose, and not what a process never came to', () => {
  const results = ['passed', 'skipped', 'todo', 'pending', 'failed'].map((status) => ({ status, fullName: status }));

  expect(skippedTests(report({ name: '/p/a.test.ts', status: 'failed', assertionResults: results }))).toBe(2);
  expect(skippedTests(undefined)).toBe(0);
});
