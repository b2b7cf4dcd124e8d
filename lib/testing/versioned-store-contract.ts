import type { ContractCase } from './contract-case.js';
import { changeCases } from './store-cases/change-cases.js';
import { fillCases } from './store-cases/fill-cases.js';
import { keepingCases } from './store-cases/keeping-cases.js';
import { leaseLockCases } from './store-cases/lease-lock-cases.js';
import { loadCases } from './store-cases/load-cases.js';
import { tagCases } from './store-cases/tag-cases.js';
import { asContractCase, type MakeVersionedStoreHarness } from './versioned-store-harness.js';
import { versionedStoreHistories, type VersionedStoreHistoriesOptions } from './versioned-store-histories.js';

/**
 * What is expected of every `VersionedStore`, as cases for any test runner:
 *
 * ```ts
 * for (const { name, run } of versionedStoreContract(makeHarness)) it(name, run, 60_000);
 * ```
 *
 * Each case takes a harness of its own and disposes of it. The last two cases compare random histories with a reference.
 */
export function versionedStoreContract(
  makeHarness: MakeVersionedStoreHarness,
  options: VersionedStoreHistoriesOptions = {},
): ContractCase[] {
  const storeCases = [...loadCases, ...leaseLockCases, ...fillCases, ...changeCases, ...keepingCases, ...tagCases];
  return [
    ...storeCases.map((storeCase) => asContractCase(makeHarness, storeCase)),
    ...versionedStoreHistories(makeHarness, options),
  ];
}
