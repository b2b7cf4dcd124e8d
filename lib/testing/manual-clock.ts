import { Clock } from '../core/clock.js';
import { SeededRandom } from './seeded-random.js';

/** Kept from here, so that a test runner's fake timers do not stop it. */
const nextTurn = globalThis.setImmediate;
const cancelTurn = globalThis.clearImmediate;

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/**
 * A clock that stands still until a test moves it. Chance and ids follow from the seed, so a test that fails fails again.
 */
export class ManualClock extends Clock {
  readonly #seed: number;
  readonly #random: SeededRandom;
  /** In the order of their making, which decides between timers that are due at the same time. */
  readonly #timers = new Set<Timer>();
  #nowMs: number;
  #stoodStillMs = 0;
  #ids = 0;

  constructor({ seed = 1, startMs = 0 }: { readonly seed?: number; readonly startMs?: number } = {}) {
    super();
    this.#seed = seed;
    this.#random = new SeededRandom(seed);
    this.#nowMs = startMs;
  }

  elapsedMs(): number {
    return this.#nowMs;
  }

  /** Whatever time passes, but for that in which the event loop stood still. */
  idleMs(): number {
    return this.#nowMs - this.#stoodStillMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** Whatever has been handed over by then (a promise that a test has resolved) counts as read. */
  afterInput(callback: () => void): () => void {
    const turn = nextTurn(callback);
    return () => {
      cancelTurn(turn);
    };
  }

  random(): number {
    return this.#random.next();
  }

  uniqueId(): string {
    this.#ids += 1;
    return `manual-${this.#seed}-${this.#ids}`;
  }

  /** How many timers wait. A test that ends with more than it began with has found a leak. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /**
   * Moves the clock by `ms` and runs what becomes due on the way, in order, each at its own time. Before each timer, and at the end, promises
   * that can settle do. Rejects with what a timer's callback throws.
   */
  async advance(ms: number): Promise<void> {
    const target = this.#nowMs + ms;
    await this.settle();
    for (let timer = this.#nextDue(target); timer !== undefined; timer = this.#nextDue(target)) {
      this.#timers.delete(timer);
      this.#nowMs = Math.max(this.#nowMs, timer.at);
      timer.callback();
      await this.settle();
    }
    this.#nowMs = target;
  }

  /** Moves the clock by `ms` as if the event loop stood still: what becomes due on the way runs afterwards, late. Rejects as {@link advance} does. */
  standStill(ms: number): Promise<void> {
    this.#nowMs += ms;
    this.#stoodStillMs += ms;
    return this.advance(0);
  }

  /** Lets promises settle without moving the clock. */
  settle(): Promise<void> {
    return new Promise((resolve) => {
      nextTurn(resolve);
    });
  }

  #nextDue(target: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= target && (next === undefined || timer.at < next.at)) next = timer;
    }
    return next;
  }
}
