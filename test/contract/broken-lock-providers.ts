import { randomInt } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CacheClosedError } from '../../lib/core/errors.js';
import {
  LockProvider,
  type AcquireOptions,
  type BusyLock,
  type HeldLock,
  type LockState,
  type WaitOptions,
  type WakeReason,
} from '../../lib/core/lock-provider.js';
import { WatchedLock } from '../../lib/locks/watched-lock.js';
import { systemClock } from '../../lib/core/clock.js';

interface Holding {
  readonly token: bigint;
  readonly watchers: Set<WatchedLock>;
}

/** What the providers of one harness share. */
export interface SketchService {
  readonly holdings: Map<string, Holding>;
  lastToken: bigint;
}

export function sketchService(): SketchService {
  return { holdings: new Map(), lastToken: 0n };
}

/** A lock provider as short as can be that keeps the contract. Each class below breaks it in one place. */
export class SketchLockProvider extends LockProvider {
  readonly name: string = 'sketch';
  readonly #giveBacks = new Set<() => void>();
  readonly #watches = new Set<WatchedLock>();
  #closed = false;

  constructor(protected readonly service: SketchService) {
    super();
  }

  get state(): LockState {
    return this.#closed ? 'closed' : 'connected';
  }

  async tryAcquire(key: string, { signal }: AcquireOptions): Promise<HeldLock | BusyLock> {
    if (this.#closed) throw new CacheClosedError('closed');
    signal?.throwIfAborted();
    const holding = this.service.holdings.get(key);
    // No await unless there is something to wait for: looking and taking happen in one go.
    const pause = this.betweenLookAndTake();
    if (pause) await pause;
    return holding === undefined ? this.take(key) : this.busy(key, holding);
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const watch of [...this.#watches]) watch.wake('closed');
    if (this.givesBackOnClose()) for (const giveBack of [...this.#giveBacks]) giveBack();
    return Promise.resolve();
  }

  protected betweenLookAndTake(): Promise<void> | undefined {
    return undefined;
  }

  protected givesBackOnClose(): boolean {
    return true;
  }

  protected nextToken(): bigint {
    return (this.service.lastToken += 1n);
  }

  protected isOurs(key: string, holding: Holding): boolean {
    return this.service.holdings.get(key) === holding;
  }

  protected toWake(holding: Holding): readonly WatchedLock[] {
    return [...holding.watchers];
  }

  protected firesOnRelease(): boolean {
    return false;
  }

  protected busy(_key: string, holding: Holding): BusyLock {
    const watch: WatchedLock = new WatchedLock(systemClock, () => {
      holding.watchers.delete(watch);
      this.#watches.delete(watch);
    });
    holding.watchers.add(watch);
    this.#watches.add(watch);
    return watch;
  }

  protected take(key: string): HeldLock {
    const holding: Holding = { token: this.nextToken(), watchers: new Set() };
    this.service.holdings.set(key, holding);
    const lost = new AbortController();
    const giveBack = (): void => {
      this.#giveBacks.delete(giveBack);
      if (!this.isOurs(key, holding)) return;
      this.service.holdings.delete(key);
      for (const watch of this.toWake(holding)) watch.wake('released');
    };
    this.#giveBacks.add(giveBack);
    return {
      acquired: true,
      token: holding.token,
      signal: lost.signal,
      release: () => {
        giveBack();
        if (this.firesOnRelease()) lost.abort();
        return Promise.resolve();
      },
    };
  }
}

/** Frees the key, whoever holds it by now: a plain DEL. */
export class ReleasesWithoutOwnerCheck extends SketchLockProvider {
  protected override isOurs(): boolean {
    return true;
  }
}

/** Looks, and takes a moment later: GET, then SET. */
export class LetsTwoHoldersIn extends SketchLockProvider {
  protected override betweenLookAndTake(): Promise<void> {
    return nextTurn();
  }
}

/** Listens only once the wait begins. */
export class ArmsItsWatchInWait extends SketchLockProvider {
  protected override busy(key: string, seen: Holding): BusyLock {
    const arm = (): BusyLock => super.busy(key, this.service.holdings.get(key) ?? seen);
    let armed: BusyLock | undefined;
    return {
      acquired: false,
      wait: (options: WaitOptions): Promise<WakeReason> => (armed = arm()).wait(options),
      dispose: () => armed?.dispose(),
    };
  }
}

/** Fencing tokens that are merely different. */
export class DrawsItsTokens extends SketchLockProvider {
  protected override nextToken(): bigint {
    return BigInt(randomInt(2 ** 32));
  }
}

/** Wakes the first waiter and forgets the rest. */
export class WakesOnlyOne extends SketchLockProvider {
  protected override toWake(holding: Holding): readonly WatchedLock[] {
    return [...holding.watchers].slice(0, 1);
  }
}

/** Takes every end of a lock for its loss. */
export class FiresTheSignalOnRelease extends SketchLockProvider {
  protected override firesOnRelease(): boolean {
    return true;
  }
}

/** Leaves its locks to time. */
export class KeepsItsLocksOnClose extends SketchLockProvider {
  protected override givesBackOnClose(): boolean {
    return false;
  }
}
