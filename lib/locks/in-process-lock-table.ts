import type { WatchedLock } from './watched-lock.js';

/** Who holds a key now, and who wants to know when that ends. */
export interface InProcessHolding {
  readonly token: bigint;
  readonly watchers: Set<WatchedLock>;
}

/**
 * The "lock service" of one process: its keys and the one counter their fencing tokens come from. Providers that are given the same
 * table compete for the same locks.
 */
export class InProcessLockTable {
  readonly #holdings = new Map<string, InProcessHolding>();
  #lastToken = 0n;

  /** How many locks are held. */
  get size(): number {
    return this.#holdings.size;
  }

  holding(key: string): InProcessHolding | undefined {
    return this.#holdings.get(key);
  }

  /** Takes a key that is free. */
  take(key: string): InProcessHolding {
    this.#lastToken += 1n;
    const holding: InProcessHolding = { token: this.#lastToken, watchers: new Set() };
    this.#holdings.set(key, holding);
    return holding;
  }

  /** Gives `holding` back, unless the key has gone to another since, and wakes everyone who watches it. */
  giveBack(key: string, holding: InProcessHolding): void {
    if (this.#holdings.get(key) !== holding) return;
    this.#holdings.delete(key);
    // A copy: each wake takes its watcher out of the set.
    for (const watcher of [...holding.watchers]) watcher.wake('released');
  }
}
