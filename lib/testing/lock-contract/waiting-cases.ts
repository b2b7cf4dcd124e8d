import assert from 'node:assert/strict';
import type { ContractCase } from '../contract-case.js';
import type { LockProviderHarness } from './lock-harness.js';
import { assertFreed, freshKey, lockCase } from './lock-stage.js';

/** Waiting for another's lock. */
export function waitingCases(harness: LockProviderHarness): ContractCase[] {
  return [
    lockCase(harness, 'a wait ends when the holder gives the lock back', async (stage) => {
      const [holder, waiter] = await stage.openTwo();
      const key = freshKey();
      const held = await stage.acquire(holder, key);
      const waiting = stage.waitFor(await stage.findBusy(waiter, key));
      await held.release();
      assertFreed(await waiting);
      await (await stage.acquire(waiter, key)).release();
    }),

    lockCase(harness, 'a release between tryAcquire and wait is not missed', async (stage) => {
      const [holder, waiter] = await stage.openTwo();
      const key = freshKey();
      const held = await stage.acquire(holder, key);
      const busy = await stage.findBusy(waiter, key);
      await held.release();
      assertFreed(await stage.waitFor(busy));
    }),

    lockCase(harness, 'nor is it when the lock has gone to another holder by then', async (stage) => {
      const [holder, waiter] = await stage.openTwo();
      const key = freshKey();
      const held = await stage.acquire(holder, key);
      const busy = await stage.findBusy(waiter, key);
      await held.release();
      const later = await stage.acquire(holder, key);
      assertFreed(await stage.waitFor(busy));
      await stage.assertHeld(waiter, key);
      await later.release();
    }),

    lockCase(harness, 'every waiter is woken, in one process and in several', async (stage) => {
      const holder = await stage.open();
      const waiters = await Promise.all(Array.from({ length: 4 }, () => stage.open()));
      const key = freshKey();
      const held = await stage.acquire(holder, key);
      const busy = await Promise.all([...waiters, ...waiters, holder].map((provider) => stage.findBusy(provider, key)));
      const waiting = busy.map((lock) => stage.waitFor(lock));
      await held.release();
      (await Promise.all(waiting)).forEach(assertFreed);
    }),

    lockCase(harness, 'a waiter sleeps through what happens to other locks', async (stage) => {
      const [holder, waiter] = await stage.openTwo();
      const [key, otherKey] = [freshKey(), freshKey()];
      const held = await stage.acquire(holder, key);
      let woken = false;
      const waiting = stage.waitFor(await stage.findBusy(waiter, key)).finally(() => {
        woken = true;
      });
      const other = await stage.acquire(holder, otherKey);
      const otherWaiting = stage.waitFor(await stage.findBusy(waiter, otherKey));
      await other.release();
      assertFreed(await otherWaiting);
      await stage.attempt(waiter, otherKey);
      assert.equal(woken, false);
      await held.release();
      assertFreed(await waiting);
    }),

    lockCase(
      harness,
      'a wait ends with "timeout" when its time is over, and leaves the lock where it was',
      async (stage) => {
        const [holder, waiter] = await stage.openTwo();
        const key = freshKey();
        const held = await stage.acquire(holder, key);
        assert.equal(await stage.waitFor(await stage.findBusy(waiter, key), 0), 'timeout');
        assert.equal(await stage.waitFor(await stage.findBusy(waiter, key), 30), 'timeout');
        await stage.assertHeld(waiter, key);
        await held.release();
      },
    ),

    lockCase(harness, 'a wait ends with "aborted" when its signal fires, before or during it', async (stage) => {
      const [holder, waiter] = await stage.openTwo();
      const key = freshKey();
      const held = await stage.acquire(holder, key);
      const early = await stage.findBusy(waiter, key);
      assert.equal(
        await stage.within(early.wait({ timeoutMs: 60_000, signal: AbortSignal.abort() }), 'wait()'),
        'aborted',
      );
      const abort = new AbortController();
      const waiting = (await stage.findBusy(waiter, key)).wait({ timeoutMs: 60_000, signal: abort.signal });
      abort.abort(new Error('enough'));
      assert.equal(await stage.within(waiting, 'wait()'), 'aborted');
      await stage.assertHeld(waiter, key);
      await held.release();
    }),

    lockCase(harness, 'a watch may be given up before, during and after its wait, and twice', async (stage) => {
      const [holder, waiter] = await stage.openTwo();
      const key = freshKey();
      const held = await stage.acquire(holder, key);
      const [before, during, after, kept] = await Promise.all([1, 2, 3, 4].map(() => stage.findBusy(waiter, key)));
      assert.ok(before && during && after && kept);

      before.dispose();
      before.dispose();
      await stage.within(before.wait({ timeoutMs: 60_000 }), 'a wait after dispose()');

      const cut = during.wait({ timeoutMs: 60_000 });
      during.dispose();
      await stage.within(cut, 'a wait that was given up');
      during.dispose();

      const rest = kept.wait({ timeoutMs: 60_000 });
      await held.release();
      assertFreed(await stage.waitFor(after));
      after.dispose();
      after.dispose();
      assertFreed(await stage.within(rest, 'the wait of a watch nobody gave up'));
    }),
  ];
}
