// A reporter for vitest: tells the process that has started the test runner what begins and what ends, and the errors outside of any test.
// Of a test that fails it tells why at once, since a run that is interrupted prints no summary.
const MAX_SHOWN = 1_000;
const tell = (message) => process.send?.(message);

export default class ProgressReporter {
  onTestModuleQueued({ id, relativeModuleId }) {
    tell({ began: id, name: relativeModuleId });
  }

  onTestCaseReady({ id, fullName, module }) {
    tell({ began: id, name: `${module.relativeModuleId} > ${fullName}` });
  }

  onTestCaseResult(test) {
    const { id, fullName, module } = test;
    tell({ ended: id });
    for (const { message, stack = message } of test.result().errors ?? [])
      tell({ failed: `${module.relativeModuleId} > ${fullName}`, why: String(stack).slice(0, MAX_SHOWN) });
  }

  /** On a busy machine the runner tells the end of a test before its beginning, now and then: what has a result has ended. */
  onTestModuleEnd({ id, children }) {
    for (const test of children.allTests()) if (test.result().state !== 'pending') tell({ ended: test.id });
    tell({ ended: id });
  }

  onTestRunEnd(_modules, unhandledErrors) {
    for (const { name, message, cause, VITEST_TEST_PATH: file } of unhandledErrors)
      tell({ unhandled: `${name}: ${message}${cause ? ` (${cause.message})` : ''}`, file });
  }
}
