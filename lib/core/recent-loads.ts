import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from './clock.js';
import { longestTtlMs } from './lifetime.js';
import type { LoadRequest } from './load-request.js';

/** How a key was loaded. */
export interface RecentLoad {
  readonly request: LoadRequest<unknown>;
  /**
   * Runs in the asynchronous context of the caller whose load it was. Loaders may find there whose answer they load (a user, a tenant, a transaction):
   * 1. user A loads A's orders; 2. user B's request changes a row and announces it; 3. A's entry is loaded again. In B's context it would be B's orders that are stored under A's key.
   */
  readonly inContext: (work: () => void) => void;
}

interface Remembered extends RecentLoad {
  readonly until: number;
}

/** How keys were loaded in this process, as long as what was loaded may live: to load them again when they are invalidated. */
export class RecentLoads {
  private readonly byKey = new Map<string, Remembered>();

  constructor(
    private readonly clock: Clock,
    /** Beyond that the one that was loaded longest ago is forgotten. */
    private readonly max: number,
  ) {}

  remember(request: LoadRequest<unknown>): void {
    const { staleIfErrorMs, staleWhileRevalidateMs } = request.policy;
    const { signal: _ofThatCaller, ...rest } = request;
    this.byKey.delete(request.key);
    const until =
      this.clock.elapsedMs() + longestTtlMs(request.policy) + Math.max(staleIfErrorMs, staleWhileRevalidateMs);
    this.byKey.set(request.key, { request: rest, inContext: AsyncLocalStorage.snapshot(), until });
    for (const oldest of this.byKey.keys()) {
      if (this.byKey.size <= this.max) return;
      this.byKey.delete(oldest);
    }
  }

  find(key: string): RecentLoad | undefined {
    const recent = this.byKey.get(key);
    if (recent === undefined || this.clock.elapsedMs() < recent.until) return recent;
    this.byKey.delete(key);
    return undefined;
  }
}
