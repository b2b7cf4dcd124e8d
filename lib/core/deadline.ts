import type { Clock } from './clock.js';

const SLICES = 10;
/** A timer is late by a millisecond or two on an idle machine: shorter slices would prolong every short deadline. */
const SHORTEST_SLICE_MS = 5;
/** So many times its length a deadline may last while the server answers others. */
const MOST_LENGTHS = 10;

/** What a server has answered so far: those who wait for it share one. */
export class AnswerCount {
  count = 0;
}

/**
 * A time limit that counts only the time in which the event loop ran:
 *   1. a request is sent; 2. the event loop stands still (a large `JSON.parse`, a garbage collection, a CPU quota that is used up) for longer than the limit, while the answer comes; 3. the
 *   event loop goes on, and runs its timers before it reads the answer.
 * So the limit is counted in ten slices (in slices of 5 ms where it is shorter than 50 ms), and a slice counts with its own length at most, however late its timer fires. After the last slice
 * the input that is there is read before the limit is over.
 *
 * Nor does it count the time in which this process was busy with what the server answered to others:
 *   1. 5,000 requests are made at once, and a client sends them bit by bit; 2. the server answers each at once, and each answer is work for this process; 3. the last request is sent when the
 *   limit of all of them is over. So in a slice in which the server has answered somebody only the time counts in which the event loop had nothing to do.
 *
 * A server that answers nobody: the limit is over after `timeoutMs`, the time in which the event loop stood still, and one round of the event loop. One that answers others, in a process that
 * is busy all the time: after ten times `timeoutMs` at most.
 */
export class Deadline {
  private readonly longestSliceMs: number;
  /** How much of its time may yet be left uncounted because the server answers others. */
  private uncountableMs: number;
  private countedMs = 0;
  private sliceMs = 0;
  private sliceSince = 0;
  private answersBefore = 0;
  /** Not known of the first slice: most answers come in it, and it costs more than the rest of a deadline. */
  private idleBefore: number | undefined;
  private cancel: () => void = () => undefined;

  /**
   * Begins at once.
   *
   * @param timeoutMs milliseconds, >= 0
   * @param onOver called once, unless {@link end} comes first
   * @param answers those of the server that is waited for
   */
  constructor(
    private readonly clock: Clock,
    private readonly timeoutMs: number,
    private readonly onOver: () => void = () => undefined,
    private readonly answers?: AnswerCount,
  ) {
    this.longestSliceMs = Math.max(SHORTEST_SLICE_MS, Math.ceil(timeoutMs / SLICES));
    this.uncountableMs = (MOST_LENGTHS - 1) * timeoutMs;
    this.beginSlice();
  }

  /** The time since the beginning, as far as it counts. Milliseconds. */
  get spentMs(): number {
    return this.countedMs + Math.min(this.clock.elapsedMs() - this.sliceSince, this.sliceMs);
  }

  /** What is left of the limit; 0 when it is over. Milliseconds. */
  get remainingMs(): number {
    return Math.max(0, this.timeoutMs - this.spentMs);
  }

  /** Lets go of the timer. May be called at any time. */
  end(): void {
    this.cancel();
  }

  private beginSlice(): void {
    this.sliceSince = this.clock.elapsedMs();
    this.sliceMs = Math.min(this.longestSliceMs, this.timeoutMs - this.countedMs);
    this.answersBefore = this.answers?.count ?? 0;
    this.cancel = this.clock.after(this.sliceMs, () => {
      this.endSlice();
    });
  }

  private endSlice(): void {
    this.countedMs = this.spentMs - this.uncounted();
    // A timer may fire a fraction of a millisecond early.
    if (this.timeoutMs - this.countedMs >= 1) {
      this.beginSlice();
      return;
    }
    this.countedMs = this.timeoutMs;
    this.sliceMs = Infinity;
    this.sliceSince = this.clock.elapsedMs();
    this.cancel = this.clock.afterInput(this.onOver);
  }

  /** What of the slice that ends does not count, though the event loop ran. */
  private uncounted(): number {
    if (this.answers === undefined) return 0;
    const idleMs = this.clock.idleMs();
    const idleBefore = this.idleBefore;
    this.idleBefore = idleMs;
    if (idleBefore === undefined || this.answers.count === this.answersBefore) return 0;
    const busyMs = Math.max(0, this.spentMs - this.countedMs - (idleMs - idleBefore));
    const uncountedMs = Math.min(busyMs, this.uncountableMs);
    this.uncountableMs -= uncountedMs;
    return uncountedMs;
  }
}

/**
 * The result of `work`, or a rejection with `timeoutError()` after `timeoutMs`, counted as a {@link Deadline} counts. What `work` does after that is
 * nobody's business any more; its late rejection is swallowed here, so it never becomes an unhandled one.
 *
 * @param answers those of the server that does the work: it is one more when the work has a result
 */
export function withDeadline<T>(
  clock: Clock,
  work: Promise<T>,
  timeoutMs: number,
  timeoutError: () => Error,
  answers?: AnswerCount,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timedOut = (): void => {
      reject(timeoutError());
    };
    const deadline = new Deadline(clock, timeoutMs, timedOut, answers);
    const settling =
      <Outcome>(settle: (outcome: Outcome) => void) =>
      (outcome: Outcome): void => {
        deadline.end();
        settle(outcome);
      };
    const answered = (result: T): void => {
      if (answers !== undefined) answers.count += 1;
      resolve(result);
    };
    work.then(settling(answered), settling(reject));
  });
}
