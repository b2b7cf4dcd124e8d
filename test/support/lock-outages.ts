import { LockLostError, LockUnavailableError } from '../../lib/core/errors.js';
import { LockProvider, type BusyLock, type HeldLock, type LockState } from '../../lib/core/lock-provider.js';
import type { AcquireOptions } from '../../lib/core/lock-provider.js';

/** A lock service that a test cuts off and gives back; while it is there another answers for it. */
export class CutLocks extends LockProvider {
  readonly name = 'cut';
  asked = 0;
  private readonly held = new Set<AbortController>();

  constructor(
    private readonly inner: LockProvider,
    private up = false,
  ) {
    super();
  }

  get state(): LockState {
    return this.up ? 'connected' : 'lost';
  }

  comeBack(): void {
    this.up = true;
  }

  /** Every held lock is lost with it. */
  cut(): void {
    this.up = false;
    for (const lost of this.held) lost.abort(new LockLostError('session expired'));
  }

  async tryAcquire(key: string, options: AcquireOptions): Promise<HeldLock | BusyLock> {
    this.asked++;
    if (!this.up) throw new LockUnavailableError('nobody there');
    const attempt = await this.inner.tryAcquire(key, options);
    if (!attempt.acquired) return attempt;
    const lost = new AbortController();
    this.held.add(lost);
    return { acquired: true, token: attempt.token, signal: lost.signal, release: () => attempt.release() };
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}
