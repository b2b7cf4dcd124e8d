import { describe, expect, it } from 'vitest';
import { beginLoad } from '../../../lib/core/cache-entry.js';
import { invalidateState } from '../../../lib/core/entry-change.js';
import { fillState } from '../../../lib/core/entry-fill.js';
import { admitsLikeTheCore, explore } from './explore.js';
import { NOTHING } from './model-state.js';
import type { Rules, Scene } from './rules.js';
import { appendFileSync } from 'node:fs';

const REAL: Rules = { begin: beginLoad, fill: fillState, invalidate: invalidateState, admits: admitsLikeTheCore };
const FOREVER = 1e9;
/** Two readers in one process and one in another; a writer that has no readers of its own. */
const SCENE: Scene = { ...NOTHING, readers: [0, 0, 1], versions: true, writer: -1 };
const PAIR: Scene = { ...SCENE, readers: [0, 1] };

const SCENES: Record<string, Scene> = {
  'nothing happens': SCENE,
  'a change and an eviction': { ...SCENE, commits: 1, evictions: 1 },
  'a change and a crash': { ...SCENE, commits: 1, crashes: 1 },
  'a change and a waiter that gives up': { ...SCENE, commits: 1, impatience: 1 },
  'a change, announced by a process with readers': { ...SCENE, commits: 1, writer: 0 },
  'two changes, by the lease alone': { ...SCENE, commits: 2, versions: false },
  'two changes in one process, by the lease alone': { ...SCENE, readers: [0, 0, 0], commits: 2, versions: false },
  'two changes with versions, and an eviction': { ...PAIR, commits: 2, evictions: 1 },
  'two changes behind a lagging replica': { ...PAIR, commits: 2, lags: 1, impatience: 1 },
  'every fault and no change': { ...SCENE, evictions: 1, crashes: 1, lockLosses: 1, impatience: 1 },
  'every fault and a change': { ...PAIR, commits: 1, evictions: 1, crashes: 1, lockLosses: 1, impatience: 1 },
};

const MUTANTS: Record<string, Partial<Rules>> = {
  'fill without the lease check': {
    fill: (state, now, fill) =>
      fillState({ ...state, lease: { token: fill.lease, until: FOREVER, loading: true } }, now, fill),
  },
  'a fill that finds nothing is stored': {
    fill: (state, now, fill) =>
      fillState(state ?? { lease: { token: fill.lease, until: FOREVER, loading: true } }, now, fill),
  },
  'a lease that invalidate keeps': {
    invalidate: (state, now, invalidation) => {
      const { state: after, outcome } = invalidateState(state, now, invalidation);
      return { state: { ...after, ...(state?.lease && { lease: state.lease }) }, outcome };
    },
  },
  'a begin that replaces a live lease': {
    begin: (state, now, options) => {
      if (state?.value !== undefined) return beginLoad(state, now, options);
      const { lease: _, ...rest } = state ?? {};
      return beginLoad(rest, now, options);
    },
  },
  'a join without comparing leases': {
    admits: (flight, reader) => {
      const admission = admitsLikeTheCore(flight, reader);
      return flight.begun && !flight.superseded ? 'join' : admission;
    },
  },
  'a join while the begin is under way': {
    admits: (flight, reader) => {
      const admission = admitsLikeTheCore(flight, reader);
      return admission === 'reply-under-way' ? 'join' : admission;
    },
  },
  'an older look taken for a lost lease': {
    admits: (flight, reader) => {
      const admission = admitsLikeTheCore(flight, reader);
      return admission === 'look-again' ? 'superseded' : admission;
    },
  },
  'no floor': {
    fill: (state, now, fill) => {
      const { floor: _, ...rest } = state ?? {};
      return fillState(state && rest, now, fill);
    },
  },
};
function cpu() {
  return process.cpuUsage().user / 1000;
}
describe('x', () => {
  it.each(Object.entries(SCENES))('%s', (title, s) => {
    const t = cpu();
    const f = explore(s, REAL);
    appendFileSync('/tmp/w/model.out', `R ${title} ${f.states} ${f.counterexample?.broken} ${Math.round(cpu() - t)}\n`);
    expect(f.counterexample).toBeUndefined();
  });
});
describe('mutants', () => {
  it.each(Object.entries(MUTANTS))('%s', (name, rules) => {
    for (const [title, scene] of Object.entries(SCENES)) {
      if (!/^no floor|^a join|^an older/.test(name)) continue;
      const t = cpu();
      const f = explore(scene, { ...REAL, ...rules });
      appendFileSync('/tmp/w/model.out', `M ${name} | ${title} | ${f.states} | ${f.counterexample?.broken} ${f.counterexample?.steps.length} ${Math.round(cpu() - t)}\n`);
    }
  });
});
