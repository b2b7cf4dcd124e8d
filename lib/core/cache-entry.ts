import type { BeginOptions, BeginOutcome, KeyState, LoadMark, StoredValue } from './versioned-store.js';
import type { Version } from './version.js';

/** A value as it lies in a state. Times are milliseconds of the store's clock, here and below; a thing lives while `now < until`. */
export interface EntryValue {
  readonly payload: string;
  readonly version?: Version;
  readonly freshUntil: number;
  readonly keptUntil: number;
  /** Names the tags that it is registered with; absent: none. */
  readonly tags?: string;
  /** The fill that stored it; absent when a writer's `set` did. */
  readonly fillId?: string;
}

/** What a value has to reach before it may be stored. */
export interface EntryFloor {
  readonly version: Version;
  /** True when the version itself is refused too: its row was removed. */
  readonly exclusive: boolean;
  readonly until: number;
}

/** A generation of loads. */
export interface EntryLease {
  readonly token: string;
  readonly until: number;
  /** Somebody said that it loads under it, and has not said that it ended. */
  readonly loading: boolean;
  /** So long that is believed; absent: as long as the lease lives. */
  readonly loadingUntil?: number;
}

/** The state of one key. Never changed in place: every step makes a new one, or returns the very same when it changes nothing. */
export interface EntryState {
  readonly value?: EntryValue;
  readonly floor?: EntryFloor;
  readonly lease?: EntryLease;
  readonly mark?: { readonly mark: LoadMark; readonly until: number };
  readonly tombstoneUntil?: number;
}

/** What a step makes of a state. The state is the same object as before when there is nothing to write. */
export interface Step<Outcome> {
  readonly state: EntryState | undefined;
  readonly outcome: Outcome;
}

/** When the last thing in the state ends; the state is gone from then on. */
export function expiresAt({ value, floor, lease, mark, tombstoneUntil }: EntryState): number {
  return Math.max(
    value?.keptUntil ?? -Infinity,
    floor?.until ?? -Infinity,
    lease?.until ?? -Infinity,
    mark?.until ?? -Infinity,
    tombstoneUntil ?? -Infinity,
  );
}

/** The state, unless nothing in it lives any more. */
export function liveState(state: EntryState | undefined, now: number): EntryState | undefined {
  return state !== undefined && now < expiresAt(state) ? state : undefined;
}

/** What of a kind is still alive: a floor, a lease, a mark. */
export function live<T extends { readonly until: number }>(thing: T | undefined, now: number): T | undefined {
  return thing !== undefined && now < thing.until ? thing : undefined;
}

/** The value, while it is fresh or may be served stale. */
export function keptValue(state: EntryState | undefined, now: number): EntryValue | undefined {
  return state?.value !== undefined && now < state.value.keptUntil ? state.value : undefined;
}

/** The value, while it is fresh. */
export function freshValue(state: EntryState | undefined, now: number): EntryValue | undefined {
  return state?.value !== undefined && now < state.value.freshUntil ? state.value : undefined;
}

/** A value as callers of the store see it. */
export function storedValue(value: EntryValue, now: number): StoredValue {
  return {
    payload: value.payload,
    ...(value.version !== undefined && { version: value.version }),
    freshForMs: value.freshUntil - now,
    staleSinceMs: Math.max(0, now - value.freshUntil),
  };
}

function isLoading(lease: EntryLease | undefined, now: number): boolean {
  return lease?.loading === true && (lease.loadingUntil === undefined || now < lease.loadingUntil);
}

/** What is said of loading when one more says it, for `loadingMs` or as long as the lease lives: never less than was said before. */
function loadingFor(
  lease: EntryLease | undefined,
  now: number,
  loadingMs: number | undefined,
): Pick<EntryLease, 'loading' | 'loadingUntil'> {
  const before = lease?.loading === true ? (lease.loadingUntil ?? Infinity) : -Infinity;
  const loadingUntil = Math.max(before, now + (loadingMs ?? Infinity));
  return loadingUntil === Infinity ? { loading: true } : { loading: true, loadingUntil };
}

/** The step `read` of the protocol. Writes nothing, so it returns no state. */
export function readState(state: EntryState | undefined, now: number): KeyState {
  const value = keptValue(state, now);
  const lease = live(state?.lease, now);
  const mark = live(state?.mark, now);
  return {
    ...(value !== undefined && { value: storedValue(value, now) }),
    ...(lease !== undefined && { lease: lease.token }),
    loading: isLoading(lease, now),
    ...(mark !== undefined && { mark: mark.mark }),
  };
}

/**
 * The step `begin`. A live lease is never replaced, or loads that outlast the patience of waiters would wipe each other's lease and
 * nobody would ever fill. Only a mark of a *failed* load ends it: after an unstored one every process loads for itself.
 */
export function beginLoad(
  state: EntryState | undefined,
  now: number,
  { lease, leaseMs, loadingMs, unlessLoading = false, earlyMs = 0 }: BeginOptions,
): Step<BeginOutcome> {
  const before = liveState(state, now);
  const fresh = freshValue(before, now);
  if (fresh !== undefined && fresh.freshUntil - now >= earlyMs)
    return { state, outcome: { kind: 'fresh', value: storedValue(fresh, now) } };
  const mark = live(before?.mark, now)?.mark;
  if (mark?.kind === 'failed') return { state, outcome: { kind: 'failed', mark } };
  const found = live(before?.lease, now);
  const token = found?.token ?? lease;
  const existed = token !== lease;
  const loading = existed && isLoading(found, now);
  const until = Math.max(found?.until ?? -Infinity, now + leaseMs);
  return {
    // Whoever finds another at work only looks: to prolong its word would keep one that has crashed alive for as long as anybody asks.
    state:
      loading && unlessLoading ? state : { ...before, lease: { token, until, ...loadingFor(found, now, loadingMs) } },
    outcome: {
      kind: 'lease',
      lease: token,
      existed,
      loading,
      begunAt: String(now),
      ...(before?.tombstoneUntil !== undefined &&
        before.tombstoneUntil > now && { tombstoneForMs: before.tombstoneUntil - now }),
    },
  };
}

/** The step `renew`. */
export function renewLoad(
  state: EntryState | undefined,
  now: number,
  args: { readonly lease: string; readonly loadingMs: number },
): Step<boolean> {
  const lease = live(state?.lease, now);
  if (lease?.token !== args.lease) return { state, outcome: false };
  const { token, until } = lease;
  return { state: { ...state, lease: { token, until, ...loadingFor(lease, now, args.loadingMs) } }, outcome: true };
}
