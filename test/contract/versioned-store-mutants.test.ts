import { describe, expect, it } from 'vitest';
import { failingCases } from '../../lib/testing/contract-case.js';
import { ManualClock } from '../../lib/testing/manual-clock.js';
import { versionedStoreContract } from '../../lib/testing/versioned-store-contract.js';
import { SteppedStore, mutants, rightSteps, type Steps } from './mutant-stores.js';

const HISTORIES = [
  'histories: random ones are as the protocol says',
  'histories: random ones in which time passes are as the protocol says',
];

/** For each mutant the case that was written against it. */
const NOTICED_BY: Readonly<Record<string, string>> = {
  'no lease check': 'fill: refused without a lease, whatever lease it names',
  'no floor': 'fill: refused below the announced floor, and its lease stays',
  'begin that replaces a live lease': 'begin: never replaces a live lease',
  'fill that leaves the lease': 'read: a filled value is fresh, and its lease is gone',
  'invalidate that keeps the lease': 'fill: refused when a change was announced since the begin',
  'equal versions refused': 'fill: an equal version renews',
};

function suiteOf(steps: Steps) {
  return versionedStoreContract(
    () => {
      const clock = new ManualClock();
      const store = new SteppedStore(() => clock.elapsedMs(), steps);
      const evict = (key: string) => Promise.resolve(void store.states.delete(key));
      return Promise.resolve({ store, evict, sleep: (ms) => clock.advance(ms), dispose: () => Promise.resolve() });
    },
    { histories: 600 },
  );
}

describe('versionedStoreContract', () => {
  it('passes a store whose steps are right', async () => {
    expect(await failingCases(suiteOf(rightSteps))).toEqual([]);
  });

  it.each(Object.keys(mutants))('fails a store with this mistake: %s', async (name) => {
    const failing = await failingCases(suiteOf({ ...rightSteps, ...mutants[name] }));
    expect(failing).toEqual(expect.arrayContaining([NOTICED_BY[name], ...HISTORIES]));
  });
});
