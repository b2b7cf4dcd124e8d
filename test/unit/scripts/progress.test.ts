import { expect, test } from 'vitest';
import ProgressReporter from '../../../scripts/progress-reporter.mjs';
import { Progress } from '../../../scripts/progress.mjs';

test('tells what is under way, and for how long', () => {
  const progress = new Progress(0);
  progress.hear({ began: 'a', name: 'test/a.test.ts' }, 1_000);
  progress.hear({ began: 'b', name: 'test/b.test.ts' }, 2_000);
  progress.hear({ ended: 'a' }, 3_000);

  expect(progress.underWay(9_000)).toEqual(['  test/b.test.ts (for 7 s)']);
});

test('the end of a file is that of all its tests that have a result, whatever was told of them before', () => {
  const progress = new Progress(0);
  const send = process.send?.bind(process);
  process.send = (message: object) => {
    progress.hear(message, 1);
    return true;
  };
  try {
    const reporter = new ProgressReporter();
    const module = { id: '1', relativeModuleId: 'test/a.test.ts' };
    const test = (id: string, state: string) => ({ id, fullName: id, module, result: () => ({ state }) });
    const tests = [test('is quick', 'passed'), test('hangs', 'pending')];
    reporter.onTestModuleQueued(module);
    reporter.onTestCaseResult(tests[0]!);
    for (const each of tests) reporter.onTestCaseReady(each);
    reporter.onTestModuleEnd({ ...module, children: { allTests: () => tests } });
  } finally {
    if (send === undefined) delete process.send;
    else process.send = send;
  }
  expect(progress.underWay(1)).toEqual(['  test/a.test.ts > hangs (for 0 s)']);
});

test('tells at once why a test has failed, for a run that is interrupted prints no summary', () => {
  const told: unknown[] = [];
  const send = process.send?.bind(process);
  process.send = (message: object) => Boolean(told.push(message));
  try {
    new ProgressReporter().onTestCaseResult({
      id: '1.1',
      fullName: 'adds up',
      module: { id: '1', relativeModuleId: 'test/a.test.ts' },
      result: () => ({ state: 'failed', errors: [{ message: 'no', stack: 'Error: no\n    at a.test.ts:1' }] }),
    });
  } finally {
    if (send === undefined) delete process.send;
    else process.send = send;
  }
  expect(told).toEqual([
    { ended: '1.1' },
    { failed: 'test/a.test.ts > adds up', why: 'Error: no\n    at a.test.ts:1' },
  ]);
});

test('a silence ends with whatever begins or ends, and when it is acted upon', () => {
  const progress = new Progress(100);
  expect(progress.silentMs(500)).toBe(400);
  progress.hear({ began: 'a', name: 'test/a.test.ts' }, 600);
  expect(progress.silentMs(700)).toBe(100);
  progress.hear({ ended: 'a' }, 800);
  expect(progress.silentMs(900)).toBe(100);

  progress.hear({ began: 'b', name: 'test/b.test.ts' }, 1_000);
  progress.giveUp(5_000);
  expect(progress.silentMs(5_100)).toBe(100);
  expect(progress.underWay(5_100)).toEqual([]);
});

test('what never ended has failed: the test, or the file when none of its tests is known to have begun', () => {
  const progress = new Progress(0);
  progress.hear({ began: '1', name: 'test/a.test.ts' }, 1);
  progress.hear({ began: '1.1', name: 'test/a.test.ts > ends' }, 2);
  progress.hear({ ended: '1.1' }, 3);
  progress.hear({ began: '1.2', name: 'test/a.test.ts > hangs' }, 4);
  progress.hear({ began: '2', name: 'test/b.test.ts' }, 5);
  progress.hear({ began: '3', name: 'test/c.test.ts' }, 6);
  progress.hear({ ended: '3' }, 7);
  progress.giveUp(8);

  expect(progress.unfinished().filter((line) => line.startsWith('FAILED'))).toEqual([
    'FAILED TEST test/a.test.ts > hangs',
    'FAILED FILE test/b.test.ts',
  ]);
});

test('keeps the errors outside of any test, with the file in which they came', () => {
  const progress = new Progress(0);
  progress.hear({ unhandled: 'Error: no', file: '/project/test/a.test.ts' }, 1);
  progress.hear({ unhandled: 'Error: nowhere' }, 1);

  expect(progress.unhandled).toEqual([
    { what: 'Error: no', file: '/project/test/a.test.ts' },
    { what: 'Error: nowhere', file: undefined },
  ]);
});
