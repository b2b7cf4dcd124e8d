export { failingCases, type ContractCase } from './testing/contract-case.js';
export { lockProviderContract, type LockProviderHarness } from './testing/lock-provider-contract.js';
export { ManualClock } from './testing/manual-clock.js';
export { versionedStoreContract } from './testing/versioned-store-contract.js';
export type { MakeVersionedStoreHarness, VersionedStoreHarness } from './testing/versioned-store-harness.js';
export type { VersionedStoreHistoriesOptions } from './testing/versioned-store-histories.js';
