import type { CacheEvent } from './cache-event.js';
import type { Clock } from './clock.js';
import { isDistributedCacheError } from './errors.js';
import type { Flight, Landing, Seen } from './flight.js';
import type { Keep, Lease } from './keep.js';
import type { LateSignal } from './late-signal.js';
import type { LoadChain } from './load-chain.js';
import type { LoadRequest } from './load-request.js';
import { runLoader } from './loader-run.js';
import type { LockTurn } from './lock-turn.js';
import type { Look } from './look.js';
import type { SharedFailures } from './shared-failures.js';
import type { StoreGate } from './store-gate.js';

export interface LoadingParts {
  readonly store: StoreGate;
  readonly look: Look;
  readonly turns: LockTurn;
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
      return this.loadUnstored(flight, request);
    }
    const queued = seen.state.mark?.kind !== 'unstored';
    const turn = queued ? await this.parts.turns.take(flight, request.policy, !seen.state.loading) : 'unlocked';
    if (typeof turn !== 'string') return turn;
    if (flight.abandoned) return { kind: 'nothing' };
    const first = await this.loadUnderLease(flight, request);
    if (first !== 'lock-lost') return first;
    // The loader gave up because its lock was lost. Its callers did not: once more, without the lock, if another has not filled the key meanwhile.
    const second = await this.loadUnderLease(flight, request);
    return second === 'lock-lost' ? { kind: 'nothing' } : second;
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
    const offer = { lease: clock.uniqueId(), leaseMs: policy.loadTimeoutMs + storeTimeoutMs };
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
      this.parts.report({ type: 'load-finished', key, loadMs: clock.elapsedMs() - startedAt });
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
