import type { Announcements, WrittenValue } from './announcements.js';
import { assemble, type ReadThroughParts } from './assembly.js';
import type { CacheEvent } from './cache-event.js';
import { Callers } from './callers.js';
import { withDeadline } from './deadline.js';
import type { EagerRefresh } from './eager-refresh.js';
import { CacheClosedError } from './errors.js';
import { Flight, type Landing, type Seen } from './flight.js';
import { freezeDeep } from './freeze.js';
import { LateSignal } from './late-signal.js';
import { LoadChain } from './load-chain.js';
import type { LoadLimit } from './load-limit.js';
import type { LoadPolicy, SharePolicy } from './load-policy.js';
import type { Answer, LoadRequest } from './load-request.js';
import type { Loading } from './loading.js';
import type { LockGate } from './lock-gate.js';
import type { FreshHit, Look } from './look.js';
import { Passenger } from './passenger.js';
import type { RecentLoads } from './recent-loads.js';
import type { SharedFailures } from './shared-failures.js';
import type { SingleFlight } from './single-flight.js';
import type { StoreGate } from './store-gate.js';
import type { KeyChange, TagChange } from './tagging.js';

/**
 * The one story: look, join the flight, take the lock, look again and lease, load, fill, release. A hit ends after the first word.
 *
 * The lock saves work and nothing else; what may be stored is decided by the store, in one atomic step, by lease and version.
 */
export class ReadThrough {
  private readonly store: StoreGate;
  private readonly locks: LockGate;
  private readonly look: Look;
  private readonly loading: Loading;
  private readonly limit: LoadLimit;
  private readonly announcements: Announcements;
  private readonly recent: RecentLoads | undefined;
  private readonly failures: SharedFailures;
  private readonly eager: EagerRefresh;
  private readonly flights: SingleFlight;
  private readonly chain = new LoadChain();
  private readonly callers = new Callers();
  private readonly stopping = new LateSignal();
  /** Nothing is refreshed any more. */
  private quiet = false;
  /** Only callers that are there already and loads that are under way go on, and what their loaders ask for. */
  private landing = false;

  constructor(private readonly parts: ReadThroughParts) {
    const { chain, refresh, report, stopping: stop } = this;
    const made = assemble(parts, { chain, stop, refresh, report });
    this.store = made.store;
    this.locks = made.locks;
    this.look = made.look;
    this.loading = made.loading;
    this.limit = made.limit;
    this.announcements = made.announcements;
    this.recent = made.recent;
    this.failures = made.failures;
    this.eager = made.eager;
    this.flights = made.flights;
  }

  /**
   * The value of a key: from the store, from a load that another has under way, or from the loader.
   *
   * @throws the loader's own error, untouched; `SharedLoadError` when a load elsewhere has just failed; `LoadTimeoutError`, `WaitTimeoutError`,
   * `LoadLimitError`, `StoreUnavailableError` and `LockUnavailableError` where the policy says so; `ReentrantLoadError`, `CacheClosedError`; the reason of `request.signal`
   */
  async getOrLoad<T>(request: LoadRequest<T>): Promise<Answer<T>> {
    const { key, policy } = request;
    this.stopping.throwIfAborted();
    if (this.landing && this.chain.flight === undefined) throw closed();
    this.chain.refuseReentry(key);
    let passenger: Passenger | undefined;
    this.callers.come();
    try {
      for (;;) {
        request.signal?.throwIfAborted();
        const seen = await this.look.at(key);
        const hit = seen.up ? this.look.hit(seen.state) : undefined;
        if (hit !== undefined) {
          this.report({ type: 'hit', key, freshForMs: hit.freshForMs });
          if (seen.up && policy.eagerRefresh !== 0) this.refreshEarly(seen, request, hit);
          return presented({ value: hit.value as T, outcome: 'HIT' }, policy.share);
        }
        const served = seen.up ? await this.serve(seen, request) : this.refuseOrGoOn(seen, policy, key);
        if (served !== undefined) return presented(served as Answer<T>, policy.share);
        passenger ??= new Passenger(this.parts.clock, request, this.look, this.limit, this.report);
        const flight = await this.board(seen, request, passenger);
        if (flight === undefined) continue;
        const caller = passenger;
        const answer = await this.chain.waitFor(flight, () => caller.ride<T>(flight, seen, this.handOut));
        if (answer !== undefined) return answer.outcome === 'STALE' ? presented(answer, policy.share) : answer;
      }
    } finally {
      passenger?.leave();
      this.callers.go();
    }
  }

  /** The fresh value, or undefined when there is none or the store does not answer. Loads nothing. */
  async get(key: string, share: SharePolicy = 'copy'): Promise<unknown> {
    const seen = await this.look.at(key);
    const stored = seen.up ? seen.state.value : undefined;
    const found = stored !== undefined && stored.freshForMs > 0 ? this.look.peek(key, stored) : undefined;
    this.report(
      found === undefined ? { type: 'miss', key } : { type: 'hit', key, freshForMs: stored?.freshForMs ?? 0 },
    );
    return share === 'frozen' ? freezeDeep(found?.value).value : found?.value;
  }

  /** See `Announcements.set`. */
  set(key: string, written: WrittenValue): Promise<'stored' | 'invalidated'> {
    return this.announcements.set(key, written);
  }

  /** See `Announcements.invalidate`. */
  invalidate(key: string, change?: KeyChange): Promise<void> {
    return this.announcements.invalidate(key, change);
  }

  /** See `Announcements.announceTags`. */
  announceTags(changes: readonly TagChange[], withinMs?: number): Promise<void> {
    return this.announcements.announceTags(changes, withinMs);
  }

  /** See `Announcements.clear`. */
  clear(): Promise<void> {
    return this.announcements.clear();
  }

  /** The lock provider says that it is connected again: it is asked at once, and not when the next probe is due. */
  lockServiceIsBack(): void {
    this.locks.noticeConnected();
  }

  /** From here on nothing is loaded in the background: a stale value is served and not refreshed. What a caller waits for is loaded as ever. */
  stopBackground(): void {
    this.quiet = true;
  }

  /** Refuses new callers with `CacheClosedError`, and resolves when those that are there have their answer and every load under way has ended, or after `withinMs`. Never rejects. */
  async land(withinMs: number): Promise<void> {
    this.quiet = true;
    this.landing = true;
    // A caller that looks, for the first time or once more, may load yet, though no load is under way.
    const ended = this.callers.none().then(() => this.allLanded());
    await withDeadline(this.parts.clock, ended, withinMs, closed).catch(() => undefined);
  }

  /** Ends every load and every wait with `CacheClosedError`, tries once more to make announcements that are kept, and resolves when nothing is left. What was given to the constructor stays open. */
  async close(): Promise<void> {
    this.quiet = true;
    this.stopping.abort(closed());
    await this.allLanded();
    this.failures.clear();
    this.locks.close();
    this.store.close();
    await this.announcements.close();
  }

  /** Loaders that are under way may still ask for other keys. */
  private async allLanded(): Promise<void> {
    for (let flights = this.flights.all(); flights.length > 0; flights = this.flights.all())
      await Promise.allSettled(flights.map((flight) => flight.landing));
  }

  // --- look -----------------------------------------------------------------------------------------------------------------------

  /** What the first look can answer beside a hit. Undefined: a load is needed. */
  private async serve(seen: Seen & { up: true }, request: LoadRequest<unknown>): Promise<Answer<unknown> | undefined> {
    const { key, policy } = request;
    const { state } = seen;
    // It was no hit: what is fresh here can't be read, and is removed or stands in the way.
    if ((await this.look.fresh(key, state)) === 'in-the-way') {
      this.refuseAfterFailure(key);
      seen.inTheWay = true;
      return undefined;
    }
    const failed = state.mark?.kind === 'failed' ? state.mark : undefined;
    const stale = this.look.stale(
      key,
      state,
      failed ? Math.max(policy.staleIfErrorMs, policy.staleWhileRevalidateMs) : policy.staleWhileRevalidateMs,
    );
    if (stale !== undefined) {
      this.report({ type: 'stale-hit', key, because: failed ? 'load-failed' : 'refreshing' });
      // Somebody loads already, or a load has just failed: no flight. Nor where this process is on its way.
      if (!this.quiet && !state.loading && failed === undefined && this.flights.current(key) === undefined) {
        this.launch(seen, request, true);
      }
      return { value: stale.value, outcome: 'STALE' };
    }
    if (failed === undefined) return undefined;
    this.report({ type: 'failure-shared', key });
    throw this.failures.forMark(key, failed);
  }

  private refuseOrGoOn(seen: Seen & { up: false }, policy: LoadPolicy, key: string): Answer<unknown> | undefined {
    if (policy.onStoreUnavailable === 'fail') throw seen.error;
    this.refuseAfterFailure(key);
    return undefined;
  }

  /** Where a load can leave no mark in the store, its failure is shared within this process. */
  private refuseAfterFailure(key: string): void {
    const failure = this.failures.recent(key);
    if (failure === undefined) return;
    this.report({ type: 'failure-shared', key });
    throw failure.error;
  }

  // --- join the flight ------------------------------------------------------------------------------------------------------------

  /** The flight this caller may share, or a new one of its own; undefined: look again. */
  private async board(seen: Seen, request: LoadRequest<unknown>, passenger: Passenger): Promise<Flight | undefined> {
    for (;;) {
      this.stopping.throwIfAborted();
      const current = this.flights.current(request.key);
      if (current === undefined) {
        passenger.leads = true;
        passenger.boardedAt = this.flights.nextOrder();
        return this.launch(seen, request, false);
      }
      switch (current.admits(seen)) {
        case 'join':
          passenger.leads = false;
          if (this.chain.flight !== undefined) current.carry(this.chain.flight);
          passenger.boardedAt = this.flights.nextOrder();
          current.hasLateCallers ||= current.isLate(passenger.boardedAt);
          this.report({ type: 'joined', key: request.key });
          return current;
        case 'look-again':
          return undefined;
        case 'ending':
          await passenger.whileStaying(current.landing.catch(() => undefined));
          return undefined;
        case 'reply-under-way':
          await passenger.whileStaying(Promise.resolve(current.underWay));
          break;
        case 'superseded':
          this.flights.supersede(current);
          if (this.flights.setAside(current)) break;
          // Two superseded loads are running already: a third would make a key that changes faster than it loads pile them up.
          await passenger.whilePatient(this.flights.oneLanding(request.key));
          return undefined;
      }
    }
  }

  /** Loads a value in the background that is still fresh, where the policy says so and nobody does already or has just failed at it. */
  private refreshEarly(seen: Seen & { up: true }, request: LoadRequest<unknown>, hit: FreshHit): void {
    const { key, policy } = request;
    const { loading, mark } = seen.state;
    if (loading || mark !== undefined || this.flights.current(key) !== undefined) return;
    if (this.quiet || !this.eager.isDue(key, policy, hit)) return;
    this.report({ type: 'eager-refresh', key, freshForMs: hit.freshForMs });
    // What another has filled since is fresh for longer than what was seen, and ends the flight.
    this.launch(seen, request, true, hit.freshForMs + 1);
  }

  private launch(seen: Seen, request: LoadRequest<unknown>, background: boolean, earlyMs = 0): Flight {
    const { key, policy } = request;
    const parent = background ? undefined : this.chain.flight;
    if (!background && request.repeatable === true) this.recent?.remember(request);
    const flight = new Flight(key, background, policy.cancelUnwatched, parent, this.flights.nextOrder);
    flight.earlyMs = earlyMs;
    if (parent !== undefined) flight.carry(parent);
    this.flights.add(flight);
    flight.landing = this.loading.fly(flight, seen, request).finally(() => {
      flight.landed = true;
      flight.release();
      flight.leaveSlot();
      this.flights.remove(flight);
    });
    flight.landing.catch(() => undefined); // each caller hears of it by itself, a background refresh by its event
    return flight;
  }

  /** Loads in the background what a change has outdated, unless somebody does already. */
  private readonly refresh = async (key: string): Promise<void> => {
    const recent = this.recent?.find(key);
    if (recent === undefined) return;
    const seen = await this.look.at(key);
    const isNeeded = seen.up && seen.state.value === undefined && !seen.state.loading;
    if (isNeeded && this.flights.current(key) === undefined && !this.quiet)
      recent.inContext(() => this.launch(seen, recent.request, true));
  };

  // --- hand out -------------------------------------------------------------------------------------------------------------------

  /**
   * What one caller gets of a landing. The first copy is the loaded value itself. The frozen one never is: the loader, and whoever it got its value from, may still want to change theirs.
   */
  private readonly handOut = (
    { payload, value }: Exclude<Landing, { kind: 'nothing' }>,
    flight: Flight,
    share: SharePolicy,
  ): unknown => {
    if (payload === undefined) return value;
    if (share === 'copy') return flight.takeFirst() ? value : this.parts.codec.decode(payload);
    if (flight.frozen?.shareable !== true) flight.frozen = freezeDeep(this.parts.codec.decode(payload));
    return flight.frozen.value;
  };

  private readonly report = (event: CacheEvent): void => {
    this.parts.observer.observe(event);
  };
}

/** An answer from the store, which is its caller's alone. */
function presented<T>(answer: Answer<T>, share: SharePolicy): Answer<T> {
  if (share === 'frozen') freezeDeep(answer.value);
  return answer;
}

function closed(): CacheClosedError {
  return new CacheClosedError('The cache is closed: the application shuts down');
}
