import type { CacheEvent } from './cache-event.js';
import type { Clock } from './clock.js';
import { Deadline, withDeadline } from './deadline.js';
import { CacheClosedError, LoadLimitError, ReentrantLoadError, WaitTimeoutError } from './errors.js';
import type { Flight, Landing, Seen } from './flight.js';
import type { SharePolicy } from './load-policy.js';
import type { Answer, LoadRequest } from './load-request.js';
import { onAbort } from './late-signal.js';
import type { LoadLimit } from './load-limit.js';
import type { Look, Readable } from './look.js';

type HandOut = (landing: Exclude<Landing, { kind: 'nothing' }>, flight: Flight, share: SharePolicy) => unknown;

/**
 * One caller on its way to a value: its own signal and its own patience, which take out only itself.
 *
 * A stale value is served to a caller only if its own look has shown it. The flight's first look may be older than a change that was announced before
 * this caller began.
 */
export class Passenger {
  /** The flight is its own: then only the wait for another process is limited by `waitMs`, not its own load. */
  leads = false;
  /** When it came aboard, in this process's sequence of looks and begins. */
  boardedAt = 0;
  private patienceOver = false;
  /** Counts its `waitMs`, over all the flights that it waits for. */
  private readonly wait: Deadline;
  private readonly undo: (() => void)[] = [];
  /** Rejects when the caller's own signal fires. */
  private readonly gone: Promise<never> | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly request: LoadRequest<unknown>,
    private readonly look: Look,
    private readonly limit: LoadLimit,
    private readonly report: (event: CacheEvent) => void,
  ) {
    this.wait = new Deadline(clock, request.policy.waitMs);
    report({ type: 'miss', key: request.key });
    const { signal } = request;
    if (signal === undefined) return;
    this.gone = new Promise<never>((_, reject) => {
      this.undo.push(onAbort(signal, reject));
    });
    this.gone.catch(() => undefined);
  }

  /** The result of `work`, unless the caller's signal fires first. */
  whileStaying<T>(work: Promise<T>): Promise<T> {
    return this.gone === undefined ? work : Promise.race([work, this.gone]);
  }

  /**
   * As {@link whileStaying}, for a wait that cannot become a load of its own: running out, it fails or goes on.
   *
   * @throws WaitTimeoutError where `onWaitTimeout` says so
   */
  whilePatient(work: Promise<void>): Promise<void> {
    const { key, policy } = this.request;
    if (policy.onWaitTimeout !== 'fail') return this.whileStaying(work);
    const ranOut = (): Error => {
      this.report({ type: 'wait-timeout', key, waitedMs: policy.waitMs, then: 'fail' });
      return waitTimeout(key, policy.waitMs);
    };
    return this.whileStaying(withDeadline(this.clock, work, this.wait.remainingMs, ranOut));
  }

  /** Waits for the flight. Undefined: it ended without an answer, look again. */
  async ride<T>(flight: Flight, seen: Seen, handOut: HandOut): Promise<Answer<T> | undefined> {
    flight.watch();
    const lostPatience = this.patience(flight, seen);
    const tooSlow = this.softDeadline(flight, seen);
    try {
      const ends = [
        flight.landing,
        lostPatience.staleInstead,
        ...(tooSlow === undefined ? [] : [tooSlow.staleInstead]),
      ];
      const landing = await this.whileStaying(Promise.race<Landing | Answer<unknown>>(ends));
      if ('outcome' in landing) return landing as Answer<T>;
      if (landing.kind === 'nothing') return undefined;
      if (landing.outdated === true && flight.isLate(this.boardedAt)) return undefined;
      const outcome = landing.kind === 'loaded' && this.leads ? 'MISS' : 'WAITED';
      return { value: handOut(landing, flight, this.request.policy.share) as T, outcome };
    } catch (error) {
      const failed = this.loadFailed(flight, error);
      if (failed && flight.errorOutdated && flight.isLate(this.boardedAt)) return undefined;
      const stale = failed ? this.usable(seen) : undefined;
      if (stale === undefined) throw error;
      const because = error instanceof LoadLimitError ? 'load-limit' : 'load-failed';
      this.report({ type: 'stale-hit', key: flight.key, because });
      return { value: stale.value as T, outcome: 'STALE' };
    } finally {
      lostPatience.stop();
      tooSlow?.stop();
      flight.unwatch();
    }
  }

  /** Takes the caller's listeners away. */
  leave(): void {
    this.wait.end();
    for (const step of this.undo.splice(0)) step();
  }

  /** What becomes of this caller when `waitMs` runs out, or the lock service is away; see `onWaitTimeout` and `onLockUnavailable`. */
  private patience(flight: Flight, seen: Seen): { staleInstead: Promise<Answer<unknown>>; stop: () => void } {
    const { key, policy } = this.request;
    const undo: (() => void)[] = [];
    const staleInstead = new Promise<Answer<unknown>>((resolve, reject) => {
      const ranOut = (): void => {
        if (this.leads && flight.loading) return;
        // It waits for a slot of this process: to load at once is what it may not.
        const { isQueued } = flight;
        const fails = policy.onWaitTimeout === 'fail';
        const stale = !fails && (isQueued || policy.onWaitTimeout === 'stale') ? this.usable(seen) : undefined;
        const then = stale !== undefined ? 'stale' : fails || isQueued ? 'fail' : 'load';
        if (!this.patienceOver) this.report({ type: 'wait-timeout', key, waitedMs: policy.waitMs, then });
        this.patienceOver = true;
        if (fails) {
          reject(waitTimeout(key, policy.waitMs));
          return;
        }
        if (stale === undefined) {
          if (isQueued) reject(this.limit.shed(flight, 'wait-timeout'));
          else flight.hurry();
          return;
        }
        this.report({ type: 'stale-hit', key, because: isQueued ? 'load-limit' : 'wait-timeout' });
        resolve({ value: stale.value, outcome: 'STALE' });
      };
      const lockIsAway = (): void => {
        const stale = this.usable(seen);
        if (stale === undefined) return;
        flight.detach();
        this.report({ type: 'stale-hit', key, because: 'lock-unavailable' });
        resolve({ value: stale.value, outcome: 'STALE' });
      };
      const deadline = new Deadline(this.clock, this.wait.remainingMs, ranOut);
      undo.push(flight.outage.onAbort(lockIsAway), () => {
        deadline.end();
      });
    });
    staleInstead.catch(() => undefined);
    const stop = (): void => {
      for (const step of undo) step();
    };
    return { staleInstead, stop };
  }

  /** The stale value, if there is one, when the load has not ended within `softLoadTimeoutMs`; the load goes on for those who come later. */
  private softDeadline(
    flight: Flight,
    seen: Seen,
  ): { staleInstead: Promise<Answer<unknown>>; stop: () => void } | undefined {
    const { key, policy } = this.request;
    if (policy.softLoadTimeoutMs >= policy.loadTimeoutMs || !seen.up || seen.state.value === undefined)
      return undefined;
    let stop = (): void => undefined;
    const staleInstead = new Promise<Answer<unknown>>((resolve) => {
      const deadline = new Deadline(this.clock, Math.max(0, policy.softLoadTimeoutMs - this.wait.spentMs), () => {
        const stale = this.usable(seen);
        if (stale === undefined) return;
        flight.detach();
        this.report({ type: 'stale-hit', key, because: 'load-slow' });
        resolve({ value: stale.value, outcome: 'STALE' });
      });
      stop = () => {
        deadline.end();
      };
    });
    return { staleInstead, stop };
  }

  /** The source failed, and not this caller's own patience or signal, or the way the cache is used. */
  private loadFailed(flight: Flight, error: unknown): boolean {
    const elsewhere = [WaitTimeoutError, CacheClosedError, ReentrantLoadError];
    return flight.landed && this.request.signal?.aborted !== true && !elsewhere.some((kind) => error instanceof kind);
  }

  private usable(seen: Seen): Readable | undefined {
    if (!seen.up) return undefined;
    return this.look.stale(this.request.key, seen.state, this.request.policy.staleIfErrorMs);
  }
}

function waitTimeout(key: string, waitMs: number): WaitTimeoutError {
  return new WaitTimeoutError(`No value of "${key}" came within waitMs = ${String(waitMs)}`);
}
