import type { CacheEvent, LoadedUnder, UnlockedReason } from './cache-event.js';
import type { Clock } from './clock.js';
import type { EagerRefresh } from './eager-refresh.js';
import { isDistributedCacheError } from './errors.js';
import type { Flight, Landing, Seen } from './flight.js';
import type { Keep, Lease } from './keep.js';
import type { LateSignal } from './late-signal.js';
import type { LoadChain } from './load-chain.js';
import type { LoadLimit } from './load-limit.js';
import type { LoadPolicy } from './load-policy.js';
import type { LoadContext, LoadRequest } from './load-request.js';
import { runLoader } from './loader-run.js';
import type { LeaseTurn } from './lease-turn.js';
import type { LoadClaims } from './load-claim.js';
import { withoutLock, type LockTurn } from './lock-turn.js';
import type { Look } from './look.js';
import { Renewed, type Renewals } from './renewal.js';
import type { SharedFailures } from './shared-failures.js';
import type { StoreGate } from './store-gate.js';
import { isLanding, unlocked, type Turn, type Way } from './turn.js';
import type { KeyState } from './versioned-store.js';

/** The lease to load under, what another left meanwhile, or why there is no lease; `busy`: another loads, and the lease serves as the lock. */
type Begun = Lease | Landing | 'busy' | 'store-unavailable' | 'in-the-way';

export interface LoadingParts {
  readonly store: StoreGate;
  readonly look: Look;
  readonly limit: LoadLimit;
  readonly turns: LockTurn;
  readonly leases: LeaseTurn;
  readonly claims: LoadClaims;
  readonly keep: Keep;
  readonly renewals: Renewals;
  readonly failures: SharedFailures;
  readonly chain: LoadChain;
  readonly eager: EagerRefresh;
  readonly clock: Clock;
  readonly storeTimeoutMs: number;
  readonly stop: LateSignal;
  readonly report: (event: CacheEvent) => void;
}

/** What one flight does: take the lock, look again and lease, load, fill. Whoever started it gives the lock back when it has landed. */
export class Loading {
  constructor(private readonly parts: LoadingParts) {}

  async fly(flight: Flight, seen: Seen, request: LoadRequest<unknown>): Promise<Landing> {
    if (!seen.up || seen.inTheWay === true) {
      const { limit } = this.parts;
      if (!limit.tryTake(flight) && !(await limit.admit(flight, request.policy))) return { kind: 'nothing' };
      flight.begin(undefined);
      return this.loadUnstored(flight, request, seen.up ? 'in-the-way' : 'store-unavailable');
    }
    flight.sawValue = seen.state.value !== undefined;
    const turn = await this.approach(flight, seen.state, request.policy);
    if (isLanding(turn)) return turn;
    if (flight.abandoned) return { kind: 'nothing' };
    const first = await this.loadInTurn(flight, request, turn);
    if (first !== 'lock-lost') return first;
    // The loader gave up because its lock was lost. Its callers did not: once more, if another has not filled the key meanwhile.
    const second = await this.loadInTurn(flight, request, withoutLock(flight, request.policy, 'lock-lost'));
    return second === 'lock-lost' ? { kind: 'nothing' } : second;
  }

  /** A slot, then the lock; without a slot where another is loading already, for then there may be nothing to load here. */
  private async approach(flight: Flight, { loading, mark }: KeyState, policy: LoadPolicy): Promise<Turn> {
    const { limit, turns } = this.parts;
    const isLocked = mark?.kind !== 'unstored';
    let likelyFree = !loading;
    let needsSlot = likelyFree || !isLocked;
    for (;;) {
      if (needsSlot && !(await this.hasSlot(flight, policy))) return { kind: 'nothing' };
      const turn = isLocked ? await turns.take(flight, policy, likelyFree) : unlocked('unstored');
      if (isLanding(turn) || turn.kind === 'by-lease' || limit.tryTake(flight)) return turn;
      // Another's load was awaited without a slot, and has left nothing. None is free now: others in the fleet may have the lock meanwhile.
      flight.release();
      needsSlot = true;
      likelyFree = false;
    }
  }

  private async hasSlot(flight: Flight, policy: LoadPolicy): Promise<boolean> {
    return this.parts.limit.tryTake(flight) || this.parts.limit.admit(flight, policy);
  }

  private async loadInTurn(flight: Flight, request: LoadRequest<unknown>, way: Way): Promise<Landing | 'lock-lost'> {
    const begun = await this.beginInTurn(flight, request, way);
    if (begun === 'in-the-way' || begun === 'store-unavailable') return this.loadUnstored(flight, request, begun);
    // Only a begin by the lease finds another at work and leaves it the turn.
    if (begun === 'busy') return { kind: 'nothing' };
    if ('lease' in begun) return this.loadAndKeep(flight, request, begun, way);
    return begun.kind === 'unlocked' ? this.loadInTurn(flight, request, begun) : begun;
  }

  /** A wait by the lease leaves the slot, as one at the lock does: it is taken anew before each begin that may lead to a load. */
  private async beginInTurn(
    flight: Flight,
    request: LoadRequest<unknown>,
    way: Way,
  ): Promise<Begun | ReturnType<typeof unlocked>> {
    const begin = async (): Promise<Begun> => {
      if (!(await this.hasSlot(flight, request.policy))) return { kind: 'nothing' };
      return flight.ask(() => this.begin(flight, request, way));
    };
    return way.kind === 'by-lease' ? this.parts.leases.take(flight, request.policy, begin) : begin();
  }

  /** The second look: what another has filled or failed meanwhile, or the lease to load under. */
  private async begin(flight: Flight, request: LoadRequest<unknown>, way: Way): Promise<Begun> {
    const { claims, clock, failures, look, report, store, storeTimeoutMs } = this.parts;
    const { key, policy } = request;
    const unlessLoading = way.kind === 'by-lease';
    const leaseMs = policy.loadTimeoutMs + storeTimeoutMs;
    const early = flight.earlyMs > 0 && { earlyMs: flight.earlyMs };
    const offer = { lease: clock.uniqueId(), leaseMs, unlessLoading, ...claims.offer, ...early };
    const begun = await store.begin(key, offer).catch((error: unknown) => ({ kind: 'down' as const, error }));
    switch (begun.kind) {
      case 'down':
        flight.release(); // waiters would find nothing
        if (policy.onStoreUnavailable === 'fail') throw begun.error;
        flight.begin(undefined);
        return 'store-unavailable';
      case 'failed':
        flight.end();
        report({ type: 'failure-shared', key });
        throw failures.forMark(key, begun.mark);
      case 'fresh': {
        const found = await look.readable(key, begun.value);
        if (found === 'in-the-way') {
          flight.release();
          flight.begin(undefined);
          return 'in-the-way';
        }
        flight.end();
        if (found === 'none') return { kind: 'nothing' };
        report({ type: 'filled-by-another', key });
        return { kind: 'found', ...found };
      }
      case 'lease':
        if (unlessLoading && begun.loading) return 'busy';
        report({ type: 'leased', key, existed: begun.existed });
        if (flight.background && begun.loading && flight.heldLock === undefined) {
          flight.end();
          return { kind: 'nothing' };
        }
        flight.begin(begun.lease);
        return begun;
    }
  }

  private async loadAndKeep(
    flight: Flight,
    request: LoadRequest<unknown>,
    under: Lease,
    way: Way,
  ): Promise<Landing | 'lock-lost'> {
    const lockLost = flight.heldLock?.signal;
    let value: unknown;
    try {
      value = await this.load(flight, request, way, under);
    } catch (error) {
      if (this.endedFromOutside(flight, error)) {
        await this.parts.keep.nothing(flight, under);
        throw error;
      }
      // It may have given the lock back since: 1. the lock is lost, and the loader begins to give up; 2. a change supersedes the flight; 3. the loader has given up.
      if (lockLost?.aborted) {
        const { policy } = request;
        // Nobody loads now: else we would find ourselves at work.
        if (policy.onLockUnavailable !== 'load') await this.parts.keep.nothing(flight, under);
        if (policy.onLockUnavailable === 'fail') throw error;
        flight.release();
        flight.beginAgain();
        return 'lock-lost';
      }
      await this.parts.keep.failure(flight, request, under, error);
      throw error;
    }
    if (value instanceof Renewed) return this.parts.keep.renewed(flight, request, under, value);
    return this.parts.keep.value(flight, request, under, value);
  }

  /** The store is down, or something is in the way: there is no lease, so nothing can be stored; the callers of this process share the load all the same. */
  private async loadUnstored(flight: Flight, request: LoadRequest<unknown>, because: UnlockedReason): Promise<Landing> {
    try {
      const value = await this.load(flight, request, unlocked(because));
      return await this.parts.keep.unstorable(flight, request, value);
    } catch (error) {
      if (!this.endedFromOutside(flight, error)) await this.parts.keep.failure(flight, request, undefined, error);
      throw error;
    }
  }

  /**
   * @param under the lease, if there is one. Where what is stored may be renewed, that is asked first, under the same deadline, which is that of the lease; it is no load, and not counted as one.
   */
  private async load(flight: Flight, request: LoadRequest<unknown>, way: Way, under?: Lease): Promise<unknown> {
    const { chain, claims, clock, eager, renewals, report, stop } = this.parts;
    const { key, policy } = request;
    const stops = policy.cancelUnwatched ? [stop, flight.unwatched] : [stop];
    const mayRenew = request.currentVersion !== undefined && flight.sawValue;
    let startedAt = clock.elapsedMs();
    let isOver = false;
    const begin = (): void => {
      flight.renewing = false;
      startedAt = clock.elapsedMs();
      report({ type: 'load-started', key, ...loadedUnder(flight, way) });
    };
    const renewOrLoad = async (lease: Lease, context: LoadContext): Promise<unknown> => {
      const renewed = await renewals.find(flight, request, lease, context);
      if (renewed !== undefined || isOver) return renewed;
      begin();
      return request.loader(context);
    };
    const renewable = mayRenew ? under : undefined;
    const loader = renewable === undefined ? request.loader : (context: LoadContext) => renewOrLoad(renewable, context);
    const stopClaiming = under === undefined ? undefined : claims.keep(key, under.lease);
    if (renewable === undefined) begin();
    else flight.renewing = true;
    try {
      const limits = { timeoutMs: policy.loadTimeoutMs, stops, hint: flight.heldLock?.signal };
      const value = await chain.run(flight, () => runLoader(clock, loader, limits));
      if (value instanceof Renewed) return value;
      const loadMs = clock.elapsedMs() - startedAt;
      report({ type: 'load-finished', key, loadMs });
      eager.loaded(key, policy, loadMs);
      return value;
    } catch (error) {
      isOver = true;
      report({ type: 'load-failed', key, loadMs: clock.elapsedMs() - startedAt, error });
      throw error;
    } finally {
      stopClaiming?.();
    }
  }

  /** Ended by us and not by the source: no reason to keep others from loading. */
  private endedFromOutside(flight: Flight, error: unknown): boolean {
    return (this.parts.stop.aborted || flight.unwatched.aborted) && isDistributedCacheError(error);
  }
}

function loadedUnder(flight: Flight, way: Way): { under: LoadedUnder; because?: UnlockedReason } {
  if (flight.heldLock !== undefined) return { under: 'lock' };
  if (way.kind === 'locked') return { under: 'none' };
  return { under: way.kind === 'by-lease' ? 'lease' : 'none', because: way.because };
}
