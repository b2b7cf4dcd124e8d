import type { Clock } from './clock.js';
import type { StoreGate } from './store-gate.js';

/**
 * So long after its last word a load is believed to be under way. A loader that dies without a trace keeps others waiting no longer than this, whatever `loadTimeoutMs` is; one that stands still for longer
 * (a blocked event loop, a stopped process) may find another loading beside it.
 */
export const LOADING_MS = 6_000;
/** Two words may be lost before a load is taken for dead. A load that is over before the first of them costs no further request. */
const RENEW_EVERY_MS = LOADING_MS / 3;

/** The word of a load that it is under way, repeated for as long as its loader runs. */
export class LoadClaims {
  constructor(
    private readonly store: StoreGate,
    private readonly clock: Clock,
  ) {}

  /** What a begin tells of it: nothing, where the store cannot prolong it. */
  get offer(): { readonly loadingMs?: number } {
    return this.store.renews ? { loadingMs: LOADING_MS } : {};
  }

  /**
   * Returns what ends it. To be called before the end of the load is told to the store: 1. a mark says that nobody loads; 2. a late word says the opposite; 3. others wait for nobody.
   */
  keep(key: string, lease: string): () => void {
    if (!this.store.renews) return () => undefined;
    let ended = false;
    let cancel = (): void => undefined;
    const later = (): void => {
      cancel = this.clock.after(RENEW_EVERY_MS, () => {
        this.store.renew(key, lease, LOADING_MS).then(
          // The lease is gone: whoever loads now begins under another.
          (isLive) => {
            if (isLive && !ended) later();
          },
          // Reported by the gate. The next word may get through.
          () => {
            if (!ended) later();
          },
        );
      });
    };
    later();
    return () => {
      ended = true;
      cancel();
    };
  }
}
