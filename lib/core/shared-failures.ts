import type { Clock } from './clock.js';
import { SharedLoadError } from './errors.js';
import type { LoadMark } from './versioned-store.js';

const MAX_REMEMBERED = 1_000;

/**
 * The errors of this process's own failed loads, for as long as they are shared: a later caller here gets the very error, not its description,
 * and while the store is down it is all that keeps callers from loading one after the other.
 */
export class SharedFailures {
  private readonly failures = new Map<string, { markId: string | undefined; error: unknown; forget: () => void }>();

  constructor(private readonly clock: Clock) {}

  /** @param markId of the mark in the store; undefined: there is none, and the key is not registered under the tags that the error depends on */
  remember(key: string, markId: string | undefined, error: unknown, forMs: number): void {
    this.forget(key);
    if (this.failures.size >= MAX_REMEMBERED) this.forget(this.failures.keys().next().value);
    const forget = this.clock.after(forMs, () => {
      this.failures.delete(key);
    });
    this.failures.set(key, { markId, error, forget });
  }

  /** The error to throw for a mark that was found in the store. */
  forMark(key: string, mark: LoadMark): unknown {
    const own = this.failures.get(key);
    if (own?.markId === mark.id) return own.error;
    return new SharedLoadError(mark.error ?? { name: 'Error', message: 'no description was kept' });
  }

  /** What a load of this process failed with a moment ago: only for when the store can't say. */
  recent(key: string): { readonly error: unknown } | undefined {
    return this.failures.get(key);
  }

  forget(key: string | undefined): void {
    if (key === undefined) return;
    this.failures.get(key)?.forget();
    this.failures.delete(key);
  }

  /** Tags were announced: they do not lead to failures that the store does not know of, though these may depend on them. */
  forgetUnmarked(): void {
    for (const [key, { markId }] of [...this.failures]) if (markId === undefined) this.forget(key);
  }

  clear(): void {
    for (const key of [...this.failures.keys()]) this.forget(key);
  }
}
