import { compareVersions, type Version } from './version.js';
import type { Fill, FillOutcome, LoadMark } from './versioned-store.js';
import { freshValue, keptValue, live, liveState, storedValue, type EntryState, type Step } from './cache-entry.js';

/** How a load ends: {@link fillState} when it has a value, {@link markState} when nothing of it is stored. */
export function fillState(state: EntryState | undefined, now: number, fill: Fill): Step<FillOutcome> {
  const before = liveState(state, now);
  if (before === undefined) return { state, outcome: { stored: false, reason: 'evicted' } };
  // 1. our fill is stored; 2. its reply is lost; 3. we repeat it. The lease is gone by our own doing.
  if (before.value?.fillId === fill.fillId) return { state, outcome: { stored: true } };
  if (live(before.lease, now)?.token !== fill.lease) return { state, outcome: withoutLease(before, now) };
  const floor = refusingFloor(before, now, fill.version);
  if (floor !== undefined) return { state, outcome: { stored: false, reason: 'older', floor } };
  const announced = live(before.floor, now);
  const freshUntil = begunAtMs(fill.begunAt, now) + fill.ttlMs;
  return {
    state: {
      value: {
        payload: fill.payload,
        ...(fill.version !== undefined && { version: fill.version }),
        ...(fill.tags !== undefined && { tags: fill.tags }),
        freshUntil,
        keptUntil: freshUntil + fill.keepStaleMs,
        fillId: fill.fillId,
      },
      ...(announced !== undefined && { floor: announced }),
    },
    outcome: { stored: true },
  };
}

/** The step `mark`. The lease stays, so that others who began under it may still fill. */
export function markState(
  state: EntryState | undefined,
  now: number,
  args: { readonly lease: string; readonly mark: LoadMark; readonly forMs: number },
): Step<void> {
  const lease = live(state?.lease, now);
  if (lease?.token !== args.lease) return { state, outcome: undefined };
  return {
    state: {
      ...state,
      lease: { token: lease.token, until: lease.until, loading: false },
      mark: { mark: args.mark, until: now + args.forMs },
    },
    outcome: undefined,
  };
}

/** A fresh value tells that somebody was faster. In all other cases the lease was wiped, or ran out and with it the proof. */
function withoutLease(state: EntryState, now: number): FillOutcome {
  const fresh = freshValue(state, now);
  if (fresh === undefined) return { stored: false, reason: 'invalidated' };
  return { stored: false, reason: 'filled', current: storedValue(fresh, now) };
}

/** The highest version that stands against storing `version`: the announced floor, or that of the value which is still there. */
function refusingFloor(state: EntryState, now: number, version: Version | undefined): Version | undefined {
  const announced = live(state.floor, now);
  const stored = keptValue(state, now)?.version;
  const byAnnouncement = announced !== undefined && isBelow(version, announced) ? announced.version : undefined;
  const byValue = stored !== undefined && isBelow(version, { version: stored, exclusive: false }) ? stored : undefined;
  if (byAnnouncement === undefined || byValue === undefined) return byAnnouncement ?? byValue;
  return byValue.order > byAnnouncement.order ? byValue : byAnnouncement;
}

/** Whether a version is refused by a floor. Versions that do not compare are not: then the lease alone decides. */
export function isBelow(
  version: Version | undefined,
  floor: { readonly version: Version; readonly exclusive: boolean },
): boolean {
  const order = compareVersions(version, floor.version);
  return order !== undefined && (order < 0 || (order === 0 && floor.exclusive));
}

/** The begin as the store told it; never later than now, whatever the caller hands back. */
function begunAtMs(begunAt: string, now: number): number {
  const begun = Number(begunAt);
  return Number.isFinite(begun) ? Math.min(begun, now) : now;
}
