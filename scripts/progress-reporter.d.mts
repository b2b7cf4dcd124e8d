interface Module {
  readonly id: string;
  readonly relativeModuleId: string;
}

interface Test {
  readonly id: string;
  readonly fullName: string;
  readonly module: Module;
  result(): {
    readonly state: string;
    readonly errors?: readonly { readonly message: string; readonly stack?: string }[];
  };
}

export default class ProgressReporter {
  onTestModuleQueued(module: Module): void;
  onTestCaseReady(test: Test): void;
  onTestCaseResult(test: Test): void;
  onTestModuleEnd(module: Module & { readonly children: { allTests(): Iterable<Test> } }): void;
  onTestRunEnd(modules: unknown, unhandledErrors: readonly object[]): void;
}
