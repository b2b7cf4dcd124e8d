import type { ErrorDescription } from './errors.js';
import type { Version } from './version.js';

/** A value as the store keeps it: already encoded, so that no two callers can ever share an object. */
export interface StoredValue {
  readonly payload: string;
  readonly version?: Version;
  /** What is left of its freshness by the store's clock, milliseconds; zero or less when it is stale. */
  readonly freshForMs: number;
  /** How long it has been stale, milliseconds; zero while it is fresh. */
  readonly staleSinceMs: number;
}

/**
 * What a load that stored nothing leaves behind for a short while, so that those who waited for it do not take the lock in turn.
 * `failed`: share this error. `unstored`: the value came but was not stored (refused, not cacheable): load at once, in your
 * own process's flight, without the lock.
 */
export interface LoadMark {
  /** Names the load that left it; who loaded knows its own error by it. */
  readonly id: string;
  readonly kind: 'failed' | 'unstored';
  readonly error?: ErrorDescription;
}

/** What `read` tells. Everything in it was true at one moment, by the store's clock. */
export interface KeyState {
  /** Fresh or stale; absent when there is none, or when it is past its stale life too. */
  readonly value?: StoredValue;
  /** The live lease: nothing was announced for this key since it was made. */
  readonly lease?: string;
  /** Somebody began a load under the live lease and has neither filled nor left a mark since. */
  readonly loading: boolean;
  readonly mark?: LoadMark;
}

/** What a load that begins offers. */
export interface BeginOptions {
  /** A token nobody else has; put on the state when there is no live lease. */
  readonly lease: string;
  /** The lease lives at least this long from now. Milliseconds, > 0. */
  readonly leaseMs: number;
  /**
   * So long from now others believe that somebody loads, unless `renew` prolongs it. Milliseconds, > 0; default: as long as the lease lives. Given only to a store that has `renew`.
   */
  readonly loadingMs?: number;
  /**
   * The lease serves as the lock. Where somebody loads under the live lease it is returned with `loading: true`, nothing of it is prolonged, and the caller waits
   * instead of loading; whoever listens to this key is woken when that load ends. Default false.
   */
  readonly unlessLoading?: boolean;
  /** A value that is fresh for less than this counts as stale: it is to be loaded anew before it is. Milliseconds, >= 0. Default 0. */
  readonly earlyMs?: number;
}

/** Hears when a load that others wait for has ended; see {@link VersionedStore.listen}. */
export interface KeyListener {
  /** True while what happens to the key is heard, as far as that can be known; false: look at the store more often. */
  readonly live: boolean;
  /** May be called twice. */
  stop(): void;
}

/** What the second look found: an answer, or the lease under which to load. */
export type BeginOutcome =
  /** Somebody filled it meanwhile. */
  | { readonly kind: 'fresh'; readonly value: StoredValue }
  /** A load has just failed; its mark is live. Nothing was written. */
  | { readonly kind: 'failed'; readonly mark: LoadMark }
  | {
      readonly kind: 'lease';
      /** The live lease, which need not be the one that was offered. */
      readonly lease: string;
      /** False when ours was put there; true when one was live already (`begin` repeated after a lost reply: false). */
      readonly existed: boolean;
      /** True when `existed` and somebody loads under it, as far as the store knows. */
      readonly loading: boolean;
      /** The store's clock at this moment, opaque to callers: handed back with the fill, freshness counts from it. */
      readonly begunAt: string;
      /** What is left of the life of the tombstone that the last announcement left; absent when there is none. Milliseconds. */
      readonly tombstoneForMs?: number;
    };

/** How long a value is fresh, and how long it is kept beyond that for those who may be served stale. Milliseconds. */
export interface Lifetime {
  readonly ttlMs: number;
  readonly keepStaleMs: number;
}

/** What a load stores: under which lease, counted from which moment, which value. */
export interface Fill extends Lifetime {
  readonly lease: string;
  readonly begunAt: string;
  /** Names this fill, so that its repetition after a lost reply is recognised. */
  readonly fillId: string;
  readonly payload: string;
  readonly version?: Version;
  /** Names the tags that it is registered with, and is kept with the value; absent: none. */
  readonly tags?: string;
}

/**
 * Why a fill was refused.
 * - `invalidated`: a change was announced since the load began; - `evicted`: the state is gone, and with it the proof that nothing was
 *   announced; - `filled`: another load of the same or a later generation was first; - `older`: the version is below the floor.
 */
export type SupersededReason = 'invalidated' | 'evicted' | 'filled' | 'older';

/** Whether a fill was stored; if not, why. Being refused is an expected outcome, not an error. */
export type FillOutcome =
  | { readonly stored: true }
  | {
      readonly stored: false;
      readonly reason: SupersededReason;
      /** The fresh value that was there first, if there is one. */
      readonly current?: StoredValue;
      /** With `older`: the floor that refused it. */
      readonly floor?: Version;
    };

/** `removed`: its floor is exclusive. `inserted`: replaces a removal's floor, since a row may be born again at version 1. */
export type ChangeKind = 'changed' | 'removed' | 'inserted';

/** An announced change. */
export interface Invalidation {
  /** The version the change gave the row, if it is known; of a removed row, the last one it had. */
  readonly version?: Version;
  /** Default `'changed'`. */
  readonly change?: ChangeKind;
  /** Life of the tombstone, and of its floor if it rises. Milliseconds. */
  readonly floorMs: number;
}

/** What the writer of a versioned row stores. */
export interface WriterSet extends Lifetime {
  readonly payload: string;
  readonly version: Version;
  /** As in {@link Fill}. */
  readonly tags?: string;
  /** As in {@link Invalidation}, for the cases in which it acts as one. */
  readonly floorMs: number;
}

/** The word, given before a fill or a `set`, that a key depends on a tag. */
export interface TagRegistration {
  readonly key: string;
  /** What `begin` told of the load. Absent: what is to be stored was read at a time that the store does not know, so it is refused while any announcement is remembered. */
  readonly begunAt?: string;
  /** The key is told to announcements for so long, from now: as long as its entry can live. Milliseconds, > 0. */
  readonly forMs: number;
  /** The most keys that a tag holds; a key that is there already always stays. */
  readonly maxKeys: number;
  /** How long announcements are remembered. A load that began longer ago is refused, since one may have been forgotten. Milliseconds, > 0. */
  readonly memoryMs: number;
}

/** What became of a registration. */
export type TagOutcome =
  | {
      readonly registered: true;
      /** How long before the load's begin the tag was last announced, as long as that is remembered. Milliseconds. */
      readonly announcedBeforeMs?: number;
    }
  /** `announced`: the tag was announced since the value was read, or may have been; `full`: `maxKeys` other keys are there. Nothing was registered. */
  | { readonly registered: false; readonly reason: 'announced' | 'full' };

/**
 * Port to the shared cache, and its injection token. Each method is one atomic step on the primary. What the steps must do is told by
 * the protocol (docs/protocol.md) and checked by `versionedStoreContract` from `/testing`.
 *
 * A method rejects when its outcome is unknown (no connection, an error of the server); callers put a deadline around each call.
 * Keys are texts of 1 to 1,024 UTF-16 units; the store adds what separates its namespace from others.
 */
export abstract class VersionedStore {
  /** For logs and events: `'redis'`, `'memory'`. */
  abstract readonly name: string;

  /** Who sees what is stored: the whole fleet, or this process only (then reloads take the in-process lock, whatever is configured). */
  abstract readonly scope: 'fleet' | 'process';

  /** The state of a key, and what is left of its freshness by the store's clock. Writes nothing. */
  abstract read(key: string): Promise<KeyState>;

  /**
   * The second look. A value that is fresh (for `earlyMs` at least), or a live failure mark: returned, and nothing is written. Else the live lease, or the offered one where there is
   * none; its life is prolonged to cover `leaseMs` from now, and the state says that somebody loads. A live lease is never replaced.
   */
  abstract begin(key: string, options: BeginOptions): Promise<BeginOutcome>;

  /**
   * Optional. The word of a load that is still under way: while that lease is live, others believe for `loadingMs` from now that somebody loads; never for less than they did. False: the lease is
   * gone. Without this method somebody is believed to be loading for as long as the lease lives.
   */
  renew?(key: string, lease: string, loadingMs: number): Promise<boolean>;

  /**
   * Optional. Calls `onEnd`, any number of times, soon after a step has ended a load that a `begin` with `unlessLoading` has found: a `fill`, `mark`, `invalidate` or `set`, on any instance.
   * Only a hint, which may be late or lost: who waits looks at the store from time to time all the same. Must not throw.
   */
  listen?(key: string, onEnd: () => void): KeyListener;

  /**
   * Why there is no connection to the server now, as far as the client tells, without secrets; undefined while there is one, and where nothing is known. Told with a step that was not answered in time. Never throws. May be left
   * out.
   */
  connectionError?(): Error | undefined;

  /**
   * Stores the value if that lease is still live on the state **and** the version is not below the floor (announced, or the stored value's own); equal
   * versions renew; versions of different kinds do not compare. The first fill takes the lease and any mark away. Fresh until `begunAt + ttlMs`.
   */
  abstract fill(key: string, fill: Fill): Promise<FillOutcome>;

  /**
   * Leaves a mark for `forMs`, if that lease is still live; the lease stays, so that others who began under it may fill. Nobody is believed to be loading
   * any more. With `forMs` 0 that is all it does.
   */
  abstract mark(key: string, lease: string, mark: LoadMark, forMs: number): Promise<void>;

  /**
   * The state becomes a tombstone: no value, no lease, no mark; its floor is the higher of what was known and what is announced. A floor lives `floorMs`
   * and nothing but a higher one prolongs it. Refused for lack of memory: the state is deleted instead.
   */
  abstract invalidate(key: string, invalidation: Invalidation): Promise<void>;

  /**
   * Stores over a value of a strictly lower version of the same kind and of the same `tags`, taking the lease away. In every other case (nothing there, a tombstone, an equal or
   * higher or incomparable version, other tags) it acts as `invalidate` with that version.
   */
  abstract set(key: string, set: WriterSet): Promise<'stored' | 'invalidated'>;

  /**
   * The word of a load before it fills, or of a writer before its `set`, that its key depends on a tag; and the look whether the tag was announced since that load began. Both in one step, so that of a
   * registration and an announcement at least one sees the other. A tag may lie on another server than the key: a begin is then compared with some margin.
   */
  abstract register(tag: string, registration: TagRegistration): Promise<TagOutcome>;

  /**
   * What carries a tag has changed: remembers that for `memoryMs`, and tells the keys that are registered. The caller invalidates each of them. The keys stay
   * registered, so that an announcement whose reply is lost can be repeated.
   */
  abstract announce(tag: string, memoryMs: number): Promise<readonly string[]>;

  /**
   * Deletes every state of this namespace, and nothing of others. A tag goes in the same atomic step as all states, or it stays until it ends: while it is under way, and where it fails halfway,
   * an announcement must still tell the keys that are left.
   */
  abstract clear(): Promise<void>;

  /** Closes what the store opened. May be called twice; never rejects. */
  abstract close(): Promise<void>;
}
