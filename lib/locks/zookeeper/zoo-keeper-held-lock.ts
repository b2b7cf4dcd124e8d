import type { Clock } from '../../core/clock.js';
import { LockLostError } from '../../core/errors.js';
import type { HeldLock, WakeReason } from '../../core/lock-provider.js';
import { ZooKeeperBusyLock } from './zoo-keeper-busy-lock.js';

/** A lock of ours, and those of this process who found it taken. */
export class ZooKeeperHeldLock implements HeldLock {
  readonly acquired = true;
  readonly path: string;
  /** What the node contains: tells this holder from every other of the same session. */
  readonly id: string;
  readonly token: bigint;
  readonly #giveBack: (lock: ZooKeeperHeldLock) => Promise<void>;
  readonly #controller = new AbortController();
  readonly #waiting = new Set<ZooKeeperBusyLock>();
  #released: Promise<void> | undefined;

  constructor(path: string, id: string, token: bigint, giveBack: (lock: ZooKeeperHeldLock) => Promise<void>) {
    this.path = path;
    this.id = id;
    this.token = token;
    this.#giveBack = giveBack;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Settles when the release that is under way has been answered; undefined when there is none. */
  get released(): Promise<void> | undefined {
    return this.#released;
  }

  release(): Promise<void> {
    // A turn later, so that the lock counts as given back before anything is heard of the end of its node.
    this.#released ??= Promise.resolve().then(() => (this.signal.aborted ? undefined : this.#giveBack(this)));
    return this.#released;
  }

  lose(why: string, cause: unknown): void {
    // Who gives a lock back has finished with it, and is not told that it is gone.
    if (this.#released || this.signal.aborted) return;
    this.#controller.abort(new LockLostError(`The lock is lost, or may be: ${why}`, { cause }));
  }

  busy(clock: Clock): ZooKeeperBusyLock {
    const lock = new ZooKeeperBusyLock(clock, () => this.#waiting.delete(lock));
    this.#waiting.add(lock);
    return lock;
  }

  wake(reason: WakeReason): void {
    for (const lock of [...this.#waiting]) lock.wake(reason);
  }
}
