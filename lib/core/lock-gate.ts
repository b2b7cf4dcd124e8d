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

  /** As `LockProvider.tryAcquire`. */
  tryAcquire(key: string, options: AcquireOptions): Promise<HeldLock | BusyLock> {
    const { locks } = this.parts;
    const asked = this.breaker.run(() => locks.tryAcquire(key, options));
    return (
      asked ??
      Promise.reject(
        new LockUnavailableError(
          `The lock service is not asked (${locks.name}: ${locks.state}): it has failed, and has not answered a probe yet`,
        ),
      )
    );
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
