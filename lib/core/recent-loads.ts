import type { Clock } from './clock.js';
import type { LoadRequest } from './load-request.js';

interface Recent {
  readonly request: LoadRequest<unknown>;
  readonly until: number;
}

/** How keys were loaded in this process, as long as what was loaded may live: to load them again when they are invalidated. */
export class RecentLoads {
  private readonly byKey = new Map<string, Recent>();

  constructor(
    private readonly clock: Clock,
    /** Beyond that the one that was loaded longest ago is forgotten. */
    private readonly max: number,
  ) {}

  remember(request: LoadRequest<unknown>): void {
    const { ttlMs, staleIfErrorMs, staleWhileRevalidateMs } = request.policy;
    const { signal: _ofThatCaller, ...rest } = request;
    this.byKey.delete(request.key);
    const until = this.clock.elapsedMs() + ttlMs + Math.max(staleIfErrorMs, staleWhileRevalidateMs);
    this.byKey.set(request.key, { request: rest, until });
    for (const oldest of this.byKey.keys()) {
      if (this.byKey.size <= this.max) return;
      this.byKey.delete(oldest);
    }
  }

  find(key: string): LoadRequest<unknown> | undefined {
    const recent = this.byKey.get(key);
    if (recent === undefined || this.clock.elapsedMs() < recent.until) return recent?.request;
    this.byKey.delete(key);
    return undefined;
  }
}
