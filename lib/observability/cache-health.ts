import type { Clock } from '../core/clock.js';
import { withDeadline } from '../core/deadline.js';
import type { LoadPolicy } from '../core/load-policy.js';
import type { LockProvider, LockState } from '../core/lock-provider.js';
import type { VersionedStore } from '../core/versioned-store.js';
import { wholeNumber, type OptionRule } from '../options/option-rules.js';

/** What `health()` takes. */
export interface HealthOptions {
  /** The longest that the store is waited for; one that has not answered then is down. Milliseconds, 1 to 60,000. Default: `storeTimeoutMs` of the module. */
  readonly timeoutMs?: number;
}

/** Exported for those who take more. */
export const HEALTH_RULES = {
  timeoutMs: wholeNumber('milliseconds', 1, 60_000),
} satisfies Record<keyof HealthOptions, OptionRule>;

/** How the store is: asked just now. */
export interface StoreHealth {
  readonly name: string;
  readonly status: 'up' | 'down';
  /** How long it took to answer, milliseconds. */
  readonly latencyMs?: number;
  /** Why it is down. */
  readonly error?: string;
}

/** How the lock service is: what its connection is known to be, without taking a lock. */
export interface LockHealth {
  readonly name: string;
  readonly status: 'up' | 'down';
  readonly state: LockState;
}

/** How the cache is, seen from this instance. */
export interface CacheHealth {
  /**
   * - `up`: store and lock service are there, or the cache is disabled;
   * - `degraded`: one of them is not, and the module's policy is to answer all the same (`onStoreUnavailable`, `onLockUnavailable`);
   * - `down`: one of them is not, and the policy is to fail; or the cache is not open.
   */
  readonly status: 'up' | 'degraded' | 'down';
  /** Missing where the cache is disabled or not open. */
  readonly store?: StoreHealth;
  /** Missing where the cache is disabled or not open. */
  readonly lock?: LockHealth;
}

/** Read by health checks and by nobody else. */
const PROBED_KEY = 'health';

/** A look that was not answered so long is given up, and the store asked again. Milliseconds. */
const GIVEN_UP_AFTER_MS = 10_000;

/** Looks at the parts of a cache, one look for all who ask at once: a store that hangs has one look waiting, however often it is asked how it is. */
export class HealthCheck {
  private looking: { readonly since: number; readonly answer: Promise<StoreHealth> } | undefined;

  constructor(
    private readonly store: VersionedStore,
    private readonly locks: LockProvider,
    private readonly policy: Pick<LoadPolicy, 'onStoreUnavailable' | 'onLockUnavailable'>,
    private readonly clock: Clock,
  ) {}

  /** Never rejects, and takes no longer than `timeoutMs`. */
  async look(timeoutMs: number): Promise<CacheHealth> {
    const store = await this.lookAtStore(timeoutMs);
    const lock = this.lookAtLock();
    const failing =
      (store.status === 'down' && this.policy.onStoreUnavailable === 'fail') ||
      (lock.status === 'down' && this.policy.onLockUnavailable === 'fail');
    const isUp = store.status === 'up' && lock.status === 'up';
    return { status: failing ? 'down' : isUp ? 'up' : 'degraded', store, lock };
  }

  private lookAtStore(timeoutMs: number): Promise<StoreHealth> {
    const { name } = this.store;
    const now = this.clock.elapsedMs();
    const current = this.looking;
    const looking = current !== undefined && now - current.since < GIVEN_UP_AFTER_MS ? current : this.ask(now);
    this.looking = looking;
    const tooLate = (): Error => new Error(`no answer within ${String(timeoutMs)} ms`);
    return withDeadline(this.clock, looking.answer, timeoutMs, tooLate).catch((error: unknown) => ({
      name,
      status: 'down',
      error: text(error),
    }));
  }

  private ask(now: number): { readonly since: number; readonly answer: Promise<StoreHealth> } {
    const { name } = this.store;
    const asked = Promise.resolve().then(() => this.store.read(PROBED_KEY));
    const answer = asked.then(
      (): StoreHealth => ({ name, status: 'up', latencyMs: Math.round(this.clock.elapsedMs() - now) }),
      (error: unknown): StoreHealth => ({ name, status: 'down', error: text(error) }),
    );
    const looking = { since: now, answer };
    void answer.then(() => {
      if (this.looking === looking) this.looking = undefined;
    });
    return looking;
  }

  /** One that nobody has needed yet (`idle`) is not down. */
  private lookAtLock(): LockHealth {
    const { name, state } = this.locks;
    return { name, status: state === 'connected' || state === 'idle' ? 'up' : 'down', state };
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
