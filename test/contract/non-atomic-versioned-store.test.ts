import { describe } from 'vitest';
import { systemClock } from '../../lib/core/clock.js';
import { NonAtomicVersionedStore, type KeyValuePort } from '../../lib/stores/non-atomic-versioned-store.js';
import { versionedStoreContract } from '../../lib/testing/versioned-store-contract.js';
import type { VersionedStoreHarness } from '../../lib/testing/versioned-store-harness.js';
import { histories, ofSeed, testsOf } from './support/contract-tests.js';

/** A table that answers later, so that steps which did not wait for each other would mix. */
function slowTable(): KeyValuePort & { readonly rows: Map<string, string> } {
  const rows = new Map<string, string>();
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return {
    rows,
    get: async (key) => {
      await turn();
      return rows.get(key);
    },
    set: async (key, value) => {
      await turn();
      rows.set(key, value);
    },
    delete: async (key) => {
      await turn();
      rows.delete(key);
    },
  };
}

function makeHarness(): Promise<VersionedStoreHarness> {
  const port = slowTable();
  let wallMs = Date.UTC(2020, 1, 29);
  const open = (prefix: string) =>
    new NonAtomicVersionedStore({ port, clock: systemClock, timeoutMs: 60_000, prefix, wallClockMs: () => wallMs });
  const store = open('ours:');
  const neighbour = open('theirs:');
  return Promise.resolve({
    store,
    neighbour,
    sleep: (ms) => {
      wallMs += ms;
      return Promise.resolve();
    },
    evict: (key) => {
      for (const row of port.rows.keys()) if (row.startsWith('ours:') && row.endsWith(`:${key}`)) port.rows.delete(row);
      return Promise.resolve();
    },
    dispose: async () => {
      await Promise.all([store.close(), neighbour.close()]);
    },
  });
}

describe(`NonAtomicVersionedStore keeps the contract within one process${ofSeed}`, () => {
  testsOf(versionedStoreContract(makeHarness, histories(300, 2_000)));
});
