import { describe, expect, it } from 'vitest';
import { beginLoad } from '../../../lib/core/cache-entry.js';
import { invalidateState } from '../../../lib/core/entry-change.js';
import { fillState } from '../../../lib/core/entry-fill.js';
import { extent } from '../../support/extent.js';
import { admitsLikeTheCore, explore, type Findings } from './explore.js';
import { NOTHING } from './model-state.js';
import type { Rules, Scene } from './rules.js';

const REAL: Rules = { begin: beginLoad, fill: fillState, invalidate: invalidateState, admits: admitsLikeTheCore };
const FOREVER = 1e9;
/** Two readers in one process and one in another; a writer that has no readers of its own. */
const SCENE: Scene = { ...NOTHING, readers: [0, 0, 1], versions: true, writer: -1 };
const PAIR: Scene = { ...SCENE, readers: [0, 1] };

/** Those of the scenes with most states: in the long form of the tests three readers, as in the rest, else two. */
const CROWD = extent(PAIR, SCENE);
const ONE_PROCESS = { ...CROWD, readers: CROWD.readers.map(() => 0) };

/** 414,740 states in the long form, each visited once: 18 s of processor time on a machine busy with other work. */
const SCENES: Record<string, Scene> = {
  'nothing happens': SCENE,
  'a change and an eviction': { ...CROWD, commits: 1, evictions: 1 },
  'a change and a crash': { ...CROWD, commits: 1, crashes: 1 },
  'a change and a waiter that gives up': { ...CROWD, commits: 1, impatience: 1 },
  'a change, announced by a process with readers': { ...SCENE, commits: 1, writer: 0 },
  'two changes, by the lease alone': { ...CROWD, commits: 2, versions: false },
  'two changes in one process, by the lease alone': { ...ONE_PROCESS, commits: 2, versions: false },
  'two changes with versions, and an eviction': { ...PAIR, commits: 2, evictions: 1 },
  'two changes behind a lagging replica': { ...PAIR, commits: 2, lags: 1, impatience: 1 },
  'every fault and no change': { ...CROWD, evictions: 1, crashes: 1, lockLosses: 1, impatience: 1 },
  'every fault and a change': { ...PAIR, commits: 1, evictions: 1, crashes: 1, lockLosses: 1, impatience: 1 },
};

const BY_LEASE: Scene = { ...SCENE, byLease: true };
const PAIR_BY_LEASE: Scene = { ...PAIR, byLease: true };
const CROWD_BY_LEASE: Scene = { ...CROWD, byLease: true };

/** The same without a lock service. */
const SCENES_BY_LEASE: Record<string, Scene> = {
  'nothing happens': BY_LEASE,
  'a change and an eviction': { ...CROWD_BY_LEASE, commits: 1, evictions: 1 },
  'a change and a crash': { ...CROWD_BY_LEASE, commits: 1, crashes: 1 },
  'a change and a waiter that gives up': { ...CROWD_BY_LEASE, commits: 1, impatience: 1 },
  'a change and a load that is taken for dead': { ...CROWD_BY_LEASE, commits: 1, lockLosses: 1 },
  'two changes, by the lease alone': { ...CROWD_BY_LEASE, commits: 2, versions: false },
  'two changes behind a lagging replica': { ...PAIR_BY_LEASE, commits: 2, lags: 1 },
  'every fault and a change': { ...PAIR_BY_LEASE, commits: 1, evictions: 1, crashes: 1, lockLosses: 1, impatience: 1 },
};

interface Mutant extends Partial<Rules> {
  readonly scene: Scene;
  readonly breaks: RegExp;
}

const MUTANTS: Record<string, Mutant> = {
  'a fill without the lease check': {
    scene: { ...PAIR, commits: 1 },
    breaks: /^P2/,
    fill: (state, now, fill) =>
      fillState({ ...state, lease: { token: fill.lease, until: FOREVER, loading: true } }, now, fill),
  },
  'a fill that is stored where nothing is left': {
    scene: { ...PAIR, commits: 1, evictions: 1 },
    breaks: /^P2/,
    fill: (state, now, fill) =>
      fillState(state ?? { lease: { token: fill.lease, until: FOREVER, loading: true } }, now, fill),
  },
  'a lease that an invalidation keeps': {
    scene: { ...PAIR, commits: 1 },
    breaks: /^P2/,
    invalidate: (state, now, invalidation) => {
      const { state: after, outcome } = invalidateState(state, now, invalidation);
      return { state: { ...after, ...(state?.lease && { lease: state.lease }) }, outcome };
    },
  },
  'a begin that replaces a live lease': {
    scene: { ...PAIR, impatience: 1 },
    breaks: /^progress: a load begun after the last change/,
    begin: (state, now, options) => {
      const { lease: _, ...rest } = state ?? {};
      return beginLoad(state?.value === undefined ? rest : state, now, options);
    },
  },
  'a join without comparing leases': {
    scene: { ...SCENE, commits: 1 },
    breaks: /^P3/,
    admits: (flight, reader) => (flight.begun && !flight.superseded ? 'join' : admitsLikeTheCore(flight, reader)),
  },
  'a join while the begin is under way': {
    scene: { ...SCENE, commits: 1 },
    breaks: /^P3/,
    admits: (flight, reader) => {
      const admission = admitsLikeTheCore(flight, reader);
      return admission === 'reply-under-way' ? 'join' : admission;
    },
  },
  'an older look taken for a lost lease': {
    scene: SCENE,
    breaks: /^progress: a load begun after the last change/,
    admits: (flight, reader) => {
      const admission = admitsLikeTheCore(flight, reader);
      return admission === 'look-again' ? 'superseded' : admission;
    },
  },
  'a turn that two may have': {
    scene: PAIR_BY_LEASE,
    breaks: /^P1/,
    begin: (state, now, options) => {
      const step = beginLoad(state, now, { ...options, unlessLoading: false });
      const { outcome } = step;
      return outcome.kind === 'lease' ? { ...step, outcome: { ...outcome, loading: false } } : step;
    },
  },
  'a begin that is always in vain': {
    scene: PAIR_BY_LEASE,
    breaks: /^P1/,
    begin: (state, now, options) => {
      const step = beginLoad(state, now, options);
      const { outcome } = step;
      return outcome.kind === 'lease' ? { ...step, outcome: { ...outcome, loading: true } } : step;
    },
  },
  'a fill without the floor, behind a lagging replica': {
    scene: { ...PAIR, commits: 1, lags: 1 },
    breaks: /^P2/,
    fill: (state, now, fill) => {
      const { floor: _, ...rest } = state ?? {};
      return fillState(state && rest, now, fill);
    },
  },
};

/** Scenes that several tests begin with are explored once. */
const explored = new Map<string, Findings>();
function exploreReal(scene: Scene): Findings {
  const name = JSON.stringify(scene);
  const findings = explored.get(name) ?? explore(scene, REAL);
  explored.set(name, findings);
  return findings;
}

// Nothing but computing: two seconds for most of them, and a minute where the machine has much else to do.
describe('the protocol, in every interleaving of small bounds', { timeout: 600_000 }, () => {
  it.each(Object.entries(SCENES))('keeps P1 to P3, ends, and stores the row once changes cease: %s', (_, scene) => {
    const { states, counterexample } = exploreReal(scene);
    expect(counterexample).toBeUndefined();
    expect(states).toBeGreaterThan(500); // it did go somewhere
  });

  it.each(Object.entries(SCENES_BY_LEASE))('and without a lock service: %s', (_, scene) => {
    const { states, counterexample } = exploreReal(scene);
    expect(counterexample).toBeUndefined();
    expect(states).toBeGreaterThan(200);
  });

  it.each(Object.entries(MUTANTS))('finds the counterexample of %s', (_, { scene, breaks, ...rules }) => {
    expect(exploreReal(scene).counterexample).toBeUndefined();
    const { counterexample } = explore(scene, { ...REAL, ...rules });
    expect(counterexample?.broken).toMatch(breaks);
  });
});
