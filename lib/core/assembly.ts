import { Announcements } from './announcements.js';
import type { CacheEvent, CacheObserver } from './cache-event.js';
import { noBreaker, type BreakerFactory } from './circuit-breaker.js';
import type { Clock } from './clock.js';
import type { EntryCodec } from './entry-codec.js';
import { EagerRefresh } from './eager-refresh.js';
import { Keep } from './keep.js';
import type { LateSignal } from './late-signal.js';
import type { LoadChain } from './load-chain.js';
import { LoadLimit, type LoadLimits } from './load-limit.js';
import { Loading } from './loading.js';
import { LockGate } from './lock-gate.js';
import type { LockProvider } from './lock-provider.js';
import { AfterWaiting } from './after-waiting.js';
import { LeaseTurn } from './lease-turn.js';
import { LoadClaims } from './load-claim.js';
import { LockTurn } from './lock-turn.js';
import { Look } from './look.js';
import { RecentLoads } from './recent-loads.js';
import { Renewals } from './renewal.js';
import { SharedFailures } from './shared-failures.js';
import { SingleFlight } from './single-flight.js';
import { StoreGate } from './store-gate.js';
import { Tagging } from './tagging.js';
import { UnsentChanges } from './unsent-changes.js';
import type { VersionedStore } from './versioned-store.js';

/** What a cache is made of. */
export interface ReadThroughParts {
  readonly store: VersionedStore;
  readonly locks: LockProvider;
  readonly codec: EntryCodec;
  readonly clock: Clock;
  /** Must not throw. */
  readonly observer: CacheObserver;
  /** Left out: any number of loads at once. */
  readonly limits?: LoadLimits;
  readonly storeTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly floorMs: number;
  /** The most keys that a tag leads to; what would be one more is not stored. */
  readonly maxKeysPerTag: number;
  /** Whether keys that an announced tag led to are loaded again at once, where this process knows how. */
  readonly refreshOnChange: boolean;
  /** Stands before the store and before the lock service. Default: none. */
  readonly breaker?: BreakerFactory;
}

const NO_LIMITS: LoadLimits = { maxConcurrentLoads: Infinity, maxQueuedLoads: 0 };

/** More announcements than this wait for no store: when it is back, everything is cleared instead. */
const MAX_UNSENT = 10_000;

/** So many keys a process knows how to load again. */
const MAX_RECENT = 1_000;

/** What the story shares with its parts. */
export interface Story {
  readonly chain: LoadChain;
  /** Ends every load and every wait. */
  readonly stop: LateSignal;
  /** Loads in the background what a change has outdated. */
  readonly refresh: (key: string) => Promise<void>;
  readonly report: (event: CacheEvent) => void;
}

/** The parts that the story speaks of. */
export interface Assembly {
  readonly store: StoreGate;
  readonly locks: LockGate;
  readonly look: Look;
  readonly loading: Loading;
  readonly limit: LoadLimit;
  readonly announcements: Announcements;
  /** Undefined: nothing is loaded again on a change. */
  readonly recent: RecentLoads | undefined;
  readonly failures: SharedFailures;
  readonly eager: EagerRefresh;
  readonly flights: SingleFlight;
}

/** Makes the parts of a cache known to each other. */
export function assemble(parts: ReadThroughParts, { chain, refresh, report, stop }: Story): Assembly {
  const {
    breaker = noBreaker,
    clock,
    codec,
    floorMs,
    limits = NO_LIMITS,
    lockTimeoutMs,
    maxKeysPerTag,
    storeTimeoutMs,
  } = parts;
  const unsent = new UnsentChanges(MAX_UNSENT);
  const onBack = (): void => {
    announcements.storeIsBack();
  };
  const store = new StoreGate({ store: parts.store, clock, storeTimeoutMs, breaker, unsent, onBack, report });
  const locks = new LockGate({ locks: parts.locks, lockTimeoutMs, breaker, report });
  const flights = new SingleFlight(report);
  const look = new Look(store, codec, clock, floorMs, flights.nextOrder, report);
  const failures = new SharedFailures(clock);
  const eager = new EagerRefresh(clock);
  // A floor lives at least as long as a lease, and a load that outlives its lease is refused.
  const tagging = new Tagging(store, { maxKeysPerTag, memoryMs: 2 * floorMs, storeTimeoutMs }, report);
  const afterWaiting = new AfterWaiting(look, failures, report);
  const limit = new LoadLimit(limits, clock, stop, report);
  const loading = new Loading({
    store,
    look,
    limit,
    turns: new LockTurn(locks, afterWaiting, clock, lockTimeoutMs, stop, report),
    leases: new LeaseTurn(store, afterWaiting, clock, lockTimeoutMs, stop, report),
    claims: new LoadClaims(store, clock),
    keep: new Keep(store, codec, clock, look, failures, tagging, floorMs, storeTimeoutMs, report),
    renewals: new Renewals(look, tagging, report),
    failures,
    chain,
    eager,
    clock,
    storeTimeoutMs,
    stop,
    report,
  });
  const recent = parts.refreshOnChange ? new RecentLoads(clock, MAX_RECENT) : undefined;
  const announcements = new Announcements({
    store,
    flights,
    failures,
    tagging,
    unsent,
    codec,
    clock,
    floorMs,
    refresh,
    report,
  });
  return { store, locks, look, loading, limit, announcements, recent, failures, eager, flights };
}
