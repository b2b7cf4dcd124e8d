import type { CacheEvent } from './cache-event.js';
import { sleep, type Clock } from './clock.js';
import { LockUnavailableError, WaitTimeoutError } from './errors.js';
import type { AfterWaiting } from './after-waiting.js';
import type { Flight } from './flight.js';
import { onAbort, type LateSignal } from './late-signal.js';
import type { LockGate } from './lock-gate.js';
import type { BusyLock, HeldLock, WakeReason } from './lock-provider.js';
import type { LoadPolicy } from './load-policy.js';
import { byLease, LOCKED, unlocked, type Turn, type Way } from './turn.js';

/** A waiter that finds neither a value nor a mark after waking goes round once more, and then not again. */
const MAX_ROUNDS = 2;
/** After a holder's crash all its waiters wake at once; a random delay up to this keeps them from asking for the lock in one instant. */
const CROWD_DELAY_MS = 30;

/** Taking the lock, or waiting until whoever has it has filled the key. What is waited for is the value, not the lock. */
export class LockTurn {
  constructor(
    private readonly locks: LockGate,
    private readonly afterWaiting: AfterWaiting,
    private readonly clock: Clock,
    private readonly lockTimeoutMs: number,
    private readonly stop: LateSignal,
    private readonly report: (event: CacheEvent) => void,
  ) {}

  /** @param likelyFree the look at the store that led here has shown nobody loading; of a second round it says nothing any more */
  async take(flight: Flight, policy: LoadPolicy, likelyFree: boolean): Promise<Turn> {
    for (let round = 1; round <= MAX_ROUNDS; round++) {
      const attempt = await this.attempt(flight, policy, likelyFree && round === 1);
      if (attempt === undefined) return withoutLock(flight, policy, 'lock-unavailable');
      if (attempt.acquired) return this.hold(flight, attempt);
      this.report({ type: 'lock-busy', key: flight.key });
      const turn = await this.wait(flight, policy, attempt);
      if (turn !== undefined) return turn;
      await sleep(this.clock, this.clock.random() * CROWD_DELAY_MS, this.stop.signal);
    }
    if (policy.onWaitTimeout === 'fail')
      throw new WaitTimeoutError(`Two loads of "${flight.key}" elsewhere ended without a value`);
    return unlocked('nothing-came');
  }

  /** Undefined when the lock service can't be asked and the policy is to go on without it. */
  private async attempt(
    flight: Flight,
    policy: LoadPolicy,
    likelyFree: boolean,
  ): Promise<HeldLock | BusyLock | undefined> {
    try {
      const bounds = { timeoutMs: this.lockTimeoutMs, signal: this.stop.signal, likelyFree };
      return await this.locks.tryAcquire(flight.key, bounds);
    } catch (error) {
      this.stop.throwIfAborted();
      if (policy.onLockUnavailable === 'fail') throw error;
      return undefined;
    }
  }

  private hold(flight: Flight, lock: HeldLock): Way {
    const { key } = flight;
    const { token } = lock;
    const heldSince = this.clock.elapsedMs();
    this.report({ type: 'lock-acquired', key, token });
    const stopListening = onAbort(lock.signal, () => {
      this.report({ type: 'lock-lost', key, token });
    });
    // Nobody who wants the value waits for the release.
    flight.hold(lock, () => {
      stopListening();
      void lock.release().then(() => {
        this.report({ type: 'lock-released', key, heldMs: this.clock.elapsedMs() - heldSince });
      });
    });
    return LOCKED;
  }

  /** Undefined: nothing is there, go round again. */
  private async wait(flight: Flight, policy: LoadPolicy, busy: BusyLock): Promise<Turn | undefined> {
    if (flight.background) {
      busy.dispose();
      return { kind: 'nothing' };
    }
    flight.leaveSlot();
    const reason = await this.awaitRelease(flight, policy, busy);
    this.stop.throwIfAborted();
    if (flight.abandoned) return { kind: 'nothing' };
    const found = await this.afterWaiting.at(flight);
    if (found.kind !== 'none') return found;
    if (flight.impatience.aborted || reason === 'timeout') {
      return this.ranOut(flight, policy);
    }
    if (reason === 'contact-lost' || reason === 'closed') {
      const error = new LockUnavailableError(`The lock service can't tell any more (${reason})`);
      this.report({ type: 'lock-unavailable', key: flight.key, error });
      if (policy.onLockUnavailable === 'fail') throw error;
      return withoutLock(flight, policy, 'lock-unavailable');
    }
    return undefined;
  }

  private async awaitRelease(flight: Flight, policy: LoadPolicy, busy: BusyLock): Promise<WakeReason> {
    const waitingSince = this.clock.elapsedMs();
    const forgetStop = this.stop.onAbort(() => {
      flight.hurry();
    });
    try {
      // Each caller's own `waitMs` ends the wait through `impatience`; this is only the bound behind them.
      const reason = await busy.wait({
        timeoutMs: policy.waitMs + this.lockTimeoutMs,
        signal: flight.impatience.signal,
      });
      const waitedMs = this.clock.elapsedMs() - waitingSince;
      this.report({ type: 'lock-waited', key: flight.key, reason, waitedMs });
      return reason;
    } finally {
      forgetStop();
      busy.dispose();
    }
  }

  /** One more try at the lock, which its holder may have just lost: who gets it keeps the others waiting for one load. Who does not loads beside it. */
  private async ranOut(flight: Flight, policy: LoadPolicy): Promise<Turn> {
    if (!flight.impatience.aborted && policy.onWaitTimeout === 'fail') {
      throw new WaitTimeoutError(`No value of "${flight.key}" came within waitMs = ${String(policy.waitMs)}`);
    }
    const attempt = await this.attempt(flight, policy, false);
    if (attempt?.acquired === true) return this.hold(flight, attempt);
    attempt?.dispose();
    return unlocked('wait-ran-out');
  }
}

/** The lock service cannot be asked, or has lost our lock, and the policy is to go on. */
export function withoutLock(
  flight: Flight,
  { onLockUnavailable }: LoadPolicy,
  because: 'lock-unavailable' | 'lock-lost',
): Way {
  if (onLockUnavailable === 'stale') flight.serveStale();
  return onLockUnavailable === 'load' ? unlocked(because) : byLease(because);
}
