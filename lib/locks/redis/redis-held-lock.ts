import type { Clock } from '../../core/clock.js';
import { withDeadline } from '../../core/deadline.js';
import { LockLostError, LockUnavailableError } from '../../core/errors.js';
import type { HeldLock } from '../../core/lock-provider.js';

/** What a held lock needs of its provider. */
export interface HeldLockDuties {
  readonly clock: Clock;
  readonly ttlMs: number;
  /** Deadline of one renewal, at most a third of the time to live. */
  readonly renewTimeoutMs: number;
  /** False when the lock is not ours any more. */
  renew(): Promise<boolean>;
  /** Must not reject. After `expiresAt` the server has let the lock go by itself. */
  giveBack(expiresAt: number): Promise<void>;
}

/**
 * A lock that is renewed every third of its time to live. The server counts that time from a moment after the request was sent, we
 * count from the sending, and stop a tenth earlier: so we take the lock for lost before the server does, whatever delays the answers.
 */
export class RedisHeldLock implements HeldLock {
  readonly acquired = true;
  readonly #duties: HeldLockDuties;
  readonly #lost = new AbortController();
  /** When the request that last prolonged the lock was sent. */
  #provenAt: number;
  #over = false;
  #cancelRenewal: () => void = () => undefined;
  #cancelLoss: () => void = () => undefined;
  #released: Promise<void> | undefined;

  /** @param sentAt when the request that took the lock was sent */
  constructor(
    readonly token: bigint,
    sentAt: number,
    duties: HeldLockDuties,
  ) {
    this.#duties = duties;
    this.#provenAt = sentAt;
    this.#watchExpiry();
    this.#renewAfter(this.#renewEveryMs - (duties.clock.elapsedMs() - sentAt));
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  release(): Promise<void> {
    this.#stop();
    return (this.#released ??= this.#duties.giveBack(this.#provenAt + this.#duties.ttlMs));
  }

  /** Gives it back under its holder, who must hear of it: the key may go to another. */
  revoke(): Promise<void> {
    const released = this.release();
    this.#lost.abort(new LockLostError('The lock was given back because its provider was closed.'));
    return released;
  }

  get #renewEveryMs(): number {
    return this.#duties.ttlMs / 3;
  }

  get #lostAt(): number {
    return this.#provenAt + this.#duties.ttlMs * 0.9;
  }

  #watchExpiry(): void {
    const { clock, ttlMs } = this.#duties;
    this.#cancelLoss();
    this.#cancelLoss = clock.after(Math.max(0, this.#lostAt - clock.elapsedMs()), () => {
      this.#lose(`it could not be renewed within ${String(ttlMs)} ms`);
    });
  }

  #renewAfter(delayMs: number): void {
    this.#cancelRenewal = this.#duties.clock.after(Math.max(0, delayMs), () => void this.#renew());
  }

  async #renew(): Promise<void> {
    const { clock, renewTimeoutMs } = this.#duties;
    const sentAt = clock.elapsedMs();
    // A process that was stopped for long may come here before its other timer.
    if (sentAt >= this.#lostAt) {
      this.#lose('this process was stopped for longer than the lock lives');
      return;
    }
    const ours = await this.#answered(renewTimeoutMs);
    if (this.#over) return;
    if (ours === false) {
      this.#lose('the server does not have it any more');
      return;
    }
    if (ours) {
      this.#provenAt = sentAt;
      this.#watchExpiry();
    }
    // No answer: once more, soon, until the expiry is near.
    this.#renewAfter(ours ? this.#renewEveryMs - (clock.elapsedMs() - sentAt) : this.#renewEveryMs / 10);
  }

  async #answered(timeoutMs: number): Promise<boolean | undefined> {
    const { clock } = this.#duties;
    try {
      return await withDeadline(clock, this.#duties.renew(), timeoutMs, () => new LockUnavailableError('late'));
    } catch {
      return undefined;
    }
  }

  #lose(why: string): void {
    if (this.#over) return;
    this.#stop();
    this.#lost.abort(new LockLostError(`The lock is lost, or may be: ${why}.`));
  }

  #stop(): void {
    this.#over = true;
    this.#cancelRenewal();
    this.#cancelLoss();
  }
}
