import { TagState } from '../core/tag-state.js';
import type { TagOutcome, TagRegistration } from '../core/versioned-store.js';

/** So many tags a key may have before those are let go whose time is over. */
const FIRST_LIMIT = 64;

/** So many tags are remembered only because they were announced, beside those that lead to keys. */
const MAX_ANNOUNCED = 100_000;

interface TagsOfKey {
  readonly tags: Set<string>;
  /** Twice what was left when they were last looked through: so looking costs little for each that is added. */
  limit: number;
}

/** The tags of a store in memory. A step is one synchronous piece of code and so atomic. */
export class TagTable {
  readonly #tags = new Map<string, TagState>();
  /** Which tags a key was registered with; a tag may have dropped it meanwhile. */
  readonly #tagsOfKeys = new Map<string, TagsOfKey>();
  readonly #maxAnnounced: number;
  /** More than this is looked through: so looking costs little for each announcement. */
  #limit: number;
  /** Some announcement until then is not remembered any more. */
  #forgottenUntil = -Infinity;

  constructor(maxAnnounced = MAX_ANNOUNCED) {
    this.#maxAnnounced = maxAnnounced;
    this.#limit = maxAnnounced;
  }

  /** How many tags there are; those that have ended and are not freed yet are counted. */
  get size(): number {
    return this.#tags.size;
  }

  register(tag: string, now: number, registration: TagRegistration): TagOutcome {
    const { begunAt, memoryMs } = registration;
    // Which tags these announcements were of is not known: what was read before one of them may be older than it.
    if (Number(begunAt ?? now - memoryMs) <= this.#forgottenUntil) return { registered: false, reason: 'announced' };
    const state = this.#tags.get(tag) ?? new TagState();
    const outcome = state.register(now, registration);
    if (!outcome.registered) return outcome;
    this.#tags.set(tag, state);
    const known = this.#tagsOfKeys.get(registration.key) ?? { tags: new Set(), limit: FIRST_LIMIT };
    this.#tagsOfKeys.set(registration.key, known);
    known.tags.add(tag);
    if (known.tags.size > known.limit) this.#letGo(registration.key, known, now);
    return outcome;
  }

  /** A key that lives on, a list whose rows come and go, would else keep every tag that it ever had. */
  #letGo(key: string, known: TagsOfKey, now: number): void {
    for (const tag of known.tags) {
      const keys = this.#tags.get(tag)?.keys;
      if ((keys?.get(key) ?? -Infinity) > now) continue;
      keys?.delete(key);
      known.tags.delete(tag);
    }
    known.limit = Math.max(FIRST_LIMIT, 2 * known.tags.size);
  }

  announce(tag: string, now: number, memoryMs: number): readonly string[] {
    const state = this.#tags.get(tag) ?? new TagState();
    this.#tags.set(tag, state);
    const keys = state.announce(now, memoryMs);
    if (this.#tags.size > this.#limit) this.#forgetOld();
    return keys;
  }

  /** A process that announces more than can be remembered forgets the older half; what loads began before that is then refused. */
  #forgetOld(): void {
    const bare = [...this.#tags].flatMap(([tag, { announced, keys }]) =>
      keys.size === 0 && announced !== undefined ? [{ tag, at: announced.at }] : [],
    );
    const withKeys = this.#tags.size - bare.length;
    bare.sort((a, b) => a.at - b.at);
    for (const { tag, at } of bare.slice(0, bare.length - Math.floor(this.#maxAnnounced / 2))) {
      this.#tags.delete(tag);
      this.#forgottenUntil = Math.max(this.#forgottenUntil, at);
    }
    this.#limit = withKeys + this.#maxAnnounced;
  }

  /** The key's state is gone: nothing is left to be invalidated, and a fill that may be under way will be refused. */
  forget(key: string): void {
    for (const tag of this.#tagsOfKeys.get(key)?.tags ?? []) this.#tags.get(tag)?.keys.delete(key);
    this.#tagsOfKeys.delete(key);
  }

  /** Frees tags of which nothing is known any more. Keys are freed by {@link forget}, so what costs is what is announced. */
  sweep(now: number): void {
    for (const [tag, state] of this.#tags) {
      const { announced, keys } = state;
      if (keys.size === 0 && (announced === undefined || announced.until <= now)) this.#tags.delete(tag);
    }
  }

  clear(): void {
    this.#tags.clear();
    this.#tagsOfKeys.clear();
  }
}
