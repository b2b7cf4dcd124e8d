export interface TimedReport {
  readonly testResults: readonly { readonly name: string; readonly startTime: number; readonly endTime: number }[];
}

export declare function slowestFiles(report: TimedReport | undefined, root: string): string[];

export declare function shares(
  steps: readonly { readonly name: string; readonly seconds: number }[],
  budgetSeconds: number,
): string[];
