import { CacheObserver, type CacheEvent } from '../core/cache-event.js';

/**
 * One observer that tells many, in their order. What one of them throws reaches neither the read that made the event nor the others; it is
 * reported once per observer, because an observer that throws usually throws at every event.
 */
export class FanOutObserver extends CacheObserver {
  private readonly reported = new WeakSet<CacheObserver>();

  constructor(
    private readonly observers: readonly CacheObserver[],
    private readonly onBroken: (observer: CacheObserver, error: unknown) => void,
  ) {
    super();
  }

  observe(event: CacheEvent): void {
    for (const observer of this.observers) {
      try {
        // An asynchronous one is not waited for, but its rejection must not become an unhandled one.
        const result = call(observer, event);
        if (result instanceof Promise) result.catch((error: unknown) => this.broken(observer, error));
      } catch (error) {
        this.broken(observer, error);
      }
    }
  }

  private broken(observer: CacheObserver, error: unknown): void {
    if (this.reported.has(observer)) return;
    this.reported.add(observer);
    this.onBroken(observer, error);
  }
}

/** An observer may be asynchronous, though its type does not ask for it. */
function call(observer: { observe(event: CacheEvent): unknown }, event: CacheEvent): unknown {
  return observer.observe(event);
}
