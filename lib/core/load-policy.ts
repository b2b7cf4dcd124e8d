/** What happens when `waitMs` ran out: try the lock once more and then load ourselves (one load per process), serve a stale value if there is one (else load), or reject with `WaitTimeoutError`. */
export type WaitTimeoutPolicy = 'load' | 'stale' | 'fail';

/** What happens when the store is down: load and answer all the same, or reject with its error. */
export type UnavailablePolicy = 'load' | 'fail';

/**
 * What happens when the lock service is down: the store's lease serves as the lock; load, once per process; serve a stale value if there is one (else as `'lease'`); or reject with
 * `LockUnavailableError`.
 */
export type LockUnavailablePolicy = 'lease' | 'load' | 'stale' | 'fail';

/** What callers get: each a value of its own, or a frozen one that the callers of one load share. */
export type SharePolicy = 'copy' | 'frozen';

/** What happens to a load when this process runs as many as it may: wait for a turn, or reject with `LoadLimitError`. */
export type LoadLimitPolicy = 'wait' | 'shed';

/**
 * When a value is loaded anew though it is still fresh. A number: from this share of its ttl on, the first to hit it does; 0: never. `beta`: each hit decides by chance, the more likely the nearer the end is and the longer the
 * load takes; above 1 earlier, below 1 later.
 */
export type EagerRefreshPolicy = number | { readonly beta: number };

/** How one key is cached: every choice made, every duration in milliseconds. `resolveOptions()` gives the defaults and checks the bounds. */
export interface LoadPolicy {
  /** Fresh at most this long, from the begin of the load; or how long for one value: below 1, it is not stored. */
  readonly ttlMs: number | ((value: unknown) => number);
  /** The same for `null`, which is then never served stale; undefined: as for any other value. 0: `null` is not stored. */
  readonly negativeTtlMs?: number;
  /** The share of the ttl by which it is shortened at random, at most. 0: not at all. */
  readonly ttlJitter: number;
  /** Whether a value is stored. */
  readonly cacheIf?: (value: unknown) => boolean;
  readonly eagerRefresh: EagerRefreshPolicy;
  /** So long after it a stale value is served at once while one load in the background refreshes it. 0: never. */
  readonly staleWhileRevalidateMs: number;
  /** So long after it a stale value may be served because the load failed, or because the wait ran out (`onWaitTimeout: 'stale'`). 0: never. */
  readonly staleIfErrorMs: number;
  /** The longest own load; then the loader's signal fires and its result is refused. */
  readonly loadTimeoutMs: number;
  /** A caller with a stale value within `staleIfErrorMs` waits no longer than this for the load, which goes on without it. From `loadTimeoutMs` on: never. */
  readonly softLoadTimeoutMs: number;
  /** The longest wait for another's load. */
  readonly waitMs: number;
  readonly onWaitTimeout: WaitTimeoutPolicy;
  readonly onLoadLimit: LoadLimitPolicy;
  readonly onLockUnavailable: LockUnavailablePolicy;
  readonly onStoreUnavailable: UnavailablePolicy;
  /** After a failed load, how long its error is shared instead of loading again. 0: every caller loads again. */
  readonly failureBackoffMs: number;
  /** A load that begins so soon after an announcement of what it loads is fresh no longer than this: it may have been read from a replica that lagged behind. 0: the loader reads the primary. */
  readonly replicaLagMs: number;
  /** A larger value (bytes of its encoded form) is returned, not stored. */
  readonly maxValueBytes: number;
  /** Abort the loader when nobody waits for it any more; else it finishes and fills. */
  readonly cancelUnwatched: boolean;
  readonly share: SharePolicy;
}
