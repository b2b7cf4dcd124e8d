import type { CacheEvent, StoreStep, UnaskedReason } from './cache-event.js';
import { noBreaker, PROBE_KEY, type BreakerFactory, type CircuitBreaker } from './circuit-breaker.js';
import type { Clock } from './clock.js';
import { AnswerCount, withDeadline } from './deadline.js';
import { errorText } from './error-text.js';
import { isDistributedCacheError, StoreUnavailableError } from './errors.js';
import type { UnsentChanges } from './unsent-changes.js';
import type {
  BeginOptions,
  BeginOutcome,
  Fill,
  FillOutcome,
  Invalidation,
  KeyListener,
  KeyState,
  LoadMark,
  TagOutcome,
  TagRegistration,
  VersionedStore,
  WriterSet,
} from './versioned-store.js';

export interface StoreGateParts {
  readonly store: VersionedStore;
  readonly clock: Clock;
  readonly storeTimeoutMs: number;
  readonly breaker: BreakerFactory;
  readonly unsent: UnsentChanges;
  /** The store has been away, and answers again. */
  readonly onBack: () => void;
  readonly report: (event: CacheEvent) => void;
}

/** The store as the core sees it: every step has a deadline, and every failure is a `StoreUnavailableError` and an event. Behind an open breaker it is not asked at all. */
export class StoreGate {
  private readonly store: VersionedStore;
  private readonly answers = new AnswerCount();
  private breaker: CircuitBreaker;
  /** What the breaker has opened for, while it is open. */
  private lastFailure: StoreUnavailableError | undefined;

  constructor(private readonly parts: StoreGateParts) {
    const { store, report } = parts;
    this.store = store;
    this.breaker = parts.breaker({
      isOutage,
      probe: this.probe,
      onChange: (state, previous) => {
        report({ type: 'breaker-changed', server: 'store', state, previous });
        if (state === 'closed') parts.onBack();
      },
    });
  }

  /** False while nothing is asked, because the breaker is open. */
  get isReachable(): boolean {
    return this.breaker.state === 'closed';
  }

  read(key: string): Promise<KeyState> {
    return this.askFor('read', key, () => this.store.read(key));
  }

  begin(key: string, options: BeginOptions): Promise<BeginOutcome> {
    return this.askFor('begin', key, () => this.store.begin(key, options));
  }

  /** Whether a load may say that it is still under way; else it is believed for as long as its lease lives. */
  get renews(): boolean {
    return this.store.renew !== undefined;
  }

  renew(key: string, lease: string, loadingMs: number): Promise<boolean> {
    return this.ask('renew', key, () => this.store.renew?.(key, lease, loadingMs) ?? Promise.resolve(false));
  }

  /** Never fails: whoever waits does not depend on it. */
  listen(key: string, onEnd: () => void): KeyListener {
    try {
      return this.store.listen?.(key, onEnd) ?? DEAF;
    } catch {
      return DEAF;
    }
  }

  fill(key: string, fill: Fill): Promise<FillOutcome> {
    return this.askFor('fill', key, () => this.store.fill(key, fill));
  }

  mark(key: string, lease: string, mark: LoadMark, forMs: number): Promise<void> {
    return this.ask('mark', key, () => this.store.mark(key, lease, mark, forMs));
  }

  invalidate(key: string, invalidation: Invalidation): Promise<void> {
    return this.ask('invalidate', key, () => this.store.invalidate(key, invalidation));
  }

  set(key: string, set: WriterSet): Promise<'stored' | 'invalidated'> {
    return this.ask('set', key, () => this.store.set(key, set));
  }

  register(tag: string, registration: TagRegistration): Promise<TagOutcome> {
    return this.ask('register', registration.key, () => this.store.register(tag, registration));
  }

  announce(tag: string, memoryMs: number): Promise<readonly string[]> {
    return this.ask('announce', undefined, () => this.store.announce(tag, memoryMs));
  }

  /** Walks the whole namespace, so its deadline is not that of one command: the store itself bounds each of its commands. The breaker learns nothing of it. */
  async clear(): Promise<void> {
    if (!this.isReachable) throw this.notAsked('clear', undefined, 'breaker-open');
    try {
      await this.store.clear();
    } catch (error) {
      throw this.unavailable('clear', undefined, error);
    }
  }

  /** Stops asking by itself whether the store is back; whatever it is still told is tried. The store stays open. */
  close(): void {
    this.breaker.stop();
    this.breaker = noBreaker({ isOutage, probe: this.probe, onChange: () => undefined });
  }

  /**
   * What the store tells of a key is not believed while it has not heard of a change that this process knows of:
   *   1. a change cannot be announced, and is kept; 2. whoever reads now must not get what was stored before it.
   * Nor when it has heard of it by the time of the answer:
   *   1. a reader looks while a change is kept; 2. the store is back, the change is sent and no longer kept; 3. the answer comes, and may be older than 2.
   * Or when it has not heard of it only since:
   *   1. a load begins, and the answer is under way; 2. a change cannot be announced, and is kept; 3. a caller joins that load; 4. the answer is a value from before the change.
   */
  private askFor<T>(step: StoreStep, key: string, call: () => Promise<T>): Promise<T> {
    if (this.parts.unsent.concerns(key)) return Promise.reject(this.notAsked(step, key, 'changes-unsent'));
    return this.ask(step, key, call, this.parts.unsent);
  }

  private ask<T>(step: StoreStep, key: string | undefined, call: () => Promise<T>, unsent?: UnsentChanges): Promise<T> {
    let failure: StoreUnavailableError | undefined;
    // Told before the breaker counts it: what opens it comes first, then that it is open.
    const asked = this.breaker.run(() =>
      this.inTime(step, call).catch((error: unknown) => {
        failure = this.unavailable(step, key, error);
        throw error;
      }),
    );
    if (asked === undefined) return Promise.reject(this.notAsked(step, key, 'breaker-open'));
    return asked.then(
      (answer) => {
        if (unsent !== undefined && key !== undefined && unsent.concerns(key))
          throw this.notAsked(step, key, 'changes-unsent');
        return answer;
      },
      (error: unknown) => {
        throw failure ?? this.unavailable(step, key, error);
      },
    );
  }

  private readonly probe = (): Promise<unknown> => this.inTime('read', () => this.store.read(PROBE_KEY));

  private inTime<T>(step: StoreStep, call: () => Promise<T>): Promise<T> {
    const { clock, storeTimeoutMs } = this.parts;
    const timedOut = (): Error => {
      const late = `The store did not answer "${step}" within storeTimeoutMs = ${String(storeTimeoutMs)}`;
      const cause = this.store.connectionError?.();
      return cause === undefined
        ? new StoreUnavailableError(late)
        : new StoreUnavailableError(`${late}: ${cause.message}`, { cause });
    };
    return withDeadline(clock, started(call), storeTimeoutMs, timedOut, this.answers);
  }

  private unavailable(step: StoreStep, key: string | undefined, cause: unknown): StoreUnavailableError {
    const error =
      cause instanceof StoreUnavailableError
        ? cause
        : new StoreUnavailableError(`The store could not "${step}": ${errorText(cause)}`, { cause });
    this.lastFailure = error;
    this.parts.report({ type: 'store-unavailable', step, error, ...(key === undefined ? {} : { key }) });
    return error;
  }

  private notAsked(step: StoreStep, key: string | undefined, unasked: UnaskedReason): StoreUnavailableError {
    const cause = unasked === 'breaker-open' ? this.lastFailure : undefined;
    const error = new StoreUnavailableError(`The store is not asked to "${step}": ${WHY_UNASKED[unasked]}`, { cause });
    this.parts.report({ type: 'store-unavailable', step, error, unasked, ...(key === undefined ? {} : { key }) });
    return error;
  }
}

const WHY_UNASKED: Readonly<Record<UnaskedReason, string>> = {
  'breaker-open': 'it has failed several times in a row, and has not answered a probe yet',
  'changes-unsent': 'it has not heard yet of changes that may concern this key',
};

/** What the store says by itself, of a key or of what it was asked, is an answer. */
function isOutage(error: unknown): boolean {
  return error instanceof StoreUnavailableError ? !error.refused : !isDistributedCacheError(error);
}

const DEAF: KeyListener = { live: false, stop: () => undefined };

/** A store that throws instead of rejecting has failed all the same. */
function started<T>(call: () => Promise<T>): Promise<T> {
  try {
    return call();
  } catch (error) {
    return Promise.reject(error instanceof Error ? error : new Error(String(error)));
  }
}
