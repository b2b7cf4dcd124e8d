import { LRUCache } from 'lru-cache';
import { beginLoad, expiresAt, readState, renewLoad, type EntryState, type Step } from '../core/cache-entry.js';
import type { Clock } from '../core/clock.js';
import { invalidateState, setState } from '../core/entry-change.js';
import { fillState, markState } from '../core/entry-fill.js';
import { CacheClosedError } from '../core/errors.js';
import {
  VersionedStore,
  type BeginOptions,
  type BeginOutcome,
  type Fill,
  type FillOutcome,
  type Invalidation,
  type KeyState,
  type LoadMark,
  type TagOutcome,
  type TagRegistration,
  type WriterSet,
} from '../core/versioned-store.js';
import { afterInBackground } from './background-timer.js';
import { ExpiryBuckets } from './expiry-buckets.js';
import { TagTable } from './tag-table.js';

/** How often states that have ended are freed, milliseconds. They are not *seen* any more from the moment they end. */
const SWEEP_EVERY_MS = 1_000;
/** The most states freed in one go, so that a sweep never blocks for long, and the pause before it goes on. */
const SWEEP_LIMIT = 5_000;
const SWEEP_AGAIN_MS = 5;

/** Its clock and its bounds. */
export interface InProcessStoreOptions {
  /** By which freshness, leases and floors are counted. */
  readonly clock: Clock;
  /** The most keys it keeps; beyond that the least recently used one goes. */
  readonly maxEntries: number;
  /** The most payload it keeps, in bytes of UTF-8; left out: no bound. */
  readonly maxBytes?: number;
}

/**
 * The protocol in the memory of one process. A step is one synchronous piece of code and so atomic. What is dropped for space is an
 * eviction in the sense of the protocol: the next fill under its lease is refused.
 *
 * After `close()` every step rejects with a `CacheClosedError`.
 */
export class InProcessVersionedStore extends VersionedStore {
  readonly name = 'memory';
  readonly scope = 'process';
  readonly #clock: Clock;
  readonly #states: LRUCache<string, EntryState>;
  readonly #tags = new TagTable();
  readonly #maxBytes: number | undefined;
  readonly #ends = new ExpiryBuckets(SWEEP_EVERY_MS);
  #cancelSweep: (() => void) | undefined;
  #closed = false;

  constructor({ clock, maxEntries, maxBytes }: InProcessStoreOptions) {
    super();
    this.#clock = clock;
    this.#maxBytes = maxBytes;
    this.#states = new LRUCache({
      max: maxEntries,
      ...(maxBytes !== undefined && { maxSize: maxBytes, sizeCalculation: payloadBytes }),
      // Called for what is replaced, too: a key lies in one bucket only.
      dispose: (state, key, reason) => {
        this.#ends.remove(key, expiresAt(state));
        if (reason !== 'set') this.#tags.forget(key);
      },
    });
  }

  /** How many keys it holds; those that have ended and are not freed yet are counted. For diagnosis. */
  get size(): number {
    return this.#states.size;
  }

  read(key: string): Promise<KeyState> {
    return this.#step(key, (state, now) => ({ state, outcome: readState(state, now) }));
  }

  begin(key: string, options: BeginOptions): Promise<BeginOutcome> {
    return this.#step(key, (state, now) => beginLoad(state, now, options));
  }

  override renew(key: string, lease: string, loadingMs: number): Promise<boolean> {
    return this.#step(key, (state, now) => renewLoad(state, now, { lease, loadingMs }));
  }

  fill(key: string, fill: Fill): Promise<FillOutcome> {
    return this.#step(key, (state, now) => {
      const step = fillState(state, now, fill);
      // What is larger than the whole store cannot be kept: said aloud, for else it would be loaded for ever and nobody knew why.
      if (step.state === state || this.#fits(fill.payload)) return step;
      return { state: undefined, outcome: { stored: false, reason: 'evicted' } };
    });
  }

  mark(key: string, lease: string, mark: LoadMark, forMs: number): Promise<void> {
    return this.#step(key, (state, now) => markState(state, now, { lease, mark, forMs }));
  }

  invalidate(key: string, invalidation: Invalidation): Promise<void> {
    return this.#step(key, (state, now) => invalidateState(state, now, invalidation));
  }

  set(key: string, set: WriterSet): Promise<'stored' | 'invalidated'> {
    return this.#step(key, (state, now) => {
      if (this.#fits(set.payload)) return setState(state, now, set);
      const { version, floorMs } = set;
      return { state: invalidateState(state, now, { version, floorMs }).state, outcome: 'invalidated' };
    });
  }

  register(tag: string, registration: TagRegistration): Promise<TagOutcome> {
    return this.#openAt((now) => {
      const outcome = this.#tags.register(tag, now, registration);
      // The fill will be refused: the key is not kept in mind for it.
      if (!this.#states.has(registration.key)) this.#tags.forget(registration.key);
      return outcome;
    });
  }

  announce(tag: string, memoryMs: number): Promise<readonly string[]> {
    this.#sweepLater();
    return this.#openAt((now) => this.#tags.announce(tag, now, memoryMs));
  }

  /** Drops what is known of a key, as running out of room does: for tests of what an eviction leads to. */
  evict(key: string): void {
    this.#states.delete(key);
  }

  clear(): Promise<void> {
    this.#tags.clear();
    this.#states.clear();
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#tags.clear();
    this.#states.clear();
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    return Promise.resolve();
  }

  #step<Outcome>(key: string, take: (state: EntryState | undefined, now: number) => Step<Outcome>): Promise<Outcome> {
    return this.#openAt((now) => {
      const before = this.#states.get(key);
      const { state, outcome } = take(before, now);
      if (state !== before) this.#keep(key, state, now);
      return outcome;
    });
  }

  #openAt<Outcome>(take: (now: number) => Outcome): Promise<Outcome> {
    if (this.#closed) return Promise.reject(new CacheClosedError('The memory store has been closed.'));
    return Promise.resolve(take(this.#clock.elapsedMs()));
  }

  #fits(payload: string): boolean {
    return this.#maxBytes === undefined || Buffer.byteLength(payload) <= this.#maxBytes;
  }

  #keep(key: string, state: EntryState | undefined, now: number): void {
    if (state === undefined || expiresAt(state) <= now) {
      this.#states.delete(key);
      return;
    }
    this.#states.set(key, state);
    this.#ends.add(key, expiresAt(state));
    this.#sweepLater();
  }

  #sweepLater(): void {
    if (!this.#closed) this.#cancelSweep ??= afterInBackground(this.#clock, SWEEP_EVERY_MS, this.#sweep);
  }

  /** One timer for the whole store, which runs only while there is something to free. */
  readonly #sweep = (): void => {
    const due = this.#ends.due(this.#clock.elapsedMs(), SWEEP_LIMIT);
    for (const key of due) this.#states.delete(key);
    this.#tags.sweep(this.#clock.elapsedMs());
    const isEmpty = this.#states.size === 0 && this.#tags.size === 0;
    const pauseMs = due.length === SWEEP_LIMIT ? SWEEP_AGAIN_MS : SWEEP_EVERY_MS;
    this.#cancelSweep = isEmpty ? undefined : afterInBackground(this.#clock, pauseMs, this.#sweep);
  };
}

function payloadBytes(state: EntryState): number {
  return Math.max(1, Buffer.byteLength(state.value?.payload ?? ''));
}
