import { TagState } from '../core/tag-state.js';
import type { TagOutcome, TagRegistration } from '../core/versioned-store.js';

/** The tags of a store in memory. A step is one synchronous piece of code and so atomic. */
export class TagTable {
  readonly #tags = new Map<string, TagState>();
  /** Which tags a key was registered with; a tag may have dropped it meanwhile. */
  readonly #tagsOfKeys = new Map<string, Set<string>>();

  /** How many tags there are; those that have ended and are not freed yet are counted. */
  get size(): number {
    return this.#tags.size;
  }

  register(tag: string, now: number, registration: TagRegistration): TagOutcome {
    const state = this.#tags.get(tag) ?? new TagState();
    const outcome = state.register(now, registration);
    if (!outcome.registered) return outcome;
    this.#tags.set(tag, state);
    const tags = this.#tagsOfKeys.get(registration.key);
    if (tags === undefined) this.#tagsOfKeys.set(registration.key, new Set([tag]));
    else tags.add(tag);
    return outcome;
  }

  announce(tag: string, now: number, memoryMs: number): readonly string[] {
    const state = this.#tags.get(tag) ?? new TagState();
    this.#tags.set(tag, state);
    return state.announce(now, memoryMs);
  }

  /** The key's state is gone: nothing is left to be invalidated, and a fill that may be under way will be refused. */
  forget(key: string): void {
    for (const tag of this.#tagsOfKeys.get(key) ?? []) this.#tags.get(tag)?.keys.delete(key);
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
