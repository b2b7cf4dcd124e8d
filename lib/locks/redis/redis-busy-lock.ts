import type { Clock } from '../../core/clock.js';
import { withDeadline } from '../../core/deadline.js';
import { LockUnavailableError } from '../../core/errors.js';
import type { BusyLock, WaitOptions, WakeReason } from '../../core/lock-provider.js';
import { WatchedLock } from '../watched-lock.js';
import type { BusyReply } from './redis-lock-commands.js';
import type { OnRelease } from './release-messages.js';

/** What a busy lock needs of its provider. */
export interface BusyLockDuties {
  readonly clock: Clock;
  readonly ttlMs: number;
  readonly commandTimeoutMs: number;
  listen(onRelease: OnRelease): () => void;
  look(): Promise<BusyReply | undefined>;
  /** Called once, when nothing is watched any more. */
  onOver(): void;
}

/**
 * A waiter is woken by the holder's message. A holder that died sends none, and a message may get lost; so when the time the lock has left on the
 * server is over the waiter looks once. A living holder renews every third of its time to live, hence a waiter looks no more often than every two
 * thirds of it; and at least once per `ttlMs`, should the holder have a longer one.
 *
 * It listens from the moment it is made, which is before the server is asked who holds the lock:
 * 1. the server answers "busy, owner A"; 2. A releases, and its message overtakes that answer; 3. the answer is read. The message of 2 is remembered.
 */
export class RedisBusyLock implements BusyLock {
  readonly acquired = false;
  readonly #duties: BusyLockDuties;
  readonly #watch: WatchedLock;
  readonly #gone = new Set<string>();
  #holder: string | undefined;
  #lookAt = 0;
  #cancelLook: () => void = () => undefined;

  constructor(duties: BusyLockDuties) {
    this.#duties = duties;
    const unlisten = duties.listen((owner) => {
      if (this.#holder === undefined) this.#gone.add(owner);
      else if (owner === this.#holder) this.#watch.wake('released');
    });
    this.#watch = new WatchedLock(duties.clock, () => {
      unlisten();
      this.#cancelLook();
      duties.onOver();
    });
  }

  /** From here on it is this holder whose end is awaited. */
  see({ owner, remainingMs }: BusyReply): void {
    this.#holder = owner;
    this.#planLook(remainingMs);
    if (this.#gone.has(owner)) this.#watch.wake('released');
    this.#gone.clear();
  }

  wait(options: WaitOptions): Promise<WakeReason> {
    const waiting = this.#watch.wait(options);
    this.#lookWhenDue();
    return waiting;
  }

  wake(reason: WakeReason): void {
    this.#watch.wake(reason);
  }

  dispose(): void {
    this.#watch.dispose();
  }

  #planLook(remainingMs: number): void {
    const { clock, ttlMs } = this.#duties;
    // Never in a hurry: a lock that is about to expire, and does not, has just been renewed.
    this.#lookAt = clock.elapsedMs() + Math.max(ttlMs / 10, Math.min(remainingMs, ttlMs));
  }

  #lookWhenDue(): void {
    if (this.#watch.over) return;
    const { clock } = this.#duties;
    this.#cancelLook = clock.after(Math.max(0, this.#lookAt - clock.elapsedMs()), () => void this.#look());
  }

  async #look(): Promise<void> {
    const { clock, commandTimeoutMs } = this.#duties;
    try {
      const late = (): Error => new LockUnavailableError('late');
      const seen = await withDeadline(clock, this.#duties.look(), commandTimeoutMs, late);
      if (seen === undefined || seen.owner !== this.#holder) {
        this.#watch.wake('vanished');
        return;
      }
      this.#planLook(seen.remainingMs);
      this.#lookWhenDue();
    } catch {
      this.#watch.wake('contact-lost');
    }
  }
}
