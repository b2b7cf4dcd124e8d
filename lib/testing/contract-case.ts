/**
 * One case of a contract suite, for any test runner: `for (const c of suite) it(c.name, () => c.run())`.
 * `run` rejects with an `AssertionError` when the implementation does not keep the contract.
 */
export interface ContractCase {
  readonly name: string;
  /** Rejects when the contract is not kept. */
  run(): Promise<void>;
}

/**
 * The names of the cases that fail. For tests of a suite itself: a deliberately broken implementation must make it
 * name something. Cases run one after the other.
 */
export async function failingCases(cases: readonly ContractCase[]): Promise<string[]> {
  const failing: string[] = [];
  for (const contractCase of cases) {
    try {
      await contractCase.run();
    } catch {
      failing.push(contractCase.name);
    }
  }
  return failing;
}
