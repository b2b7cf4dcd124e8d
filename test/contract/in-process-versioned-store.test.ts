import { describe, it } from 'vitest';
import { systemClock } from '../../lib/core/clock.js';
import { InProcessVersionedStore } from '../../lib/stores/in-process-versioned-store.js';
import { ManualClock } from '../../lib/testing/manual-clock.js';
import { versionedStoreContract } from '../../lib/testing/versioned-store-contract.js';
import type { VersionedStoreHarness } from '../../lib/testing/versioned-store-harness.js';

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

describe('InProcessVersionedStore keeps the contract', () => {
  describe('on a clock moved by hand', () => {
    const makeHarness = () => Promise.resolve(harnessOn(new ManualClock({ startMs: 1_000.25 })));
    for (const { name, run } of versionedStoreContract(makeHarness)) it(name, run, 120_000);
  });

  describe('on the system clock', () => {
    const makeHarness = () => Promise.resolve(harnessOn(undefined));
    for (const { name, run } of versionedStoreContract(makeHarness, { histories: 2_000, seed: 50_000 }))
      it(name, run, 120_000);
  });
});
