import { describe, expect, it } from 'vitest';
import { failingCases } from '../../lib/testing/contract-case.js';
import { ManualClock } from '../../lib/testing/manual-clock.js';
import { versionedStoreContract } from '../../lib/testing/versioned-store-contract.js';
import {
  SteppedStore,
  leaseLockMutants,
  mutants,
  rightSteps,
  rightTagSteps,
  taggedSetMutants,
  tagMutants,
  type Steps,
  type TagSteps,
} from './mutant-stores.js';
import { noticing } from './support/contract-tests.js';

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

const LEASE_LOCK_NOTICED_BY: Readonly<Record<string, string>> = {
  'begin that prolongs the word of whoever loads':
    'renew: a load that says nothing more is not believed for longer, whoever asks; its lease is, and it may fill',
  'a load that is believed as long as its lease':
    'renew: a load that says nothing more is not believed for longer, whoever asks; its lease is, and it may fill',
  'renew under any lease': 'renew: under a lease that is gone it says so, and leaves nothing',
};

const TAGGED_SET = 'set: of a value with other tags it announces its version';

const TAGS_NOTICED_BY: Readonly<Record<string, string>> = {
  'no registration': 'tags: an announcement tells the keys that are registered, and no others',
  'a look for announcements, and then the registration':
    'tags: of a registration and an announcement at the same time, one sees the other',
  'no look for announcements': 'tags: a load that began before the announcement is not registered',
  'a registration that was read at an unknown time is always taken':
    'tags: what was read at an unknown time is registered only while no announcement is remembered',
  'keys that are read before the announcement is written':
    'tags: of a registration and an announcement at the same time, one sees the other',
  'keys that are forgotten when they are told': 'tags: an announcement can be repeated, for its reply may be lost',
};

function noticedBy(table: Readonly<Record<string, string>>, mutant: string): string {
  return table[mutant] ?? `no case was written against: ${mutant}`;
}

function suiteOf(steps: Steps, tagSteps?: TagSteps) {
  return versionedStoreContract(
    () => {
      const clock = new ManualClock();
      const store = new SteppedStore(() => clock.elapsedMs(), steps, tagSteps);
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
    const expected = [noticedBy(NOTICED_BY, name), ...HISTORIES];
    const failing = await noticing(suiteOf({ ...rightSteps, ...mutants[name] }), expected);
    expect(failing).toEqual(expect.arrayContaining(expected));
  });

  it.each(Object.keys(taggedSetMutants))('fails a store with this mistake in what writers set: %s', async (name) => {
    const failing = await noticing(suiteOf({ ...rightSteps, ...taggedSetMutants[name] }), [TAGGED_SET, ...HISTORIES]);
    expect(failing).toContain(TAGGED_SET);
    // Writers seldom meet what writers have set, so not every kind of history has to find it.
    expect(failing.filter((one) => HISTORIES.includes(one))).not.toEqual([]);
  });

  it.each(Object.keys(leaseLockMutants))('fails a store whose lease is no lock: %s', async (name) => {
    const expected = noticedBy(LEASE_LOCK_NOTICED_BY, name);
    expect(await noticing(suiteOf({ ...rightSteps, ...leaseLockMutants[name] }), [expected])).toContain(expected);
  });

  it.each(Object.keys(tagMutants))('fails a store with this mistake in its tags: %s', async (name) => {
    const expected = noticedBy(TAGS_NOTICED_BY, name);
    expect(await noticing(suiteOf(rightSteps, { ...rightTagSteps, ...tagMutants[name] }), [expected])).toContain(
      expected,
    );
  });
});
