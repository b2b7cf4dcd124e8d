import { randomInt } from 'node:crypto';
import { it } from 'vitest';
import { systemClock } from '../../../lib/core/clock.js';
import type { ProviderContext } from '../../../lib/core/provider-factory.js';
import { failingCases, type ContractCase } from '../../../lib/testing/contract-case.js';
import { lockProviderContract, type LockProviderHarness } from '../../../lib/testing/lock-provider-contract.js';
import type { VersionedStoreHistoriesOptions } from '../../../lib/testing/versioned-store-histories.js';
import { extent, isLong } from '../../support/extent.js';
import { PATIENT_CALLS } from '../../support/patient.js';

/** What a case may take: a step of it counts as hanging after 20 s. */
const CASE_TIMEOUT_MS = 180_000;

/** So many cases of a file overlap: their waits do, and what they compute leaves each its time. */
export const MOST_AT_ONCE = 16;

/** One test for each case. In a concurrent suite they overlap, for most wait for something. */
export function testsOf(cases: readonly ContractCase[]): void {
  for (const { name, run } of cases) it(name, run, CASE_TIMEOUT_MS);
}

/**
 * The same where clients are dear: node-redis 5 does not get through when dozens of it connect to
 * Sentinels at once. The cases of one suite come one after the other, beside those of other suites.
 */
export function testsInTurnOf(cases: readonly ContractCase[]): void {
  for (const { name, run } of cases) it(name, { concurrent: false, timeout: CASE_TIMEOUT_MS }, run);
}

/** Which cases notice a mistake: a short run asks only those that have to, a long one all of them. */
export function noticing(suite: readonly ContractCase[], expected: readonly string[]): Promise<string[]> {
  const asked = suite.filter(({ name }) => expected.includes(name));
  return failingCases(extent(asked, suite));
}

/** A message that a mistake holds back is waited for so long. */
export const MISTAKEN_PATIENCE_MS = 2_000;

/**
 * The suite of the lock, whose cases may overlap: each has a harness of its own. Those that wait
 * longest are its last; they come first, and the others overlap with them.
 */
export function lockCasesApart(makeHarness: () => LockProviderHarness): ContractCase[] {
  const apart = lockProviderContract(makeHarness()).map(({ name }, index) => ({
    name,
    run: async () => lockProviderContract(makeHarness())[index]?.run(),
  }));
  return apart.reverse();
}

const firstSeed = isLong ? Number(process.env.TEST_SEED ?? randomInt(3_000_000)) : 1;

/**
 * Random histories, many or few. A long run begins with a seed of its own, which the names of its
 * tests tell. Seeds above 3 million are too large: the generator would take neighbours for the same.
 */
export function histories(short: number, long: number): VersionedStoreHistoriesOptions {
  return { histories: extent(short, long), seed: firstSeed };
}

/** Part of a suite's name. `TEST_SEED` gives the histories of a long run again. */
export const ofSeed = isLong ? `, histories from TEST_SEED=${String(firstSeed)}` : '';

/**
 * Locks of these lives are kept through a standstill of 3 s. Both are renewed every third; a lock on
 * Redis is lost when nine tenths have passed without a renewal, one on ZooKeeper when two thirds have.
 */
export const REDIS_LOCK_MS = 9_000;
export const ZOOKEEPER_SESSION_MS = 12_000;

/** How long a lock of this life is held to prove that it is renewed. */
export function beyond(lifeMs: number): number {
  return lifeMs * 1.2;
}

/** What the module would tell a lock provider. */
export function lockContext(namespace: string): ProviderContext {
  return { namespace, clock: systemClock, ...PATIENT_CALLS, report: () => undefined };
}
