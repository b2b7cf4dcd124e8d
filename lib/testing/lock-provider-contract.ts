import type { ContractCase } from './contract-case.js';
import { contentionCases } from './lock-contract/contention-cases.js';
import { closingCases, losingCases } from './lock-contract/ending-cases.js';
import { holdingCases } from './lock-contract/holding-cases.js';
import type { LockProviderHarness } from './lock-contract/lock-harness.js';
import { waitingCases } from './lock-contract/waiting-cases.js';

export type { LockProviderHarness } from './lock-contract/lock-harness.js';

/**
 * What is expected of every `LockProvider`, as cases for any test runner. They need no fake: run them against the real service.
 *
 * A case waits for conditions, never for time (the keep-alive case excepted, which takes `holdBeyondMs`); a healthy provider needs
 * milliseconds for most of them. Give each some 60 seconds, since a step that hangs is only told from a slow one after `patienceMs`.
 *
 * ```ts
 * for (const contractCase of lockProviderContract({ open: () => openMyProvider(), dispose: async () => {} })) {
 *   it(contractCase.name, () => contractCase.run(), 60_000);
 * }
 * ```
 */
export function lockProviderContract(harness: LockProviderHarness): ContractCase[] {
  return [
    ...holdingCases(harness),
    ...waitingCases(harness),
    ...contentionCases(harness),
    ...closingCases(harness),
    ...losingCases(harness),
  ];
}
