import { PROBE_KEY } from '../../core/circuit-breaker.js';
import {
  LockProvider,
  type AcquireOptions,
  type BusyLock,
  type HeldLock,
  type LockState,
} from '../../core/lock-provider.js';
import type { CacheTracer } from '../../core/telemetry.js';

/** A lock provider whose attempts and waits are traced. */
export class TracedLockProvider extends LockProvider {
  readonly name: string;

  constructor(
    private readonly locks: LockProvider,
    private readonly tracer: CacheTracer,
  ) {
    super();
    this.name = locks.name;
    // There or not there, as with the provider behind it.
    if (locks.check !== undefined) this.check = locks.check.bind(locks);
  }

  get state(): LockState {
    return this.locks.state;
  }

  async tryAcquire(key: string, options: AcquireOptions): Promise<HeldLock | BusyLock> {
    // A breaker asks in the background, on nobody's behalf.
    if (key === PROBE_KEY) return this.locks.tryAcquire(key, options);
    const attempt = await this.tracer.step(
      'lock',
      key,
      () => this.locks.tryAcquire(key, options),
      ({ acquired }) => ({ outcome: acquired ? 'acquired' : 'busy' }),
    );
    if (attempt.acquired) return attempt;
    return {
      acquired: false,
      wait: (bounds) =>
        this.tracer.step(
          'wait',
          key,
          () => attempt.wait(bounds),
          (reason) => ({ reason }),
        ),
      dispose: () => {
        attempt.dispose();
      },
    };
  }

  close(): Promise<void> {
    return this.locks.close();
  }
}
