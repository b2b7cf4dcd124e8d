import type { Clock } from './clock.js';

/** After the first refusal. What is refused may be taken a moment later: memory is free again, a new primary is known. */
const FIRST_PAUSE_MS = 500;
/**
 * What is refused for good (a right is missing) is to cost next to nothing; what is taken again is not to wait much longer for it than it has waited already. So each pause is twice the one before, up to this.
 */
const LONGEST_PAUSE_MS = 30_000;

/** What the store has refused, and when it is tried again. What has been taken back is forgotten by itself. */
export class Refusals {
  private pauses = new WeakMap<object, { readonly pauseMs: number; readonly until: number }>();

  constructor(private readonly clock: Clock) {}

  isDue(what: object): boolean {
    const pause = this.pauses.get(what);
    return pause === undefined || pause.until <= this.clock.elapsedMs();
  }

  /** It was refused once more. */
  add(what: object): void {
    const before = this.pauses.get(what)?.pauseMs;
    const pauseMs = before === undefined ? FIRST_PAUSE_MS : Math.min(2 * before, LONGEST_PAUSE_MS);
    this.pauses.set(what, { pauseMs, until: this.clock.elapsedMs() + pauseMs });
  }

  /** There is reason to believe that the store takes what it refused: all of it is due. */
  forget(): void {
    this.pauses = new WeakMap();
  }
}
