import { LoadUnwatchedError } from './errors.js';
import type { Frozen } from './freeze.js';
import { LateSignal } from './late-signal.js';
import type { HeldLock } from './lock-provider.js';
import type { Slot } from './slot.js';
import type { KeyState } from './versioned-store.js';

/** What a look at the store brought. `order` says when it was *sent*, in this process's sequence of looks and begins. */
export type Seen =
  | {
      readonly up: true;
      readonly order: number;
      readonly state: KeyState;
      /** What was seen is a fresh value that cannot be read here and stays: whoever loads now can store nothing. */
      inTheWay?: true;
    }
  | { readonly up: false; readonly order: number; readonly error: unknown };

/**
 * How a flight ended well. The first who takes a copy may have `value` itself; the others decode `payload`, so that no caller can change what
 * another gets. Without a payload the value could not be encoded, and is shared. `nothing`: a background refresh found another at work; look again.
 */
export type Landing =
  | {
      readonly kind: 'loaded' | 'found';
      readonly value: unknown;
      readonly payload?: string;
      /** A tag of it was announced while it was loaded, or may have been: only who came before that load began may have it. */
      readonly outdated?: true;
    }
  | { readonly kind: 'nothing' };

/** A flight that hears of more announcements than this gives up instead of remembering them. */
const MAX_ANNOUNCED = 10_000;

/** Whether a caller that has just looked may share a flight; see {@link Flight.admits}. */
export type Admission = 'join' | 'reply-under-way' | 'look-again' | 'superseded' | 'ending';

/** One load of one key in this process, from its approach to its landing. */
export class Flight {
  /** The lease it loads under; undefined before its begin, and when the store was down. */
  lease: string | undefined;
  /** Its lease is gone: it serves those who were there before and nobody else, and stores nothing. */
  superseded = false;
  /** The begin, or the look after waking, that was sent and not answered yet. */
  underWay: Promise<unknown> | undefined;
  /** Flights that its loader waits for; a ring of these would never end. */
  readonly waitsFor = new Set<Flight>();
  /** How it ends is known, or nobody waits for it any more: there is nothing left to share. */
  private ending = false;
  private begunAt: number | undefined;
  private watchers = 0;
  private detached = false;
  private hasTaker = false;
  private lock: HeldLock | undefined;
  /** Tags that this process announced while the flight loaded. */
  private readonly announced = new Set<string>();
  /** Tags of what it has loaded, once they are known. */
  private tags: ReadonlySet<string> = new Set();
  private giveBack: () => void = () => undefined;
  private slot: Slot | undefined;
  /** Whose loaders wait, or have waited, for this flight. */
  private readonly carriers = new Set<Flight>();
  private gotSlot: (() => void) | undefined;
  /** Fires when waiting for another's load must end: load now (`hurry`), or go home because nobody waits. */
  readonly impatience = new LateSignal();
  /** Fires when the lock service is away and whoever has a stale value takes it (`onLockUnavailable: 'stale'`). */
  readonly outage = new LateSignal();
  /** Fires when the last caller has left before it loaded, or, with `cancelUnwatched`, while it does. */
  readonly unwatched = new LateSignal();

  constructor(
    readonly key: string,
    readonly background: boolean,
    private readonly cancelUnwatched: boolean,
    /** The flight whose loader asked for this one. */
    readonly parent: Flight | undefined,
    private readonly nextOrder: () => number,
  ) {}

  landed = false;
  /** Its first look has shown a value, stale or about to be. */
  sawValue = false;
  /** What is fresh for less than this does not end it: it refreshes a value before that expires. */
  earlyMs = 0;
  /** What those of its callers get who asked for a frozen value; made for the first of them. */
  frozen: Frozen | undefined;
  /** It asks whether what is stored is the current value, and holds that instead of what it has loaded. */
  renewing = false;
  /** A tag that its error depends on was announced while it loaded, or may have been: only who came before that load began may have the error. */
  errorOutdated = false;
  /** Somebody came aboard after its load had begun. */
  hasLateCallers = false;
  /** Settled by whoever starts the flight; rejections are handled there, so nobody has to wait for it. */
  landing!: Promise<Landing>;

  /** True from the moment its begin was answered: from then on it loads. */
  get loading(): boolean {
    return this.begunAt !== undefined;
  }

  /**
   * The joining rule. A caller has looked, and finds this flight: may it share the result?
   *
   * What it must never get is a value read before a change that was announced before the caller began:
   *   1. this flight begins under lease L and reads the row; 2. the row changes, the change is announced, L is wiped;
   *   3. the caller begins, looks, and finds this flight still running. Its look shows no L: not joined.
   * A look that was sent before our begin was answered proves nothing either way (it may show the state before L): look again.
   * A flight that has not sent its begin yet will begin after the caller did: joined.
   *
   * The same with a value that it found by its look after waking: 1. its look finds a value; 2. that is changed and announced; 3. the caller begins, looks,
   * and finds the flight with the old value in its hands. So while a look is under way, and once it has found something, nobody joins; nor does a caller that could not look.
   *
   * And with a value that it is about to renew: 1. the value changes, and the store does not get the announcement; 2. this flight has begun meanwhile, finds the old value, and asks whether it is current;
   * 3. the announcement has failed, and is kept; 4. a caller begins, and cannot look. What it would get by joining was not read after it had come.
   */
  admits(seen: Seen): Admission {
    if (this.superseded) return 'superseded';
    if (this.ending) return 'ending';
    if (this.underWay !== undefined) return 'reply-under-way';
    if (!seen.up) return this.renewing ? 'superseded' : 'join';
    if (this.begunAt === undefined) return 'join';
    // Without a lease there is nothing to compare; but a load that began after the caller had come reads what the caller may have.
    if (this.lease === undefined) return seen.order > this.begunAt ? 'superseded' : 'join';
    if (seen.state.lease === this.lease) return 'join';
    return seen.order > this.begunAt ? 'superseded' : 'look-again';
  }

  /**
   * Sends a begin or a look after waking. While the answer is under way nobody may join without comparing; `question` covers what is made of the
   * answer too (`begin`, `end`), so that there is no moment in between.
   */
  async ask<T>(question: () => Promise<T>): Promise<T> {
    const asked = question();
    // Callers wait for the answer only to look at the flight again: for them a failure is an answer like any other.
    this.underWay = asked.then(
      () => undefined,
      () => undefined,
    );
    try {
      return await asked;
    } finally {
      this.underWay = undefined;
    }
  }

  /** From here on it loads: under that lease, or without one because the store is down. */
  begin(lease: string | undefined): void {
    this.lease = lease;
    this.begunAt = this.nextOrder();
  }

  /**
   * Whether a caller that came at `order` came after its load had begun. What the lease can't tell such a caller is a change of what the value
   * contains, for that is known only after it was loaded:
   *   1. this flight begins under lease L and reads a list; 2. a row of it changes; its tag is announced, and nobody has registered: L stays; 3. the caller begins,
   *   looks, sees L, and joins; 4. the flight registers, and finds that it is outdated.
   * So at step 4 those who came after the begin look again.
   */
  isLate(order: number): boolean {
    return this.begunAt !== undefined && order > this.begunAt;
  }

  /**
   * Tags were announced while it loads. Which of them it carries may not be known yet. Where it is:
   *   1. this flight has registered under t, and its fill is under way; 2. t is announced, but the store does not hear of it, so the lease stays; 3. a caller
   *   begins, cannot look, and finds this flight.
   *
   * @returns whether it is superseded by that
   */
  noteAnnounced(tags: readonly string[]): boolean {
    if (!this.loading || this.superseded) return false;
    for (const tag of tags) this.announced.add(tag);
    return this.announced.size > MAX_ANNOUNCED || tags.some((tag) => this.tags.has(tag));
  }

  /** What it has loaded carries these tags. */
  carries(tags: readonly string[]): void {
    this.tags = new Set(tags);
  }

  knowsAnnounced(tags: readonly string[]): boolean {
    return this.announced.size > 0 && tags.some((tag) => this.announced.has(tag));
  }

  /** What it loaded under its lease came to nothing: it goes on as one that has not begun, whatever was announced until now. */
  beginAgain(): void {
    this.lease = undefined;
    this.begunAt = undefined;
    this.superseded = false;
    this.announced.clear();
    this.tags = new Set();
    this.renewing = false;
  }

  /** The lock service is away: callers that have a stale value take it. */
  serveStale(): void {
    this.outage.abort(new Error(`The lock service is away; "${this.key}" is refreshed by the lease`));
  }

  /** A refresh that nobody waits for: where another is at work it has nothing to do. */
  get unattended(): boolean {
    return this.background || (this.outage.aborted && this.watchers === 0);
  }

  /** The answer has brought the result: from here on it only lands. */
  end(): void {
    this.ending = true;
  }

  /** @param giveBack called once, when the lock is of no more use to this flight */
  hold(lock: HeldLock, giveBack: () => void): void {
    this.lock = lock;
    this.giveBack = giveBack;
  }

  get heldLock(): HeldLock | undefined {
    return this.lock;
  }

  /** Gives the lock back, once, without waiting for it. */
  release(): void {
    if (this.lock === undefined) return;
    this.lock = undefined;
    this.giveBack();
  }

  /** It may load. */
  get hasSlot(): boolean {
    return this.slot !== undefined;
  }

  /** Rides in the slot of a loader that waits for it, if it has none and there is one. @returns whether it has a slot now */
  ride(): boolean {
    if (this.slot !== undefined) return true;
    for (const { slot } of this.carriers) {
      if (slot === undefined) continue;
      this.takeSlot(slot);
      return true;
    }
    return false;
  }

  /** It waits for a slot. */
  get isQueued(): boolean {
    return this.gotSlot !== undefined;
  }

  /** Until it loads no more, or only waits for another's load. */
  takeSlot(slot: Slot): void {
    this.slot = slot;
    slot.enter();
  }

  /** @returns what ends the wait */
  waitForSlot(gotSlot: () => void): () => void {
    this.gotSlot = gotSlot;
    return () => {
      this.gotSlot = undefined;
    };
  }

  /** @param carrier its loader waits for this flight, and they share a slot */
  carry(carrier: Flight): void {
    this.carriers.add(carrier);
    if (this.isQueued && this.ride()) this.gotSlot?.();
  }

  leaveSlot(): void {
    const { slot } = this;
    this.slot = undefined;
    slot?.leave();
  }

  /** A change was announced, or a look has shown that the lease is gone: the lock is of no use any more, to others it is. */
  supersede(): void {
    this.superseded = true;
    this.release();
  }

  hurry(): void {
    this.impatience.abort(new Error(`Nobody waits for another's load of "${this.key}" any longer`));
  }

  watch(): void {
    this.watchers++;
  }

  /** Somebody has gone home with less than its result and counts on it for the next: from here on it goes on whether it is watched or not. */
  detach(): void {
    this.detached = true;
  }

  unwatch(): void {
    this.watchers--;
    if (this.detached) return;
    if (this.watchers > 0 || this.landed || (this.loading && !this.cancelUnwatched)) return;
    this.ending = true;
    this.unwatched.abort(new LoadUnwatchedError(`Nobody waits for "${this.key}" any more`));
    this.hurry();
  }

  /** Its last caller left, and so will it. */
  get abandoned(): boolean {
    return this.unwatched.aborted;
  }

  /** True for the first caller that takes the result: it may have the value itself, the others get copies. */
  takeFirst(): boolean {
    const first = !this.hasTaker;
    this.hasTaker = true;
    return first;
  }
}
