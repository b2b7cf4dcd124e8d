import type { LoadPolicy } from './load-policy.js';
import type { Version } from './version.js';

/** What a loader is given. */
export interface LoadContext {
  /**
   * Fires when the result is no longer wanted: `loadTimeoutMs` is over, the application shuts down, the lock is lost, or (with
   * `cancelUnwatched`) nobody waits any more. Its reason is the error class that says which. A loader may ignore it.
   */
  readonly signal: AbortSignal;
}

/** Gets the value from the source: committed rows, from the primary, read after it was called. */
export type Loader<T> = (context: LoadContext) => T | Promise<T>;

export interface LoadRequest<T> {
  /** Encoded by `encodeKey`. */
  readonly key: string;
  readonly loader: Loader<T>;
  readonly policy: LoadPolicy;
  /** The database's stamp on a loaded value; undefined where it has none. Must not throw. */
  versionOf?(value: T): Version | undefined;
  /** The version that the row has now, read after it was called; undefined when there is none, or no row. Equal to that of what is stored, that is renewed and not loaded. */
  currentVersion?(context: LoadContext, stored: Version): Promise<Version | undefined>;
  /**
   * What a loaded value depends on, as encoded tags; given `undefined`, what is known without a value (the load failed). When it throws, the value is not
   * stored.
   */
  tagsOf?(value: unknown): readonly string[];
  /** The loader may be called again after its caller has gone, to refresh what a change has outdated. Default false. */
  readonly repeatable?: boolean;
  /** The caller's own signal: takes only this caller out of the load it waits for. */
  readonly signal?: AbortSignal;
}

/**
 * How an answer came about.
 * - `HIT`: a fresh value was there; - `STALE`: a stale one was served; - `MISS`: this caller's flight loaded it; - `WAITED`: another's load was awaited, in this process or elsewhere.
 */
export type Outcome = 'HIT' | 'STALE' | 'MISS' | 'WAITED';

export interface Answer<T> {
  readonly value: T;
  readonly outcome: Outcome;
}
