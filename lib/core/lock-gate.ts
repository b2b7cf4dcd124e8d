import type { CacheEvent } from './cache-event.js';
import { PROBE_KEY, type BreakerFactory, type CircuitBreaker } from './circuit-breaker.js';
import { LockUnavailableError } from './errors.js';
import type { AcquireOptions, BusyLock, HeldLock, LockProvider } from './lock-provider.js';

export interface LockGateParts {
  readonly locks: LockProvider;
  readonly lockTimeoutMs: number;
  readonly breaker: BreakerFactory;
  readonly report: (event: CacheEvent) => void;
}

/** The lock service as the core sees it: behind an open breaker it is not asked at all. */
export class LockGate {
  private readonly breaker: CircuitBreaker;
  private lastFailure: unknown;

  constructor(private readonly parts: LockGateParts) {
    const { locks, report } = parts;
    this.breaker = parts.breaker({
      isOutage: (error) => error instanceof LockUnavailableError && !error.refused,
      isKnownDown: () => locks.state !== 'connected',
      probe: () => this.probe(),
      onChange: (state, previous) => {
        report({ type: 'breaker-changed', server: 'lock', state, previous });
      },
    });
  }

  /** As `LockProvider.tryAcquire`. A failure is an event, unless the caller has given up: told before the breaker counts it, so that what opens it comes first. */
  tryAcquire(key: string, options: AcquireOptions): Promise<HeldLock | BusyLock> {
    return this.breaker.run(() => this.ask(key, options)) ?? this.notAsked(key);
  }

  private async ask(key: string, options: AcquireOptions): Promise<HeldLock | BusyLock> {
    try {
      return await this.parts.locks.tryAcquire(key, options);
    } catch (error) {
      this.lastFailure = error;
      if (options.signal?.aborted !== true) this.parts.report({ type: 'lock-unavailable', key, error });
      throw error;
    }
  }

  private notAsked(key: string): Promise<never> {
    const { locks, report } = this.parts;
    const error = new LockUnavailableError(
      `The lock service is not asked (${locks.name}: ${locks.state}): it has failed, and has not answered a probe yet`,
      { cause: this.lastFailure },
    );
    report({ type: 'lock-unavailable', key, error });
    return Promise.reject(error);
  }

  /** The provider is connected again. */
  noticeConnected(): void {
    this.breaker.hurry();
  }

  /** Stops asking by itself whether the service is back. The provider stays open. */
  close(): void {
    this.breaker.stop();
  }

  /** A lock that nobody else wants but other instances' probes. That it is busy is an answer too. */
  private async probe(): Promise<void> {
    const attempt = await this.parts.locks.tryAcquire(PROBE_KEY, { timeoutMs: this.parts.lockTimeoutMs });
    if (attempt.acquired) void attempt.release();
    else attempt.dispose();
  }
}
