import type { LoadPolicy } from '../../lib/core/load-policy.js';

/** The numbers of the fault suite that no case changes. Durations are milliseconds. */
export const SETTINGS = {
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
  /** An answer that takes longer counts as none. A machine with ten times the work it can do needs more than 30 s for 50 MB. */
  hungAfterMs: 120_000,
} as const;

/** How long and how hard a case is run: `quick` in `npm test`, `short` for the page, `long` by a command. */
export type Length = 'quick' | 'short' | 'long';

export interface Scale {
  readonly workers: number;
  /** Where most cases stop or kill one, and there is more than one left to share what they load. */
  readonly workersOfRows: number;
  /** Over all workers, for each policy of a case. */
  readonly requestsPerSecond: number;
  /** For each policy; as many requests come for each of them in every form. */
  readonly keys: number;
  /** The fewest, on a machine that cannot carry more. */
  readonly leastPerSecond: number;
  /** How often each worker tries all parts with a key of its own. */
  readonly canaryEveryMs: number;
  /** A machine that is not calm by then is measured as it is, under the fewest requests. */
  readonly calmWithinMs: number;
}

const FULL: Scale = {
  ...{ workers: 3, workersOfRows: 3, requestsPerSecond: 60, keys: 6 },
  ...{ leastPerSecond: 10, canaryEveryMs: 100, calmWithinMs: 40_000 },
};

export const SCALES: Readonly<Record<Length, Scale>> = {
  quick: {
    ...{ workers: 2, workersOfRows: 3, requestsPerSecond: 20, keys: 2 },
    ...{ leastPerSecond: 5, canaryEveryMs: 200, calmWithinMs: 5_000 },
  },
  short: FULL,
  long: FULL,
};

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
