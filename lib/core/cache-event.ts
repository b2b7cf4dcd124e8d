import type { BreakerState } from './circuit-breaker.js';
import type { LockState, WakeReason } from './lock-provider.js';
import type { UnsentCount } from './unsent-changes.js';
import type { SupersededReason } from './versioned-store.js';
import type { Version } from './version.js';

/** Which step of the store an event speaks of. */
export type StoreStep =
  'read' | 'begin' | 'renew' | 'fill' | 'mark' | 'invalidate' | 'set' | 'register' | 'announce' | 'clear';

/** Why the store was not asked, or its answer not believed. `changes-unsent`: it has not heard yet of a change, announced by this instance, that may concern the key. */
export type UnaskedReason = 'breaker-open' | 'changes-unsent';

/**
 * Why a value was returned but not stored. `uncacheable`: it is its own request's alone, a stream for example; the event `bypassed` says more. `cache-if`: `cacheIf` said no. `no-ttl`: its ttl is
 * below 1. `policy-failed`: `cacheIf` or the function in `ttlMs` threw, or gave something else than it should.
 */
export type NotStoredReason =
  | 'undefined'
  | 'uncacheable'
  | 'unserializable'
  | 'too-large'
  | 'tag-full'
  | 'tags-unknown'
  | 'cache-if'
  | 'no-ttl'
  | 'policy-failed';

/** What keeps others from loading beside a load: the lock, the store's lease in its place (`onLockUnavailable: 'lease'`), or nothing. */
export type LoadedUnder = 'lock' | 'lease' | 'none';

/**
 * Why a load holds no lock.
 * - `lock-unavailable`, `store-unavailable`: the part is down; - `lock-lost`: it was lost while the loader ran, and the loader gave up; - `wait-ran-out`: `waitMs` was over while another loaded;
 * - `nothing-came`: two loads elsewhere ended without a value and without saying why; - `unstored`: a load has just ended with a value that could not be stored; - `in-the-way`: what is stored cannot
 * be read here and stays.
 */
export type UnlockedReason =
  'lock-unavailable' | 'lock-lost' | 'wait-ran-out' | 'nothing-came' | 'unstored' | 'store-unavailable' | 'in-the-way';

/**
 * Why a stored value was loaded anew although `currentVersion` might have renewed it. `coarse-version`: it has milliseconds, which two updates may share; `no-version`; `not-comparable`: `currentVersion` gave a version of another kind; `failed`: it threw;
 * `tag-announced`: one of its tags was announced a short while ago, or cannot be told.
 */
export type RenewalRefusal = 'coarse-version' | 'no-version' | 'not-comparable' | 'failed' | 'tag-announced';

/**
 * Everything that happens, as plain objects in one union. `key` is the encoded key. An event is made when the thing has happened;
 * durations are milliseconds of this process's monotonic clock.
 */
export type CacheEvent =
  /** A fresh value was found by the first look. */
  | { readonly type: 'hit'; readonly key: string; readonly freshForMs: number }
  /**
   * A stale value was served: while it is refreshed, because the load failed, takes longer than `softLoadTimeoutMs` or has no turn, because the wait ran out, or because the lock service is down
   * (`onLockUnavailable: 'stale'`).
   */
  | {
      readonly type: 'stale-hit';
      readonly key: string;
      readonly because: 'refreshing' | 'load-failed' | 'load-slow' | 'load-limit' | 'wait-timeout' | 'lock-unavailable';
    }
  /** A value that was served as a hit is loaded anew in the background, before it expires; see `eagerRefresh`. */
  | { readonly type: 'eager-refresh'; readonly key: string; readonly freshForMs: number }
  /** The first look found nothing to serve. */
  | { readonly type: 'miss'; readonly key: string }
  /** The caller shares a load that is under way in this process. */
  | { readonly type: 'joined'; readonly key: string }
  /** The lock is ours. */
  | { readonly type: 'lock-acquired'; readonly key: string; readonly token: bigint }
  /** Another has the lock. */
  | { readonly type: 'lock-busy'; readonly key: string }
  /** The wait for another's load ended. */
  | { readonly type: 'lock-waited'; readonly key: string; readonly reason: WakeReason; readonly waitedMs: number }
  /** The lock was given back. */
  | { readonly type: 'lock-released'; readonly key: string; readonly heldMs: number }
  /** A held lock is lost, or may be; the loader's signal has fired. */
  | { readonly type: 'lock-lost'; readonly key: string; readonly token: bigint }
  /** The lock service could not be asked; what happens next is `onLockUnavailable`. */
  | { readonly type: 'lock-unavailable'; readonly key: string; readonly error: unknown }
  /** The connection to the lock service changed. */
  | {
      readonly type: 'lock-state';
      readonly provider: string;
      readonly state: LockState;
      readonly previous: LockState;
      readonly error?: unknown;
    }
  /** The lock service is down, and another loads the key under the store's lease, which serves as the lock. */
  | { readonly type: 'lease-busy'; readonly key: string }
  /** The wait for that load ended: the store told its end (`told`), a look at the store has shown it (`looked`), or it was given up. */
  | {
      readonly type: 'lease-waited';
      readonly key: string;
      readonly reason: 'told' | 'looked' | 'given-up';
      readonly waitedMs: number;
    }
  /** The second look found a value that another filled meanwhile. */
  | { readonly type: 'filled-by-another'; readonly key: string }
  /** The second look left or found a lease; the load may begin. */
  | { readonly type: 'leased'; readonly key: string; readonly existed: boolean }
  /** `maxConcurrentLoads` are under way here: the load waits for its turn, behind so many others. */
  | { readonly type: 'load-queued'; readonly key: string; readonly ahead: number }
  /** Its turn has come. */
  | { readonly type: 'load-turn'; readonly key: string; readonly waitedMs: number }
  /** This process did not take a load on, or a caller no longer waits for its turn. `background`: it was a refresh, and nobody waited for it. */
  | {
      readonly type: 'load-shed';
      readonly key: string;
      readonly because: 'limit' | 'queue-full' | 'wait-timeout';
      readonly background: boolean;
    }
  /** Every load of this process. One that is not under the lock says why: those under `none` are what the fleet loads beyond one load a key. */
  | {
      readonly type: 'load-started';
      readonly key: string;
      readonly under: LoadedUnder;
      readonly because?: UnlockedReason;
    }
  /** A loader has given a value, after so long. */
  | { readonly type: 'load-finished'; readonly key: string; readonly loadMs: number }
  /** A loader has thrown, or did not end within `loadTimeoutMs`, after so long. Where the time was over before `currentVersion` had answered, no loader was called: then there is no `load-started` before it. */
  | { readonly type: 'load-failed'; readonly key: string; readonly loadMs: number; readonly error: unknown }
  /** A caller got the error of a load that had failed a moment ago, here or elsewhere. */
  | { readonly type: 'failure-shared'; readonly key: string }
  /** The loaded value was stored, under the version that the database gave it; its size as it was encoded. */
  | { readonly type: 'stored'; readonly key: string; readonly version?: Version; readonly bytes: number }
  /** What was stored is still what the row is, as `currentVersion` has shown: it is fresh again, without a load. */
  | { readonly type: 'renewed'; readonly key: string; readonly version: Version }
  /** What is stored is loaded anew, although `currentVersion` is given. */
  | {
      readonly type: 'renewal-refused';
      readonly key: string;
      readonly because: RenewalRefusal;
      readonly error?: unknown;
    }
  /** The loaded value was not stored, because the state had moved on. */
  | { readonly type: 'superseded'; readonly key: string; readonly reason: SupersededReason | 'tag-invalidated' }
  /** A load under way was overtaken by an announced change: later callers do not join it. */
  | { readonly type: 'flight-superseded'; readonly key: string }
  /**
   * The database gave an older version than was announced or stored. Reads come from a lagging replica, or the stamp can go backwards: add a
   * `@VersionColumn()`, or stamp rows with `clock_timestamp()`.
   */
  | { readonly type: 'version-regressed'; readonly key: string; readonly version: Version; readonly floor?: Version }
  /** The loaded value was returned, and could not be stored. `detail`: where in it, and what helps. */
  | { readonly type: 'not-stored'; readonly key: string; readonly reason: NotStoredReason; readonly detail?: string }
  /** A caller's wait for another's load ran out. `then` is what it gets: a stale value, an error, or what its process's one flight now loads (after one more try at the lock). */
  | {
      readonly type: 'wait-timeout';
      readonly key: string;
      readonly waitedMs: number;
      readonly then: 'load' | 'stale' | 'fail';
    }
  /** The store did not answer a step, or answered with an error; what happens next is `onStoreUnavailable`. With `unasked` it was not even asked. */
  | {
      readonly type: 'store-unavailable';
      readonly step: StoreStep;
      readonly key?: string;
      readonly error: unknown;
      readonly unasked?: UnaskedReason;
    }
  /** The circuit breaker before the store or the lock service opened, closed, or sends a probe (`half-open`). */
  | {
      readonly type: 'breaker-changed';
      readonly server: 'store' | 'lock';
      readonly state: BreakerState;
      readonly previous: BreakerState;
    }
  /** Bytes under one of our keys could not be read; they count as a miss. */
  | { readonly type: 'corrupt-entry'; readonly key: string; readonly error: unknown }
  /**
   * An entry was written by an instance whose classes differ from those here, usually of another release: a miss. `stays`: it is left where it is for those who can read it, and what is
   * loaded here meanwhile is not stored; else it is replaced.
   */
  | { readonly type: 'other-shape'; readonly key: string; readonly error: unknown; readonly stays: boolean }
  /** A change of a key was announced, with the version that it gave the row where that is known: nothing older is served or stored from now on. */
  | { readonly type: 'invalidated'; readonly key: string; readonly version?: Version }
  /** Changes of what carries these tags were announced, and so many keys invalidated. */
  | { readonly type: 'tags-announced'; readonly tags: readonly string[]; readonly keys: number }
  /** Changes could not be announced. They are kept and announced later; until then other instances may serve older values. `unsent`: what is kept now. */
  | {
      readonly type: 'announcement-failed';
      readonly keys: number;
      readonly tags: number;
      readonly everything: boolean;
      readonly unsent: UnsentCount;
      readonly error: unknown;
    }
  /** More is kept than may be: when the store is back, the namespace is cleared instead. */
  | { readonly type: 'announcements-collapsed' }
  /**
   * The store is there, and refuses what is kept: for want of memory, or of a right. Told once, until all of it is announced; it is tried again after pauses that grow to 30 s. `unsent`: what is kept now. While a tag
   * is among it, this instance stores nothing.
   */
  | { readonly type: 'announcements-refused'; readonly unsent: UnsentCount; readonly error: unknown }
  /** What could not be announced before is announced now. `unsent`: what is still kept. */
  | {
      readonly type: 'announcement-made-up';
      readonly keys: number;
      readonly tags: number;
      readonly everything: boolean;
      readonly unsent: UnsentCount;
    }
  /** The process ended with changes that it could not announce. Older values may be served until their `ttlMs` is over. */
  | {
      readonly type: 'announcement-lost';
      readonly keys: number;
      readonly tags: number;
      readonly everything: boolean;
      readonly error: unknown;
    }
  /** So many rows that their writers had left in the outbox were announced here, and removed. */
  | { readonly type: 'outbox-drained'; readonly rows: number }
  /** The outbox could not be read, or what stands in it not be announced. It stays there, and is tried again. */
  | { readonly type: 'outbox-failing'; readonly error: unknown }
  /** A writer's value was stored over one of a lower version, or its change was announced and nothing stored. */
  | { readonly type: 'set'; readonly key: string; readonly outcome: 'stored' | 'invalidated' }
  /** The namespace was emptied. */
  | { readonly type: 'cleared' }
  /** A request passed by the cache: it is disabled, a transaction is open, or the request or its answer cannot be shared. */
  | { readonly type: 'bypassed'; readonly reason: string };

/** Port for whoever listens, and its injection token. What an observer throws is caught and never reaches a read. */
export abstract class CacheObserver {
  /** Called synchronously, in the middle of a read: be quick, and leave slow work for later. */
  abstract observe(event: CacheEvent): void;
}
