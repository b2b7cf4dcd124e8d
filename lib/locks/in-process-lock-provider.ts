import { systemClock, type Clock } from '../core/clock.js';
import { CacheClosedError, LockLostError } from '../core/errors.js';
import {
  LockProvider,
  type AcquireOptions,
  type BusyLock,
  type HeldLock,
  type LockState,
} from '../core/lock-provider.js';
import { InProcessLockTable, type InProcessHolding } from './in-process-lock-table.js';
import { WatchedLock } from './watched-lock.js';

/** For tests; an application has no reason to set any. */
export interface InProcessLockProviderOptions {
  /** Default: the machine's own clock. */
  readonly clock?: Clock;
  /**
   * Default: a table of its own, so that two providers never compete.
   *
   * @internal
   */
  readonly table?: InProcessLockTable;
}

/**
 * Locks that hold among the callers of one process. They need no renewal and cannot be lost; a lock that is still held when the provider
 * closes is given back, and only then does its signal fire.
 */
export class InProcessLockProvider extends LockProvider {
  readonly name = 'in-process';
  readonly #clock: Clock;
  readonly #table: InProcessLockTable;
  readonly #held = new Set<InProcessHeldLock>();
  readonly #waiting = new Set<WatchedLock>();
  #closed = false;

  constructor({ clock = systemClock, table = new InProcessLockTable() }: InProcessLockProviderOptions = {}) {
    super();
    this.#clock = clock;
    this.#table = table;
  }

  /** `'connected'` until it is closed. */
  get state(): LockState {
    return this.#closed ? 'closed' : 'connected';
  }

  // Looking and taking happen in one go, with no await between them: nobody can take the key in between.
  tryAcquire(key: string, { signal }: AcquireOptions): Promise<HeldLock | BusyLock> {
    if (this.#closed) return Promise.reject(new CacheClosedError('The in-process lock provider is closed.'));
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const holding = this.#table.holding(key);
    return Promise.resolve(holding === undefined ? this.#take(key) : this.#watch(holding));
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const waiting of [...this.#waiting]) waiting.wake('closed');
    for (const held of [...this.#held]) held.revoke();
    return Promise.resolve();
  }

  #take(key: string): HeldLock {
    const holding = this.#table.take(key);
    const held = new InProcessHeldLock(holding.token, () => {
      this.#held.delete(held);
      this.#table.giveBack(key, holding);
    });
    this.#held.add(held);
    return held;
  }

  #watch(holding: InProcessHolding): BusyLock {
    const watch = new WatchedLock(this.#clock, () => {
      holding.watchers.delete(watch);
      this.#waiting.delete(watch);
    });
    holding.watchers.add(watch);
    this.#waiting.add(watch);
    return watch;
  }
}

class InProcessHeldLock implements HeldLock {
  readonly acquired = true;
  readonly #lost = new AbortController();
  readonly #giveBack: () => void;

  constructor(
    readonly token: bigint,
    giveBack: () => void,
  ) {
    this.#giveBack = giveBack;
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  release(): Promise<void> {
    this.#giveBack();
    return Promise.resolve();
  }

  /** The provider closes under its holder: the key may go to another, so the holder must hear of it. */
  revoke(): void {
    void this.release();
    this.#lost.abort(new LockLostError('The lock was given back because its provider was closed.'));
  }
}
