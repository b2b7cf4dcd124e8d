import type { AfterWaiting } from './after-waiting.js';
import { Bell } from './bell.js';
import type { CacheEvent } from './cache-event.js';
import type { Clock } from './clock.js';
import { Deadline } from './deadline.js';
import { WaitTimeoutError } from './errors.js';
import type { Flight, Landing } from './flight.js';
import type { LateSignal } from './late-signal.js';
import type { LoadPolicy } from './load-policy.js';
import type { StoreGate } from './store-gate.js';
import { unlocked, type Way } from './turn.js';

/** A waiter that has seen two loads elsewhere end without a value and without a reason waits for no third. */
const MAX_ROUNDS = 2;
/** How often a waiter looks at the store: soon at first, then less often, and seldom from the start where the store tells it. Each pause is longer or shorter by up to a quarter. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 500;
const GROWTH = 1.5;

type Unlocked = Extract<Way, { kind: 'unlocked' }>;

/**
 * The turn where no lock service can be asked: the store's lease serves as the lock. Whoever's begin finds nobody loading loads; the others wait for the value. They are woken by a message where the store can
 * give one, and look at the store from time to time in any case:
 *   1. a waiter finds another loading; 2. the message of that load's end is lost, or was sent before the waiter listened, or the loader has died; 3. nobody would ever wake it.
 */
export class LeaseTurn {
  constructor(
    private readonly store: StoreGate,
    private readonly afterWaiting: AfterWaiting,
    private readonly clock: Clock,
    private readonly lockTimeoutMs: number,
    private readonly stop: LateSignal,
    private readonly report: (event: CacheEvent) => void,
  ) {}

  /**
   * What the claim brought, what the wait brought, or the word to load beside others because the wait was in vain.
   *
   * @param claim begins the load unless somebody loads: then `busy`, which is known by the store before this process listens no longer
   */
  async take<Claimed>(
    flight: Flight,
    policy: LoadPolicy,
    claim: () => Promise<Claimed | 'busy'>,
  ): Promise<Claimed | Landing | Unlocked> {
    // Each caller's own `waitMs` ends the wait through `impatience`; this is only the bound behind them.
    const bound = new Deadline(this.clock, policy.waitMs + this.lockTimeoutMs);
    try {
      for (let round = 1; ; round++) {
        const turn = await this.round(flight, policy, claim, round, bound);
        if (turn !== undefined) return turn;
      }
    } finally {
      bound.end();
    }
  }

  /** Undefined: nobody loads any more, and nothing is there. */
  private async round<Claimed>(
    flight: Flight,
    policy: LoadPolicy,
    claim: () => Promise<Claimed | 'busy'>,
    round: number,
    bound: Deadline,
  ): Promise<Claimed | Landing | Unlocked | undefined> {
    // Before the begin: between its answer and a later listening the load could end unheard.
    const bell = new Bell((ring) => this.store.listen(flight.key, ring));
    try {
      const claimed = await claim();
      if (claimed !== 'busy') return claimed;
      if (flight.unattended) return { kind: 'nothing' };
      this.report({ type: 'lease-busy', key: flight.key });
      if (round > MAX_ROUNDS) return this.inVain(flight, policy, unlocked('nothing-came'));
      return await this.wait(flight, policy, bell, bound);
    } finally {
      bell.remove();
    }
  }

  /** Undefined as of {@link round}. */
  private async wait(
    flight: Flight,
    policy: LoadPolicy,
    bell: Bell,
    bound: Deadline,
  ): Promise<Landing | Unlocked | undefined> {
    // Who only waits holds no slot.
    flight.leaveSlot();
    const since = this.clock.elapsedMs();
    const forgetStop = this.stop.onAbort(() => {
      flight.hurry();
    });
    const waited = (reason: 'told' | 'looked' | 'given-up'): void => {
      this.report({ type: 'lease-waited', key: flight.key, reason, waitedMs: this.clock.elapsedMs() - since });
    };
    try {
      for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * GROWTH)) {
        const pauseOrRestMs = Math.min(bound.remainingMs, this.pause(bell, pauseMs));
        const told = await bell.rung(this.clock, pauseOrRestMs, flight.impatience);
        this.stop.throwIfAborted();
        if (flight.abandoned) return { kind: 'nothing' };
        const found = await this.afterWaiting.at(flight);
        if (found.kind !== 'none' || !found.loading) {
          waited(told ? 'told' : 'looked');
          return found.kind === 'none' ? undefined : found;
        }
        if (flight.unattended) return { kind: 'nothing' };
        if (flight.impatience.aborted || bound.remainingMs === 0) {
          waited('given-up');
          return this.inVain(flight, policy, unlocked('wait-ran-out'));
        }
      }
    } finally {
      forgetStop();
    }
  }

  private pause(bell: Bell, pauseMs: number): number {
    return (bell.live ? LONGEST_PAUSE_MS : pauseMs) * (0.75 + this.clock.random() / 2);
  }

  private inVain(flight: Flight, policy: LoadPolicy, otherwise: Unlocked): Unlocked {
    if (flight.impatience.aborted || policy.onWaitTimeout !== 'fail') return otherwise;
    throw new WaitTimeoutError(`No value of "${flight.key}" came within waitMs = ${String(policy.waitMs)}`);
  }
}
