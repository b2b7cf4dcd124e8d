import type { LoadPolicy } from '../../lib/core/load-policy.js';

/** The numbers of the fault suite that no case changes. Durations are milliseconds. */
export const SETTINGS = {
  workers: 3,
  /** Over all workers, for each policy of a case. */
  requestsPerSecond: 60,
  /** For each policy. */
  keys: 6,
  ttlMs: 1_000,
  /** Inside PostgreSQL. */
  loadMs: 25,
  storeTimeoutMs: 1_000,
  lockTimeoutMs: 1_000,
  loadTimeoutMs: 5_000,
  /** Far above every deadline, so that whoever is freed by nothing but the end of a session is seen. */
  sessionTimeoutMs: 10_000,
  /** Where the session itself is the matter. */
  shortSessionTimeoutMs: 2_000,
  /** How often each worker tries all parts with a key of its own. */
  canaryEveryMs: 100,
  /** An answer that takes longer counts as none. */
  hungAfterMs: 30_000,
} as const;

/** What a request asks of the cache while something is broken. */
export const POLICIES = {
  /** As it comes: without a lock service the store's lease is the lock, without a store everybody loads. */
  default: {},
  load: { onLockUnavailable: 'load' },
  /** Would rather say 503. */
  fail: { onLockUnavailable: 'fail', onStoreUnavailable: 'fail' },
  /** Has stale values at hand. */
  stale: {
    staleWhileRevalidateMs: 60_000,
    staleIfErrorMs: 60_000,
    onWaitTimeout: 'stale',
    onLockUnavailable: 'stale',
  },
} as const satisfies Record<string, Partial<LoadPolicy>>;

export type Policy = keyof typeof POLICIES;

/** One key that is loaded slowly enough for something to happen to its holder, as it comes. */
export const HELD = 'held';

/** How a holder's load is slow. */
export const HELD_LOAD_MS = 1_500;

/** Milliseconds of a clock that all processes of a machine share, and that nobody steps. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}
