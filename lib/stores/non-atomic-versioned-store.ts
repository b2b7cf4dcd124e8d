import { beginLoad, expiresAt, readState, renewLoad, type EntryState, type Step } from '../core/cache-entry.js';
import type { Clock } from '../core/clock.js';
import { withDeadline } from '../core/deadline.js';
import { invalidateState, setState } from '../core/entry-change.js';
import { fillState, markState } from '../core/entry-fill.js';
import { CacheClosedError, StoreUnavailableError } from '../core/errors.js';
import type { TagState } from '../core/tag-state.js';
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
import { KeyedQueue } from './keyed-queue.js';
import { stateFromText, stateToText } from './state-text.js';
import { tagFromText, tagToText } from './tag-text.js';

/** What is needed of a cache that has no atomic steps: a Keyv over a table, say. Each method rejects when it did not do its work. */
export interface KeyValuePort {
  /** What was set, or anything that is not a string when there is nothing. */
  get(key: string): Promise<unknown>;
  /** `ttlMs` is a whole number >= 1, after which the value may go. */
  set(key: string, value: string, ttlMs: number): Promise<unknown>;
  delete(key: string): Promise<unknown>;
  /** Optional: frees what this store keeps under its prefix, at once. Correctness does not need it. */
  clear?(): Promise<unknown>;
}

export interface NonAtomicStoreOptions {
  readonly port: KeyValuePort;
  readonly clock: Clock;
  /** Deadline of one step, the wait for earlier steps of the same key included. Milliseconds. */
  readonly timeoutMs: number;
  /** Put in front of every key; separates this store from all else that lies in the same cache. */
  readonly prefix: string;
  /** For logs and events. Default `'non-atomic'`. */
  readonly name?: string;
  /** The store's clock, milliseconds since the epoch: states outlive the process, and so its monotonic clock. Default `Date.now`. */
  readonly wallClockMs?: () => number;
}

/** Long enough for every state that may lie under a generation. */
const GENERATION_LIFE_MS = 365 * 24 * 60 * 60 * 1_000;

/**
 * The protocol over a cache without atomic steps, for those who accept that by name. A step reads, computes and writes back; steps of a key
 * wait for each other **inside this process only**. Two processes on one table can each write over the other's step: every promise that
 * needs an atomic step then holds for one process, which is what `scope` says.
 */
export class NonAtomicVersionedStore extends VersionedStore {
  readonly name: string;
  readonly scope = 'process';
  readonly #options: NonAtomicStoreOptions;
  readonly #nowMs: () => number;
  readonly #queue = new KeyedQueue();
  #generation: Promise<string> | undefined;
  #closed = false;

  constructor(options: NonAtomicStoreOptions) {
    super();
    this.#options = options;
    this.name = options.name ?? 'non-atomic';
    this.#nowMs = options.wallClockMs ?? Date.now;
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
    return this.#step(key, (state, now) => fillState(state, now, fill));
  }

  mark(key: string, lease: string, mark: LoadMark, forMs: number): Promise<void> {
    return this.#step(key, (state, now) => markState(state, now, { lease, mark, forMs }));
  }

  invalidate(key: string, invalidation: Invalidation): Promise<void> {
    return this.#step(key, (state, now) => invalidateState(state, now, invalidation));
  }

  set(key: string, set: WriterSet): Promise<'stored' | 'invalidated'> {
    return this.#step(key, (state, now) => setState(state, now, set));
  }

  register(tag: string, registration: TagRegistration): Promise<TagOutcome> {
    return this.#tagStep(tag, (state, now) => state.register(now, registration));
  }

  announce(tag: string, memoryMs: number): Promise<readonly string[]> {
    return this.#tagStep(tag, (state, now) => state.announce(now, memoryMs));
  }

  /**
   * Goes on under a new generation of keys, so that a step which is under way writes where nobody looks any more. The cache itself is
   * not cleared, for others may live in it: what lies under the old keys ends with its own life.
   */
  async clear(): Promise<void> {
    // No name is empty, so this queue is clear's own: of two at once, the second finds the first one's generation.
    await this.#inTime(() =>
      this.#queue.run('', async () => {
        await this.#currentGeneration();
        await this.#options.port.clear?.();
        this.#generation = Promise.resolve(await this.#newGeneration());
      }),
    );
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  #step<Outcome>(key: string, take: (state: EntryState | undefined, now: number) => Step<Outcome>): Promise<Outcome> {
    return this.#alone(`:${key}`, async (at) => {
      const before = stateFromText(await this.#options.port.get(at));
      const now = this.#nowMs();
      const { state, outcome } = take(before, now);
      if (state !== before) await this.#write(at, now, state && { text: stateToText(state), endsAt: expiresAt(state) });
      return outcome;
    });
  }

  #tagStep<Outcome>(tag: string, take: (state: TagState, now: number) => Outcome): Promise<Outcome> {
    return this.#alone(`#${tag}`, async (at) => {
      const state = tagFromText(await this.#options.port.get(at));
      const now = this.#nowMs();
      const outcome = take(state, now);
      await this.#write(at, now, { text: tagToText(state), endsAt: state.endsAt() });
      return outcome;
    });
  }

  /** @param name of what is read and written, within the generation */
  #alone<Outcome>(name: string, step: (at: string) => Promise<Outcome>): Promise<Outcome> {
    return this.#inTime((stillWanted) =>
      this.#queue.run(name, async () => {
        // Whoever waited here past its deadline has been told that it failed; doing it now would come out of order.
        if (!stillWanted()) throw this.#tooLate();
        return step(`${this.#options.prefix}${await this.#currentGeneration()}${name}`);
      }),
    );
  }

  async #write(
    at: string,
    now: number,
    kept: { readonly text: string; readonly endsAt: number } | undefined,
  ): Promise<void> {
    const ttlMs = kept === undefined ? 0 : Math.ceil(kept.endsAt - now);
    if (kept === undefined || ttlMs < 1) await this.#options.port.delete(at);
    else await this.#options.port.set(at, kept.text, ttlMs);
  }

  #currentGeneration(): Promise<string> {
    this.#generation ??= this.#findGeneration().catch((error: unknown) => {
      this.#generation = undefined;
      throw error;
    });
    return this.#generation;
  }

  /** When it is not found everything counts as evicted: an older generation must never come back. */
  async #findGeneration(): Promise<string> {
    const found = await this.#options.port.get(this.#generationKey);
    return typeof found === 'string' && found !== '' ? found : this.#newGeneration();
  }

  async #newGeneration(): Promise<string> {
    const generation = this.#options.clock.uniqueId();
    await this.#options.port.set(this.#generationKey, generation, GENERATION_LIFE_MS);
    return generation;
  }

  get #generationKey(): string {
    return `${this.#options.prefix}generation`;
  }

  async #inTime<T>(work: (stillWanted: () => boolean) => Promise<T>): Promise<T> {
    if (this.#closed) throw new CacheClosedError(`The ${this.name} store has been closed.`);
    let wanted = true;
    return withDeadline(
      this.#options.clock,
      work(() => wanted),
      this.#options.timeoutMs,
      () => {
        wanted = false;
        return this.#tooLate();
      },
    );
  }

  #tooLate(): StoreUnavailableError {
    return new StoreUnavailableError(
      `The ${this.name} store did not finish a step within ${this.#options.timeoutMs} ms.`,
    );
  }
}
