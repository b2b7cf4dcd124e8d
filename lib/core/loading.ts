import type { CacheEvent } from './cache-event.js';
import type { Clock } from './clock.js';
import type { EagerRefresh } from './eager-refresh.js';
import { isDistributedCacheError } from './errors.js';
import type { Flight, Landing, Seen } from './flight.js';
import type { Keep, Lease } from './keep.js';
import type { LateSignal } from './late-signal.js';
import type { LoadChain } from './load-chain.js';
import type { LoadLimit } from './load-limit.js';
import type { LoadPolicy } from './load-policy.js';
import type { LoadRequest } from './load-request.js';
import { runLoader } from './loader-run.js';
import type { LockTurn, Turn } from './lock-turn.js';
import type { Look } from './look.js';
import type { SharedFailures } from './shared-failures.js';
import type { StoreGate } from './store-gate.js';
import type { KeyState } from './versioned-store.js';

export interface LoadingParts {
  readonly store: StoreGate;
  readonly look: Look;
  readonly limit: LoadLimit;
  readonly turns: LockTurn;
  readonly keep: Keep;
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
      return this.loadUnstored(flight, request);
    }
    const turn = await this.approach(flight, seen.state, request.policy);
    if (typeof turn !== 'string') return turn;
    if (flight.abandoned) return { kind: 'nothing' };
    const first = await this.loadUnderLease(flight, request);
    if (first !== 'lock-lost') return first;
    // The loader gave up because its lock was lost. Its callers did not: once more, without the lock, if another has not filled the key meanwhile.
    const second = await this.loadUnderLease(flight, request);
    return second === 'lock-lost' ? { kind: 'nothing' } : second;
  }

  /** A slot, then the lock; without a slot where another is loading already, for then there may be nothing to load here. */
  private async approach(flight: Flight, { loading, mark }: KeyState, policy: LoadPolicy): Promise<Turn> {
    const { limit, turns } = this.parts;
    const isLocked = mark?.kind !== 'unstored';
    let likelyFree = !loading;
    let needsSlot = likelyFree || !isLocked;
    for (;;) {
      if (needsSlot && !limit.tryTake(flight) && !(await limit.admit(flight, policy))) return { kind: 'nothing' };
      const turn = isLocked ? await turns.take(flight, policy, likelyFree) : 'unlocked';
      if (typeof turn !== 'string' || limit.tryTake(flight)) return turn;
      // Another's load was awaited without a slot, and has left nothing. None is free now: others in the fleet may have the lock meanwhile.
      flight.release();
      needsSlot = true;
      likelyFree = false;
    }
  }

  private async loadUnderLease(flight: Flight, request: LoadRequest<unknown>): Promise<Landing | 'lock-lost'> {
    const begun = await flight.ask(() => this.begin(flight, request));
    if (begun === 'unstored') return this.loadUnstored(flight, request);
    return 'lease' in begun ? this.loadAndKeep(flight, request, begun) : begun;
  }

  /** The second look: what another has filled or failed meanwhile, or the lease to load under. */
  private async begin(flight: Flight, request: LoadRequest<unknown>): Promise<Lease | Landing | 'unstored'> {
    const { clock, failures, look, report, store, storeTimeoutMs } = this.parts;
    const { key, policy } = request;
    const leaseMs = policy.loadTimeoutMs + storeTimeoutMs;
    const offer = { lease: clock.uniqueId(), leaseMs, ...(flight.earlyMs > 0 && { earlyMs: flight.earlyMs }) };
    const begun = await store.begin(key, offer).catch((error: unknown) => ({ kind: 'down' as const, error }));
    switch (begun.kind) {
      case 'down':
        flight.release(); // waiters would find nothing
        if (policy.onStoreUnavailable === 'fail') throw begun.error;
        flight.begin(undefined);
        return 'unstored';
      case 'failed':
        flight.end();
        report({ type: 'failure-shared', key });
        throw failures.forMark(key, begun.mark);
      case 'fresh': {
        const found = await look.readable(key, begun.value);
        if (found === 'in-the-way') {
          flight.release();
          flight.begin(undefined);
          return 'unstored';
        }
        flight.end();
        if (found === 'none') return { kind: 'nothing' };
        report({ type: 'filled-by-another', key });
        return { kind: 'found', ...found };
      }
      case 'lease':
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
  ): Promise<Landing | 'lock-lost'> {
    const lockLost = flight.heldLock?.signal;
    let value: unknown;
    try {
      value = await this.load(flight, request);
    } catch (error) {
      if (this.endedFromOutside(flight, error)) {
        await this.parts.keep.nothing(flight, under);
        throw error;
      }
      if (lockLost?.aborted && flight.heldLock !== undefined && request.policy.onLockUnavailable === 'load') {
        flight.release();
        return 'lock-lost';
      }
      await this.parts.keep.failure(flight, request, under, error);
      throw error;
    }
    return this.parts.keep.value(flight, request, under, value);
  }

  /** The store is down, or something is in the way: there is no lease, so nothing can be stored; the callers of this process share the load all the same. */
  private async loadUnstored(flight: Flight, request: LoadRequest<unknown>): Promise<Landing> {
    try {
      const value = await this.load(flight, request);
      return await this.parts.keep.unstorable(flight, request, value);
    } catch (error) {
      if (!this.endedFromOutside(flight, error)) await this.parts.keep.failure(flight, request, undefined, error);
      throw error;
    }
  }

  private async load(flight: Flight, { key, loader, policy }: LoadRequest<unknown>): Promise<unknown> {
    const { clock } = this.parts;
    const startedAt = clock.elapsedMs();
    const stops = policy.cancelUnwatched ? [this.parts.stop, flight.unwatched] : [this.parts.stop];
    this.parts.report({ type: 'load-started', key, locked: flight.heldLock !== undefined });
    try {
      const value = await this.parts.chain.run(flight, () =>
        runLoader(clock, loader, { timeoutMs: policy.loadTimeoutMs, stops, hint: flight.heldLock?.signal }),
      );
      const loadMs = clock.elapsedMs() - startedAt;
      this.parts.report({ type: 'load-finished', key, loadMs });
      this.parts.eager.loaded(key, policy, loadMs);
      return value;
    } catch (error) {
      this.parts.report({ type: 'load-failed', key, loadMs: clock.elapsedMs() - startedAt, error });
      throw error;
    }
  }

  /** Ended by us and not by the source: no reason to keep others from loading. */
  private endedFromOutside(flight: Flight, error: unknown): boolean {
    return (this.parts.stop.aborted || flight.unwatched.aborted) && isDistributedCacheError(error);
  }
}
