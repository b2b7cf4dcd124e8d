import { compareVersions, type Version } from './version.js';
import type { Invalidation, WriterSet } from './versioned-store.js';
import { keptValue, live, liveState, type EntryFloor, type EntryState, type Step } from './cache-entry.js';
import { isBelow } from './entry-fill.js';

/**
 * The step `invalidate`: value, lease and mark go, and the floor is the highest version known. It never carries a value, because a
 * notice can arrive late and would bring the past back with it.
 */
export function invalidateState(state: EntryState | undefined, now: number, invalidation: Invalidation): Step<void> {
  const floor = nextFloor(liveState(state, now), now, invalidation);
  return {
    state: { ...(floor !== undefined && { floor }), tombstoneUntil: now + invalidation.floorMs },
    outcome: undefined,
  };
}

/**
 * The step `set`: a writer's value over a known older one with the same tags; in every other case the announcement of its version. Other tags:
 *   1. a writer registers its key with the tags that it knows of; 2. those under which a load has registered it, and whose life ends with what was loaded, are announced; 3. the key is told to nobody.
 */
export function setState(state: EntryState | undefined, now: number, set: WriterSet): Step<'stored' | 'invalidated'> {
  const before = liveState(state, now);
  const floor = live(before?.floor, now);
  const there = keptValue(before, now);
  const order = compareVersions(there?.version, set.version);
  const isOlder = order !== undefined && order < 0 && there?.tags === set.tags;
  if (!isOlder || (floor !== undefined && isBelow(set.version, floor))) {
    const { version, floorMs } = set;
    return { state: invalidateState(state, now, { version, floorMs }).state, outcome: 'invalidated' };
  }
  const freshUntil = now + set.ttlMs;
  const { payload, version, tags } = set;
  return {
    state: {
      value: {
        payload,
        version,
        ...(tags !== undefined && { tags }),
        freshUntil,
        keptUntil: freshUntil + set.keepStaleMs,
      },
      ...(floor !== undefined && { floor }),
    },
    outcome: 'stored',
  };
}

function nextFloor(
  state: EntryState | undefined,
  now: number,
  { version, change, floorMs }: Invalidation,
): EntryFloor | undefined {
  const known = live(state?.floor, now);
  const until = now + floorMs;
  // A row may be born again at version 1: what its removal left behind must not refuse it.
  if (change === 'inserted' && known?.exclusive === true) return version && { version, exclusive: false, until };
  // A value that is past its stale life still tells a version, as long as it lies in the state.
  const stored = asFloor(state?.value?.version, until);
  const announced = asFloor(version, until, change === 'removed');
  const kind = (announced ?? stored ?? known)?.version.kind;
  return [known, stored, announced].filter((floor) => floor?.version.kind === kind).reduce(higher, undefined);
}

function asFloor(version: Version | undefined, until: number, exclusive = false): EntryFloor | undefined {
  return version && { version, exclusive, until };
}

/** The higher of two floors of one kind. At a tie the first keeps its life, so that nothing but a higher one prolongs it. */
function higher(first: EntryFloor | undefined, second: EntryFloor | undefined): EntryFloor | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  const order = compareVersions(first.version, second.version) ?? 0;
  if (order !== 0) return order > 0 ? first : second;
  return { ...first, exclusive: first.exclusive || second.exclusive };
}
