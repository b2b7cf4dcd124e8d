import type { Clock } from '../../core/clock.js';

/** The part of the session timeout after which we take the session for lost: before the servers do, who count from a later moment. */
const LOST_AFTER = 0.9;
const KEEP_ALIVE_AFTER = 1 / 3;
const KEEP_ALIVE_AGAIN = 1 / 6;

export interface SessionLeaseEvents {
  /** Nothing was heard for a third of the timeout while a lock is held: ask the server something. */
  readonly onKeepAlive: () => void;
  /** By our own clock the session is over. */
  readonly onOver: () => void;
}

/**
 * Our own clock of the session. The client tells that a session has expired only when a server tells it so, which in a partition is long after others
 * have taken our locks. So: every answer proves that the session lived when its question was *sent*; nine tenths of the timeout after the last such moment it counts
 * as over. The clock runs while it matters: while a lock is held, or the contact is lost.
 */
export class SessionLease {
  readonly #clock: Clock;
  readonly #events: SessionLeaseEvents;
  #timeoutMs = 0;
  #contactMs = 0;
  #held = false;
  #suspended = false;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, events: SessionLeaseEvents) {
    this.#clock = clock;
    this.#events = events;
  }

  /** A session of that timeout is connected: a new one, of which nothing is held yet, or one that goes on. */
  begin(timeoutMs: number, resumed: boolean): void {
    this.#timeoutMs = timeoutMs;
    this.#suspended = false;
    if (!resumed) this.#contactMs = this.#clock.elapsedMs();
    this.#restart();
  }

  /** A question sent then was answered by a server. */
  contact(sentAtMs: number): void {
    this.#contactMs = Math.max(this.#contactMs, sentAtMs);
  }

  /** The connection broke. With nothing held there is no promise to keep and only waiters to tell, who get the whole timeout. */
  suspend(): void {
    if (!this.#held) this.#contactMs = this.#clock.elapsedMs();
    this.#suspended = true;
    this.#restart();
  }

  /** Whether any lock is held. */
  hold(held: boolean): void {
    if (held === this.#held) return;
    this.#held = held;
    this.#restart();
  }

  end(): void {
    this.#suspended = false;
    this.#held = false;
    this.#restart();
  }

  #restart(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (!this.#held && !this.#suspended) return;
    const silentMs = this.#clock.elapsedMs() - this.#contactMs;
    const next = this.#suspended ? LOST_AFTER : KEEP_ALIVE_AFTER;
    this.#arm(next * this.#timeoutMs - silentMs);
  }

  #arm(delayMs: number): void {
    this.#cancel = this.#clock.after(Math.max(1, delayMs), () => {
      this.#cancel = undefined;
      this.#tick();
    });
  }

  #tick(): void {
    const silentMs = this.#clock.elapsedMs() - this.#contactMs;
    const untilOverMs = LOST_AFTER * this.#timeoutMs - silentMs;
    if (untilOverMs <= 0) {
      this.#suspended = false;
      this.#events.onOver();
      return;
    }
    const untilKeepAliveMs = KEEP_ALIVE_AFTER * this.#timeoutMs - silentMs;
    if (this.#suspended) this.#arm(untilOverMs);
    else if (untilKeepAliveMs > 0) this.#arm(untilKeepAliveMs);
    else {
      this.#arm(Math.min(untilOverMs, KEEP_ALIVE_AGAIN * this.#timeoutMs));
      this.#events.onKeepAlive();
    }
  }
}
