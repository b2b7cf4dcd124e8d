import { describe, expect, it } from 'vitest';
import { LockLostError } from '../../../lib/core/errors.js';
import type { BusyLock, HeldLock } from '../../../lib/core/lock-provider.js';
import { inProcessLock } from '../../../lib/locks/in-process-lock.js';
import { InProcessLockProvider } from '../../../lib/locks/in-process-lock-provider.js';
import { InProcessLockTable } from '../../../lib/locks/in-process-lock-table.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';

const options = { timeoutMs: 1_000 };

async function held(provider: InProcessLockProvider, key: string): Promise<HeldLock> {
  const lock = await provider.tryAcquire(key, options);
  if (!lock.acquired) throw new Error('expected the lock');
  return lock;
}

async function busy(provider: InProcessLockProvider, key: string): Promise<BusyLock> {
  const lock = await provider.tryAcquire(key, options);
  if (lock.acquired) throw new Error('expected a busy lock');
  return lock;
}

describe('InProcessLockProvider', () => {
  it('draws the tokens of all keys from one counter', async () => {
    const provider = new InProcessLockProvider();
    const tokens = [
      (await held(provider, 'a')).token,
      (await held(provider, 'b')).token,
      (await held(provider, 'c')).token,
    ];
    expect(tokens).toEqual([1n, 2n, 3n]);
  });

  it('leaves no holding, watcher or timer behind', async () => {
    const [clock, table] = [new ManualClock(), new InProcessLockTable()];
    const provider = new InProcessLockProvider({ clock, table });
    const lock = await held(provider, 'key');
    const holding = table.holding('key');
    const waits = [(await busy(provider, 'key')).wait(options), (await busy(provider, 'key')).wait({ timeoutMs: 10 })];
    (await busy(provider, 'key')).dispose();
    expect(holding?.watchers.size).toBe(2);
    await clock.advance(10);
    expect(holding?.watchers.size).toBe(1);
    await lock.release();
    expect(await Promise.all(waits)).toEqual(['released', 'timeout']);
    expect(holding?.watchers.size).toBe(0);
    expect(table.size).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('fires the signal of a lock that it gives back by closing, and of no other', async () => {
    const provider = new InProcessLockProvider();
    const [kept, released] = [await held(provider, 'kept'), await held(provider, 'released')];
    await released.release();
    await provider.close();
    expect(kept.signal.reason).toBeInstanceOf(LockLostError);
    expect(released.signal.aborted).toBe(false);
  });

  it('does not compete with a provider that has a table of its own', async () => {
    await held(new InProcessLockProvider(), 'key');
    await held(new InProcessLockProvider(), 'key');
  });

  it('is what inProcessLock() builds, on the clock of the context', async () => {
    const factory = inProcessLock();
    const clock = new ManualClock();
    const provider = await factory.createLockProvider({
      namespace: 'test',
      clock,
      storeTimeoutMs: 1,
      lockTimeoutMs: 1,
      report: () => undefined,
    });
    expect(factory.description).toBe('in-process');
    expect(provider).toBeInstanceOf(InProcessLockProvider);
    await provider.tryAcquire('key', options);
    void (await busy(provider as InProcessLockProvider, 'key')).wait(options);
    expect(clock.pendingTimers).toBe(1);
  });
});
