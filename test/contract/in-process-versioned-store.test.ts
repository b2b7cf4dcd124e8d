import { describe } from 'vitest';
import { systemClock } from '../../lib/core/clock.js';
import { InProcessVersionedStore } from '../../lib/stores/in-process-versioned-store.js';
import { ManualClock } from '../../lib/testing/manual-clock.js';
import { versionedStoreContract } from '../../lib/testing/versioned-store-contract.js';
import type { VersionedStoreHarness } from '../../lib/testing/versioned-store-harness.js';
import { histories, ofSeed, testsOf } from './support/contract-tests.js';

function harnessOn(clock: ManualClock | undefined): VersionedStoreHarness {
  const store = new InProcessVersionedStore({ clock: clock ?? systemClock, maxEntries: 10_000 });
  const neighbour = new InProcessVersionedStore({ clock: clock ?? systemClock, maxEntries: 10_000 });
  return {
    store,
    neighbour,
    ...(clock && { sleep: (ms: number) => clock.advance(ms) }),
    evict: (key) => {
      store.evict(key);
      return Promise.resolve();
    },
    dispose: async () => {
      await Promise.all([store.close(), neighbour.close()]);
    },
  };
}

describe(`InProcessVersionedStore keeps the contract${ofSeed}`, () => {
  describe('on a clock moved by hand', () => {
    const makeHarness = () => Promise.resolve(harnessOn(new ManualClock({ startMs: 1_000.25 })));
    testsOf(versionedStoreContract(makeHarness, histories(2_000, 10_000)));
  });

  describe.concurrent('on the system clock', () => {
    const makeHarness = () => Promise.resolve(harnessOn(undefined));
    testsOf(versionedStoreContract(makeHarness, histories(400, 2_000)));
  });
});
