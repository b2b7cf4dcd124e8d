import type { CacheEvent, StoreStep } from './cache-event.js';
import { withDeadline, type Clock } from './clock.js';
import { StoreUnavailableError } from './errors.js';
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

/** The store as the core sees it: every step has a deadline, and every failure is a `StoreUnavailableError` and an event. */
export class StoreGate {
  constructor(
    private readonly store: VersionedStore,
    private readonly clock: Clock,
    private readonly timeoutMs: number,
    private readonly report: (event: CacheEvent) => void,
  ) {}

  read(key: string): Promise<KeyState> {
    return this.ask('read', key, () => this.store.read(key));
  }

  begin(key: string, options: BeginOptions): Promise<BeginOutcome> {
    return this.ask('begin', key, () => this.store.begin(key, options));
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
    return this.ask('fill', key, () => this.store.fill(key, fill));
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

  /** Walks the whole namespace, so its deadline is not that of one command: the store itself bounds each of its commands. */
  async clear(): Promise<void> {
    try {
      await this.store.clear();
    } catch (error) {
      throw this.unavailable('clear', undefined, error);
    }
  }

  private ask<T>(step: StoreStep, key: string | undefined, call: () => Promise<T>): Promise<T> {
    const timedOut = (): Error =>
      new StoreUnavailableError(`The store did not answer "${step}" within storeTimeoutMs = ${this.timeoutMs}`);
    return withDeadline(this.clock, started(call), this.timeoutMs, timedOut).catch((error: unknown) => {
      throw this.unavailable(step, key, error);
    });
  }

  private unavailable(step: StoreStep, key: string | undefined, cause: unknown): StoreUnavailableError {
    const error =
      cause instanceof StoreUnavailableError
        ? cause
        : new StoreUnavailableError(`The store could not "${step}": ${String(cause)}`, { cause });
    this.report({ type: 'store-unavailable', step, error, ...(key === undefined ? {} : { key }) });
    return error;
  }
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
