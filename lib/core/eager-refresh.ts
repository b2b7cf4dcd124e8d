import type { Clock } from './clock.js';
import { ttlOf } from './lifetime.js';
import type { EagerRefreshPolicy, LoadPolicy } from './load-policy.js';

/** So many keys a process knows the load time of; beyond that the one that was loaded longest ago is forgotten. */
const MAX_REMEMBERED = 10_000;

/** Decides at a hit whether its value is loaded anew before it expires, so that nobody ever waits for that. */
export class EagerRefresh {
  /** How long keys took to load here, the latest last. */
  private readonly loadMs = new Map<string, number>();

  constructor(
    private readonly clock: Clock,
    private readonly max = MAX_REMEMBERED,
  ) {}

  /** A load of this key has taken so long. Kept only where somebody will ask. */
  loaded(key: string, { eagerRefresh }: LoadPolicy, loadMs: number): void {
    if (!isByChance(eagerRefresh)) return;
    this.loadMs.delete(key);
    this.loadMs.set(key, loadMs);
    for (const oldest of this.loadMs.keys()) {
      if (this.loadMs.size <= this.max) return;
      this.loadMs.delete(oldest);
    }
  }

  /**
   * By share: once that much of the ttl is over. By chance: XFetch (Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015), which draws for every hit how much earlier than its end the value counts as
   * expired, from an exponential distribution whose mean is `beta` load times: a value that is slow to load, or much asked for, is refreshed sooner, and readers that never hear of each other rarely do it twice.
   */
  isDue(key: string, policy: LoadPolicy, hit: { readonly value: unknown; readonly freshForMs: number }): boolean {
    const { eagerRefresh } = policy;
    if (eagerRefresh === 0) return false;
    if (!isByChance(eagerRefresh)) {
      const lifeMs = this.lifeMs(policy, hit);
      return hit.freshForMs <= lifeMs - eagerRefresh * lifeMs;
    }
    const loadMs = this.loadMs.get(key);
    return loadMs !== undefined && this.gapMs(loadMs, eagerRefresh.beta) >= hit.freshForMs;
  }

  private gapMs(loadMs: number, beta: number): number {
    // `random()` may be 0, which has no logarithm, and is never 1.
    return loadMs * beta * -Math.log(1 - this.clock.random());
  }

  /**
   * How long the value was fresh at first. What is stored does not tell that, so it is taken for as short as it may have been: 1. a value is filled with a ttl that chance, or `replicaLagMs` soon after a
   * change, has made shorter than the share that is left at the end of a whole one; 2. its first hit loads it anew, and so does the next one.
   */
  private lifeMs(policy: LoadPolicy, hit: { readonly value: unknown; readonly freshForMs: number }): number {
    const ttlMs = this.ttlOf(policy, hit.value);
    const shortestMs = ttlMs - policy.ttlJitter * ttlMs;
    return hit.freshForMs <= policy.replicaLagMs ? Math.min(shortestMs, policy.replicaLagMs) : shortestMs;
  }

  /** 0, so that nothing is due, where the policy's own function fails: that is told when a load asks it. */
  private ttlOf(policy: LoadPolicy, value: unknown): number {
    try {
      return ttlOf(policy, value);
    } catch {
      return 0;
    }
  }
}

function isByChance(policy: EagerRefreshPolicy): policy is { readonly beta: number } {
  return typeof policy === 'object';
}
