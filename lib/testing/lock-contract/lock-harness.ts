import type { LockProvider } from '../../core/lock-provider.js';

/** What the suite needs to know about a lock provider under test. */
export interface LockProviderHarness {
  /** Another provider on the same lock service and namespace, as another process would have it. The suite closes it. */
  open(): Promise<LockProvider>;
  /** Called at the end of each case, when its providers are closed. The next case calls `open` again. */
  dispose(): Promise<void>;
  /**
   * Makes the service lose the lock that is held on `key`, as after an expired session or a wiped server. Left out where a lock can't be
   * lost; the cases about it are then left out too.
   */
  loseLock?(key: string): Promise<void>;
  /**
   * How long a lock has to be held to prove that it is kept alive, milliseconds: more than any time to live. Left out where locks need
   * no keep-alive.
   */
  readonly holdBeyondMs?: number;
  /** A step that takes longer counts as hanging. Milliseconds, default 20,000: far more than a healthy provider needs on a loaded machine. */
  readonly patienceMs?: number;
  /** The providers ask different servers of one service, of which one may hear of a release a moment after another: a lock that was given back is free soon, not at once. Default false. */
  readonly lagging?: boolean;
  /** What is still at the service although every provider is closed; must become empty by itself. */
  leftovers?(): Promise<readonly string[]>;
}
