import type { CacheObserver } from './cache-event.js';

/**
 * What of the way through the cache has a beginning and an end.
 * - `getOrLoad`: one call, from the look to the answer; - `lock`: one attempt at the lock; - `wait`: the wait for another's load, in another process;
 * - `load`: one run of a loader; - `fill`: the step of the store that decides whether its value is stored; - `invalidate`: the announcement of a change of one key.
 */
export type TracedStep = 'getOrLoad' | 'lock' | 'wait' | 'load' | 'fill' | 'invalidate';

/** What is known of a step when it has ended well: few and short values, the same for every key. */
export type StepFacts = Readonly<Record<string, string | boolean>>;

/** Port for whoever wants steps as spans. Events are for all else. */
export abstract class CacheTracer {
  /**
   * Runs a step, in an asynchronous context of its own if it likes: what the step calls, the loader above all, then runs in that. Must call `work` once and give back what it gives, unchanged.
   *
   * @param facts what is known when `work` has ended well; to be called at most once
   */
  abstract step<T>(step: TracedStep, key: string, work: () => Promise<T>, facts: (result: T) => StepFacts): Promise<T>;
}

/** What listens to a cache from outside. */
export interface CacheTelemetry {
  readonly observer?: CacheObserver;
  readonly tracer?: CacheTracer;
}

/** Telemetry that is described but not yet built: what `openTelemetry()` returns. */
export interface CacheTelemetryFactory {
  /** Called once, before the cache is opened. @throws InvalidOptionsError when what it needs is not installed */
  createTelemetry(context: { readonly namespace: string }): CacheTelemetry | Promise<CacheTelemetry>;
}
