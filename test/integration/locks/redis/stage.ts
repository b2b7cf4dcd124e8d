import { Redis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { systemClock } from '../../../../lib/core/clock.js';
import type { BusyLock, HeldLock, LockProvider } from '../../../../lib/core/lock-provider.js';
import { redisLock } from '../../../../lib/locks/redis/redis-lock.js';

/** Providers on one server, and an operator who may do there what no application does. */
export class RedisLockStage {
  readonly namespace = `locks-${randomUUID()}`;
  readonly operator: Redis;
  readonly #opened: LockProvider[] = [];

  constructor(
    readonly url: string,
    readonly ttlMs: number,
  ) {
    this.operator = new Redis(url, { retryStrategy: () => 50 });
    this.operator.on('error', () => undefined);
  }

  async open(url = this.url, { lockTimeoutMs = 2_000, ttlMs = this.ttlMs } = {}): Promise<LockProvider> {
    const { namespace } = this;
    const provider = await redisLock({ url, ttlMs }).createLockProvider({
      namespace,
      clock: systemClock,
      storeTimeoutMs: 2_000,
      lockTimeoutMs,
      report: () => undefined,
    });
    this.#opened.push(provider);
    return provider;
  }

  redisKey(key: string): string {
    return `${this.namespace}:lock:1:${key}`;
  }

  async end(): Promise<void> {
    await Promise.all(this.#opened.map((provider) => provider.close()));
    this.operator.disconnect();
  }
}

const timeoutMs = 20_000;

export async function acquire(provider: LockProvider, key = 'key'): Promise<HeldLock> {
  for (;;) {
    const lock = await provider.tryAcquire(key, { timeoutMs });
    if (lock.acquired) return lock;
    await lock.wait({ timeoutMs });
  }
}

export async function findBusy(provider: LockProvider, key = 'key'): Promise<BusyLock> {
  const lock = await provider.tryAcquire(key, { timeoutMs });
  if (lock.acquired) throw new Error('expected the lock to be held by another');
  return lock;
}

export async function fires({ signal }: HeldLock): Promise<unknown> {
  if (!signal.aborted) await once(signal, 'abort');
  return signal.reason;
}
