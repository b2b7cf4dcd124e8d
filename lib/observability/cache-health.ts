import type { Clock } from '../core/clock.js';
import { withDeadline } from '../core/deadline.js';
import { errorMessage } from '../core/error-text.js';
import type { LoadPolicy } from '../core/load-policy.js';
import type { LockProvider, LockState } from '../core/lock-provider.js';
import type { VersionedStore } from '../core/versioned-store.js';
import { wholeNumber, type OptionRule } from '../options/option-rules.js';

/** What `health()` takes. */
export interface HealthOptions {
  /** The longest that store and lock service are waited for; one that has not answered then is down. Milliseconds, 1 to 60,000. Default: `storeTimeoutMs` of the module. */
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
  /** Why it is down: the server's own cause where it is known, without credentials. */
  readonly error?: string;
}

/** How the lock service is: asked just now, without taking a lock. One that cannot be asked so (`check` of the port `LockProvider`) is what its connection is known to be. */
export interface LockHealth {
  readonly name: string;
  readonly status: 'up' | 'down';
  readonly state: LockState;
  /** How long it took to answer, milliseconds. Missing where it cannot be asked. */
  readonly latencyMs?: number;
  /** Why it is down: the server's own cause where it is known, without credentials. */
  readonly error?: string;
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

/** A look that was not answered so long is given up, and the server asked again. Milliseconds. */
const GIVEN_UP_AFTER_MS = 10_000;

type Answer =
  { readonly status: 'up'; readonly latencyMs: number } | { readonly status: 'down'; readonly error: string };

/** One look for all who ask at once: a server that hangs has one look waiting, however often it is asked how it is. */
class ServerCheck {
  private current: { readonly since: number; readonly answer: Promise<Answer> } | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly ask: (timeoutMs: number) => Promise<unknown>,
    /** Why there is no connection, where that is known. */
    private readonly connectionError: () => unknown,
  ) {}

  at(timeoutMs: number): Promise<Answer> {
    const now = this.clock.elapsedMs();
    const { current } = this;
    const looking =
      current !== undefined && now - current.since < GIVEN_UP_AFTER_MS ? current : this.begin(now, timeoutMs);
    this.current = looking;
    const tooLate = (): Error =>
      new Error(`no answer within ${String(timeoutMs)} ms`, { cause: this.connectionError() });
    return withDeadline(this.clock, looking.answer, timeoutMs, tooLate).catch(down);
  }

  private begin(now: number, timeoutMs: number): { readonly since: number; readonly answer: Promise<Answer> } {
    // At once, so that a deadline of the question's own, which knows more, is over before ours.
    const asked = (async () => this.ask(timeoutMs))();
    const answer = asked.then(
      (): Answer => ({ status: 'up', latencyMs: Math.round(this.clock.elapsedMs() - now) }),
      down,
    );
    const looking = { since: now, answer };
    void answer.then(() => {
      if (this.current === looking) this.current = undefined;
    });
    return looking;
  }
}

/** Looks at the parts of a cache. */
export class HealthCheck {
  private readonly storeCheck: ServerCheck;
  private readonly lockCheck: ServerCheck | undefined;

  constructor(
    private readonly store: VersionedStore,
    private readonly locks: LockProvider,
    private readonly policy: Pick<LoadPolicy, 'onStoreUnavailable' | 'onLockUnavailable'>,
    clock: Clock,
  ) {
    this.storeCheck = new ServerCheck(
      clock,
      () => store.read(PROBED_KEY),
      () => store.connectionError?.(),
    );
    if (locks.check === undefined) return;
    const check = locks.check.bind(locks);
    this.lockCheck = new ServerCheck(
      clock,
      (timeoutMs) => check({ timeoutMs }),
      () => undefined,
    );
  }

  /** Never rejects, and takes no longer than `timeoutMs`. */
  async look(timeoutMs: number): Promise<CacheHealth> {
    const [store, lock] = await Promise.all([this.lookAtStore(timeoutMs), this.lookAtLock(timeoutMs)]);
    const failing =
      (store.status === 'down' && this.policy.onStoreUnavailable === 'fail') ||
      (lock.status === 'down' && this.policy.onLockUnavailable === 'fail');
    const isUp = store.status === 'up' && lock.status === 'up';
    return { status: failing ? 'down' : isUp ? 'up' : 'degraded', store, lock };
  }

  private async lookAtStore(timeoutMs: number): Promise<StoreHealth> {
    return { name: this.store.name, ...(await this.storeCheck.at(timeoutMs)) };
  }

  /** One that cannot be asked and that nobody has needed yet (`idle`) is not down. */
  private async lookAtLock(timeoutMs: number): Promise<LockHealth> {
    const answer = await this.lockCheck?.at(timeoutMs);
    const { name, state } = this.locks;
    return { name, state, ...(answer ?? { status: state === 'connected' || state === 'idle' ? 'up' : 'down' }) };
  }
}

function down(error: unknown): Answer {
  return { status: 'down', error: errorMessage(error) };
}
