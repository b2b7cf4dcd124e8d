import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { CacheClosedError, LockLostError } from '../../core/errors.js';
import type { HeldLock } from '../../core/lock-provider.js';
import type { ContractCase } from '../contract-case.js';
import type { LockProviderHarness } from './lock-harness.js';
import { assertFreed, freshKey, lockCase } from './lock-stage.js';

/** Closing a provider. */
export function closingCases(harness: LockProviderHarness): ContractCase[] {
  return [
    lockCase(harness, 'close gives every held lock back, and wakes who waits for one elsewhere', async (stage) => {
      const [holder, other] = await stage.openTwo();
      const keys = [freshKey(), freshKey(), freshKey()];
      await Promise.all(keys.map((key) => stage.acquire(holder, key)));
      const waiting = await Promise.all(keys.map((key) => stage.findBusy(other, key))).then((busy) =>
        busy.map((lock) => stage.waitFor(lock)),
      );
      await stage.within(holder.close(), 'close()');
      (await Promise.all(waiting)).forEach(assertFreed);
      const taken = await Promise.all(keys.map((key) => stage.acquire(other, key)));
      await Promise.all(taken.map((lock) => lock.release()));
    }),

    lockCase(harness, 'close ends its own waits with "closed", those that have not begun too', async (stage) => {
      const [holder, waiter] = await stage.openTwo();
      const key = freshKey();
      const held = await stage.acquire(holder, key);
      const begun = stage.waitFor(await stage.findBusy(waiter, key));
      const notBegun = await stage.findBusy(waiter, key);
      await stage.within(waiter.close(), 'close()');
      assert.equal(await begun, 'closed');
      assert.equal(await stage.waitFor(notBegun), 'closed');
      notBegun.dispose();
      await stage.assertHeld(holder, key);
      await held.release();
    }),

    lockCase(harness, 'a closed provider refuses, and may be closed again', async (stage) => {
      const [provider, other] = await stage.openTwo();
      const key = freshKey();
      await (await stage.acquire(provider, key)).release();
      await stage.within(Promise.all([provider.close(), provider.close()]), 'two closes at once');
      await stage.within(provider.close(), 'a later close()');
      assert.equal(provider.state, 'closed');
      await assert.rejects(provider.tryAcquire(key, { timeoutMs: stage.patienceMs }), CacheClosedError);
      await (await stage.acquire(other, key)).release();
    }),

    lockCase(harness, 'a provider that was never used can be closed', async (stage) => {
      const provider = await stage.open();
      await stage.within(provider.close(), 'close()');
      await assert.rejects(provider.tryAcquire(freshKey(), { timeoutMs: stage.patienceMs }), CacheClosedError);
    }),

    lockCase(harness, 'a release after close does nothing to the next holder', async (stage) => {
      const [provider, other] = await stage.openTwo();
      const key = freshKey();
      const old = await stage.acquire(provider, key);
      await stage.within(provider.close(), 'close()');
      const held = await stage.acquire(other, key);
      await stage.within(old.release(), 'release() after close()');
      await stage.assertHeld(other, key);
      await held.release();
    }),

    lockCase(harness, 'an attempt under way when the provider closes leaves no lock behind', async (stage) => {
      const [provider, other] = await stage.openTwo();
      const key = freshKey();
      const attempted = provider.tryAcquire(key, { timeoutMs: stage.patienceMs }).catch((error: unknown) => error);
      await stage.within(provider.close(), 'close()');
      const outcome = await stage.within(attempted, 'tryAcquire()');
      if (outcome instanceof Error)
        assert.ok(outcome instanceof CacheClosedError, `rejects with CacheClosedError, but: ${String(outcome)}`);
      await (await stage.acquireSoon(other, key)).release();
    }),
  ];
}

/** Locks held for long, and locks that are lost. */
export function losingCases(harness: LockProviderHarness): ContractCase[] {
  const { holdBeyondMs } = harness;
  const keepAlive = (ms: number): ContractCase =>
    lockCase(harness, 'a lock is kept alive for as long as it is held', async (stage) => {
      const [holder, other] = await stage.openTwo();
      const key = freshKey();
      const held = await stage.acquire(holder, key);
      await delay(ms);
      assert.equal(held.signal.aborted, false);
      await stage.assertHeld(other, key);
      await held.release();
      await (await stage.acquire(other, key)).release();
    });

  const lost = (lose: (key: string) => Promise<void>): ContractCase[] => [
    lockCase(harness, 'the signal fires when the lock is lost, and another can take it', async (stage) => {
      const [holder, other] = await stage.openTwo();
      const key = freshKey();
      const old = await stage.acquire(holder, key);
      await lose(key);
      await stage.within(fires(old), 'the signal of a lost lock');
      assert.ok(
        old.signal.reason instanceof LockLostError,
        `the reason is a LockLostError, but: ${String(old.signal.reason)}`,
      );
      const held = await stage.acquireSoon(other, key);
      assert.ok(held.token > old.token, 'the fencing token has grown');
      await held.release();
      await stage.within(old.release(), 'release() of a lost lock');
    }),

    lockCase(harness, 'the release of a lost lock does not free the lock of the new holder', async (stage) => {
      const [holder, other] = await stage.openTwo();
      const key = freshKey();
      const old = await stage.acquire(holder, key);
      await lose(key);
      const held = await stage.acquireSoon(other, key);
      await stage.within(old.release(), 'release() of a lost lock');
      const third = await stage.open();
      await stage.assertHeld(third, key);
      assert.equal(held.signal.aborted, false);
      await held.release();
    }),

    lockCase(harness, 'a waiter hears of a lock that is lost', async (stage) => {
      const [holder, waiter] = await stage.openTwo();
      const key = freshKey();
      await stage.acquire(holder, key);
      const waiting = stage.waitFor(await stage.findBusy(waiter, key), stage.patienceMs);
      await lose(key);
      assertFreed(await waiting);
      await (await stage.acquireSoon(waiter, key)).release();
    }),
  ];

  return [
    ...(holdBeyondMs === undefined ? [] : [keepAlive(holdBeyondMs)]),
    ...(harness.loseLock ? lost(harness.loseLock.bind(harness)) : []),
  ];
}

async function fires({ signal }: HeldLock): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}
