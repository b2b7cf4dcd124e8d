import type {
  EagerRefreshPolicy,
  LoadLimitPolicy,
  LoadPolicy,
  LockUnavailablePolicy,
  SharePolicy,
  UnavailablePolicy,
  WaitTimeoutPolicy,
} from '../core/load-policy.js';
import { numberWithin, oneOf, trueOrFalse, wholeNumber, type OptionRule } from './option-rules.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The longest that anything is kept: ten years of milliseconds are still exact in a Lua number. */
export const MAX_LIFE_MS = 3_650 * DAY_MS;

/** A function of a loaded value. It is written as a method, because TypeScript then lets it ask for a more exact type than `unknown`. */
export type ValueFunction<Result> = {
  /** Gets the loaded value. */
  bivariant(value: unknown): Result;
}['bivariant'];

/**
 * How a key is cached. Given to the module it is the default for all keys; given to `@LockedCacheable()` or `getOrLoad()` it holds for that route or call,
 * and what is left out comes from the module. Durations are whole milliseconds.
 */
export interface CachePolicy {
  /**
   * How long a value is fresh at most, counted from the moment before its load began, by the store's clock; see `ttlJitter`. 1 to 315,360,000,000 (ten years). Default 60,000.
   * 0 is refused: to cache nothing, leave the decorator away or set `enabled: false`.
   *
   * Or a function that tells it for one value: a number of milliseconds, rounded down; below 1 the value is returned and not stored; more than ten years are ten years. When it throws or gives anything else, a promise
   * or `NaN`, the value is not stored either, and the event `not-stored` (`policy-failed`) says why.
   */
  readonly ttlMs?: number | ValueFunction<number>;
  /**
   * `ttlMs` for `null`, the answer that there is nothing; `null` is then never served stale. 0 to ten years; 0: `null` is not stored. Default: `ttlMs`, as for every other value.
   */
  readonly negativeTtlMs?: number;
  /**
   * The share of its ttl by which each fill shortens it at random, at most, so that what was loaded together does not expire together. Never longer than `ttlMs`. 0 to 0.9. Default 0.1; 0: exactly `ttlMs`.
   */
  readonly ttlJitter?: number;
  /**
   * Whether a loaded value is stored; what is not is returned all the same, to those too who waited for it in this instance. It must answer `true` or `false` at once; when it throws or gives anything else the value is not stored, and the event
   * `not-stored` (`policy-failed`) says why. Default: every value is.
   */
  readonly cacheIf?: ValueFunction<boolean>;
  /**
   * Loads a value anew, in the background and under the lock, while it is still fresh, so that no caller waits when it expires; the hit that starts it is answered at once. A number: from this share of its ttl on, 0.8 for the last fifth; 0 to 0.99.
   * `{ beta }`: each hit decides by chance, which grows as the end comes near, with the time that the key took to load in this instance (XFetch); 1 is the best there, more is earlier, at most 100. Default 0: never.
   */
  readonly eagerRefresh?: EagerRefreshPolicy;
  /**
   * So long after `ttlMs` a stale value is still served, at once, while one load in the background refreshes it. 0 to ten years. Default 0: never.
   */
  readonly staleWhileRevalidateMs?: number;
  /**
   * So long after `ttlMs` a stale value may be served because the load failed, or because the wait ran out (`onWaitTimeout: 'stale'`). 0 to ten years. Default 0: never.
   */
  readonly staleIfErrorMs?: number;
  /**
   * The longest own load. Then the loader's signal fires, callers get a `LoadTimeoutError`, and a result that still comes is refused. 1 to 86,400,000 (a day).
   * Default 30,000. `floorMs` must be at least this and `storeTimeoutMs` together.
   */
  readonly loadTimeoutMs?: number;
  /**
   * A caller for whom there is a stale value (within `staleIfErrorMs`) waits no longer than this for a load, here or elsewhere: it gets the stale value, and the load goes on in the background and is stored.
   * 1 to 86,400,000; needs `staleIfErrorMs` > 0. Default: `loadTimeoutMs`, from which on it has no effect.
   */
  readonly softLoadTimeoutMs?: number;
  /** The longest wait for another's load; then `onWaitTimeout`. 0 to 86,400,000. Default: `loadTimeoutMs`. 0: do not wait. */
  readonly waitMs?: number;
  /**
   * What happens when `waitMs` ran out. `'load'` (default): try the lock once more, then load ourselves, one load per process; `'stale'`: serve a stale value if there is one, else load (needs
   * `staleIfErrorMs` > 0); `'fail'`: reject with a `WaitTimeoutError`.
   */
  readonly onWaitTimeout?: WaitTimeoutPolicy;
  /**
   * What happens to a load when this instance runs `maxConcurrentLoads` already (an option of the module). `'wait'` (default): it waits for its turn, for `waitMs` at most and behind `maxQueuedLoads` others at most; `'shed'`: it does not wait. What gets no
   * turn is a stale value within `staleIfErrorMs`, else a `LoadLimitError` (a route answers 503). Refreshes in the background never wait.
   */
  readonly onLoadLimit?: LoadLimitPolicy;
  /**
   * What happens when the lock service is down, slow, or has lost our session. `'lease'` (default): the store's lease serves as the lock, so one instance loads and the others wait for the value; `'load'`: load,
   * one load per process; `'stale'`: a stale value if there is one, which one instance then refreshes in the background, else as `'lease'` (needs `staleIfErrorMs` > 0); `'fail'`: reject with a
   * `LockUnavailableError`.
   */
  readonly onLockUnavailable?: LockUnavailablePolicy;
  /** What happens when the store is down. `'load'` (default): load and store nothing, one load per process; `'fail'`: reject with a `StoreUnavailableError`. */
  readonly onStoreUnavailable?: UnavailablePolicy;
  /**
   * After a failed load, how long others get its error instead of loading again, here and in other instances. 0 to 3,600,000 (an hour). Default 1,000.
   * 0: nobody shares it but the callers of that load in its own instance.
   */
  readonly failureBackoffMs?: number;
  /**
   * How far the replica that the loader reads from may lag behind. What is loaded within this time after an announcement is fresh no longer than this time, and never served stale.
   * 0 to 3,600,000 (an hour), at most the module's `floorMs`. Default 0: the loader reads the primary.
   */
  readonly replicaLagMs?: number;
  /** A value larger than this (bytes of its encoded form) is returned, not stored, with an event. 1 to 536,870,912 (what Redis can hold). Default 8,388,608. */
  readonly maxValueBytes?: number;
  /** Abort the loader's signal when nobody waits for it any more. Default false: it finishes and fills. */
  readonly cancelUnwatched?: boolean;
  /**
   * What callers get. `'copy'` (default): each a value of its own, to change as it likes. `'frozen'`: a value that is frozen all the way down, on a miss as on a hit, which saves the callers of
   * one load their copies. Frozen values throw when they are changed, the methods of `Date`, `Map` and `Set` too; an entity cannot be saved then, nor load a lazy relation. A value with bytes, a `RegExp` or a
   * `URL` in it, which cannot be frozen, is frozen around them and shared with nobody. What cannot be encoded is handed out as the loader gave it.
   */
  readonly share?: SharePolicy;
}

export const fixedTtlRule = wholeNumber('milliseconds', 1, MAX_LIFE_MS);

const functionRule: OptionRule = {
  expected: 'a function of the loaded value',
  cure: 'Pass a function, or leave it out.',
  accepts: (value) => typeof value === 'function',
};

export const POLICY_RULES = {
  ttlMs: {
    expected: `${fixedTtlRule.expected}, or a function of the loaded value that gives one`,
    cure: fixedTtlRule.cure,
    accepts: (value) => typeof value === 'function' || fixedTtlRule.accepts(value),
  },
  negativeTtlMs: wholeNumber('milliseconds', 0, MAX_LIFE_MS),
  ttlJitter: numberWithin(0, 0.9),
  cacheIf: functionRule,
  eagerRefresh: {
    expected: 'a share of the ttl from 0 to 0.99, or { beta } with a number above 0 and up to 100',
    cure: 'Write eagerRefresh: 0.8 or eagerRefresh: { beta: 1 }, or leave it out.',
    accepts: isEagerRefresh,
  },
  staleWhileRevalidateMs: wholeNumber('milliseconds', 0, MAX_LIFE_MS),
  staleIfErrorMs: wholeNumber('milliseconds', 0, MAX_LIFE_MS),
  loadTimeoutMs: wholeNumber('milliseconds', 1, DAY_MS),
  softLoadTimeoutMs: wholeNumber('milliseconds', 1, DAY_MS),
  waitMs: wholeNumber('milliseconds', 0, DAY_MS),
  onWaitTimeout: oneOf('load', 'stale', 'fail'),
  onLoadLimit: oneOf('wait', 'shed'),
  onLockUnavailable: oneOf('lease', 'load', 'stale', 'fail'),
  onStoreUnavailable: oneOf('load', 'fail'),
  failureBackoffMs: wholeNumber('milliseconds', 0, HOUR_MS),
  replicaLagMs: wholeNumber('milliseconds', 0, HOUR_MS),
  maxValueBytes: wholeNumber('bytes', 1, 536_870_912),
  cancelUnwatched: trueOrFalse,
  share: oneOf('copy', 'frozen'),
} satisfies Record<keyof CachePolicy, OptionRule>;

const DEFAULTS: Omit<LoadPolicy, 'waitMs' | 'softLoadTimeoutMs'> = {
  ttlMs: 60_000,
  ttlJitter: 0.1,
  eagerRefresh: 0,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  loadTimeoutMs: 30_000,
  onWaitTimeout: 'load',
  onLoadLimit: 'wait',
  onLockUnavailable: 'lease',
  onStoreUnavailable: 'load',
  failureBackoffMs: 1_000,
  replicaLagMs: 0,
  maxValueBytes: 8_388_608,
  cancelUnwatched: false,
  share: 'copy',
};

function isEagerRefresh(value: unknown): boolean {
  if (typeof value === 'number') return value >= 0 && value <= 0.99;
  if (typeof value !== 'object' || value === null || Object.keys(value).join() !== 'beta') return false;
  const { beta } = value as { readonly beta: unknown };
  return typeof beta === 'number' && beta > 0 && beta <= 100;
}

/** What is given of a policy, without what counts as left out. Other names are ignored: they are checked before. */
export function givenPolicy(options: object): CachePolicy {
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (Object.hasOwn(POLICY_RULES, name) && value !== undefined) given[name] = value;
  }
  return given;
}

export function completePolicy(given: CachePolicy): LoadPolicy {
  const policy = { ...DEFAULTS, ...given };
  const { loadTimeoutMs } = policy;
  return {
    ...policy,
    softLoadTimeoutMs: given.softLoadTimeoutMs ?? loadTimeoutMs,
    waitMs: given.waitMs ?? loadTimeoutMs,
  };
}

/** What is wrong between options that are right one by one. */
export function policyConflicts(
  policy: LoadPolicy,
  store: { readonly floorMs: number; readonly storeTimeoutMs: number },
): string[] {
  const mistakes: string[] = [];
  if (policy.onWaitTimeout === 'stale' && policy.staleIfErrorMs === 0) {
    mistakes.push(
      "onWaitTimeout: expected staleIfErrorMs above 0 beside 'stale', got staleIfErrorMs 0: there would never be a stale value to serve. Set staleIfErrorMs, or take 'load' or 'fail'.",
    );
  }
  if (policy.onLockUnavailable === 'stale' && policy.staleIfErrorMs === 0) {
    mistakes.push(
      "onLockUnavailable: expected staleIfErrorMs above 0 beside 'stale', got staleIfErrorMs 0: there would never be a stale value to serve. Set staleIfErrorMs, or take 'lease', 'load' or 'fail'.",
    );
  }
  if (policy.softLoadTimeoutMs < policy.loadTimeoutMs && policy.staleIfErrorMs === 0) {
    mistakes.push(
      `softLoadTimeoutMs: expected staleIfErrorMs above 0 beside ${String(policy.softLoadTimeoutMs)}, got staleIfErrorMs 0: there would never be a stale value to serve. Set staleIfErrorMs, or leave softLoadTimeoutMs out.`,
    );
  }
  const leaseMs = leaseLifeMs(policy.loadTimeoutMs, store.storeTimeoutMs);
  if (store.floorMs < leaseMs) {
    mistakes.push(
      `floorMs: expected at least the life of a lease, ${String(leaseMs)} (loadTimeoutMs ${String(policy.loadTimeoutMs)} + storeTimeoutMs ${String(store.storeTimeoutMs)}), ` +
        `got ${String(store.floorMs)}: a slow load could store a row older than an announced one. Raise the module's floorMs, or lower loadTimeoutMs.`,
    );
  }
  if (store.floorMs < policy.replicaLagMs) {
    mistakes.push(
      `replicaLagMs: expected at most floorMs ${String(store.floorMs)}, got ${String(policy.replicaLagMs)}: announcements are not remembered that long. Raise the module's floorMs.`,
    );
  }
  return mistakes;
}

/** A lease covers the longest load and the command that stores its result. */
export function leaseLifeMs(loadTimeoutMs: number, storeTimeoutMs: number): number {
  return loadTimeoutMs + storeTimeoutMs;
}
