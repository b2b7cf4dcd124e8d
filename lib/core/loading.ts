import type { CacheEvent, LoadedUnder, UnlockedReason } from './cache-event.js';
import type { Clock } from './clock.js';
import { isDistributedCacheError } from './errors.js';
import type { Flight, Landing, Seen } from './flight.js';
import type { Keep, Lease } from './keep.js';
import type { LateSignal } from './late-signal.js';
import type { LoadChain } from './load-chain.js';
import type { LoadRequest } from './load-request.js';
import { runLoader } from './loader-run.js';
import type { LeaseTurn } from './lease-turn.js';
import type { LoadClaims } from './load-claim.js';
import { withoutLock, type LockTurn } from './lock-turn.js';
import type { Look } from './look.js';
import type { SharedFailures } from './shared-failures.js';
import type { StoreGate } from './store-gate.js';
import { isLanding, unlocked, type Way } from './turn.js';

/** The lease to load under, what another left meanwhile, or why there is no lease; `busy`: another loads, and the lease serves as the lock. */
type Begun = Lease | Landing | 'busy' | 'store-unavailable' | 'in-the-way';

export interface LoadingParts {
  readonly store: StoreGate;
  readonly look: Look;
  readonly turns: LockTurn;
  readonly leases: LeaseTurn;
  readonly claims: LoadClaims;
  readonly keep: Keep;
  readonly failures: SharedFailures;
  readonly chain: LoadChain;
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
      flight.begin(undefined);
      return this.loadUnstored(flight, request, seen.up ? 'in-the-way' : 'store-unavailable');
    }
    const queued = seen.state.mark?.kind !== 'unstored';
    const turn = queued
      ? await this.parts.turns.take(flight, request.policy, !seen.state.loading)
      : unlocked('unstored');
    if (isLanding(turn)) return turn;
    if (flight.abandoned) return { kind: 'nothing' };
    const first = await this.loadInTurn(flight, request, turn);
    if (first !== 'lock-lost') return first;
    // The loader gave up because its lock was lost. Its callers did not: once more, if another has not filled the key meanwhile.
    const second = await this.loadInTurn(flight, request, withoutLock(flight, request.policy, 'lock-lost'));
    return second === 'lock-lost' ? { kind: 'nothing' } : second;
  }

  private async loadInTurn(flight: Flight, request: LoadRequest<unknown>, way: Way): Promise<Landing | 'lock-lost'> {
    const begin = (): Promise<Begun> => flight.ask(() => this.begin(flight, request, way));
    const begun = way.kind === 'by-lease' ? await this.parts.leases.take(flight, request.policy, begin) : await begin();
    if (begun === 'in-the-way' || begun === 'store-unavailable') return this.loadUnstored(flight, request, begun);
    // Only a begin by the lease finds another at work and leaves it the turn.
    if (begun === 'busy') return { kind: 'nothing' };
    if ('lease' in begun) return this.loadAndKeep(flight, request, begun, way);
    if (begun.kind === 'unlocked') return this.loadInTurn(flight, request, begun);
    return begun;
  }

  /** The second look: what another has filled or failed meanwhile, or the lease to load under. */
  private async begin(flight: Flight, request: LoadRequest<unknown>, way: Way): Promise<Begun> {
    const { claims, clock, failures, look, report, store, storeTimeoutMs } = this.parts;
    const { key, policy } = request;
    const unlessLoading = way.kind === 'by-lease';
    const leaseMs = policy.loadTimeoutMs + storeTimeoutMs;
    const offer = { lease: clock.uniqueId(), leaseMs, unlessLoading, ...claims.offer };
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
      value = await this.load(flight, request, way, under.lease);
    } catch (error) {
      if (this.endedFromOutside(flight, error)) {
        await this.parts.keep.nothing(flight, under);
        throw error;
      }
      if (lockLost?.aborted && flight.heldLock !== undefined) {
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

  private async load(
    flight: Flight,
    { key, loader, policy }: LoadRequest<unknown>,
    way: Way,
    lease?: string,
  ): Promise<unknown> {
    const { clock } = this.parts;
    const startedAt = clock.elapsedMs();
    const stops = policy.cancelUnwatched ? [this.parts.stop, flight.unwatched] : [this.parts.stop];
    this.parts.report({ type: 'load-started', key, ...loadedUnder(flight, way) });
    const stopClaiming = lease === undefined ? undefined : this.parts.claims.keep(key, lease);
    try {
      const value = await this.parts.chain.run(flight, () =>
        runLoader(clock, loader, { timeoutMs: policy.loadTimeoutMs, stops, hint: flight.heldLock?.signal }),
      );
      this.parts.report({ type: 'load-finished', key, loadMs: clock.elapsedMs() - startedAt });
      return value;
    } catch (error) {
      this.parts.report({ type: 'load-failed', key, loadMs: clock.elapsedMs() - startedAt, error });
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
