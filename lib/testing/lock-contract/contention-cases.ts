import assert from 'node:assert/strict';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import type { HeldLock, LockProvider } from '../../core/lock-provider.js';
import type { ContractCase } from '../contract-case.js';
import type { LockProviderHarness } from './lock-harness.js';
import { freshKey, lockCase, type LockStage } from './lock-stage.js';

/** Many at once, and attempts that are given up. */
export function contentionCases(harness: LockProviderHarness): ContractCase[] {
  return [
    lockCase(harness, 'of many attempts at the same instant exactly one gets the lock', async (stage) => {
      const providers = await Promise.all(Array.from({ length: 4 }, () => stage.open()));
      for (let round = 0; round < 10; round += 1) {
        const key = freshKey();
        const locks = await Promise.all([...providers, ...providers].map((provider) => stage.attempt(provider, key)));
        const held = locks.filter((lock) => lock.acquired);
        assert.equal(held.length, 1, 'one attempt gets the lock and no other does');
        await Promise.all(locks.map(async (lock) => (lock.acquired ? lock.release() : lock.dispose())));
      }
    }),

    lockCase(harness, 'no two holders are inside at once, and everyone gets in', async (stage) => {
      const key = freshKey();
      const providers = await Promise.all(Array.from({ length: 6 }, () => stage.open()));
      const room: Room = { inside: 0, count: 0, tokens: [] };
      await Promise.all(providers.map((provider) => visit(stage, provider, key, room, 5)));
      assert.equal(room.count, providers.length * 5, 'no increment got lost');
      assert.deepEqual(room.tokens, [...room.tokens].sort(ascending), 'the fencing tokens grew');
      assert.equal(new Set(room.tokens).size, room.tokens.length, 'and none came twice');
    }),

    lockCase(harness, 'an attempt whose signal has fired rejects with the reason and takes nothing', async (stage) => {
      const [provider, other] = await stage.openTwo();
      const key = freshKey();
      const reason = new Error('given up before it began');
      const attempted = provider.tryAcquire(key, { timeoutMs: stage.patienceMs, signal: AbortSignal.abort(reason) });
      await assert.rejects(stage.within(attempted, 'tryAcquire()'), (error) => error === reason);
      await (await stage.acquire(other, key)).release();
    }),

    lockCase(harness, 'an attempt that is given up half-way leaves no lock behind', async (stage) => {
      const [provider, other] = await stage.openTwo();
      for (const pause of [pauseNone, nextTurn, () => delay(1), () => delay(3)]) {
        const key = freshKey();
        const abort = new AbortController();
        const reason = new Error('given up half-way');
        const attempted = provider.tryAcquire(key, { timeoutMs: stage.patienceMs, signal: abort.signal });
        const outcome = stage.within(attempted, 'tryAcquire()').catch((error: unknown) => error);
        await pause();
        abort.abort(reason);
        // It may have been through already; then the lock is ours, and the signal has nothing to say any more.
        const lock = await outcome;
        if (lock !== reason) {
          assert.ok(isHeld(lock), `the attempt gets the lock or rejects with the reason, but: ${String(lock)}`);
          await lock.release();
        }
        await (await stage.acquireSoon(other, key)).release();
      }
    }),

    lockCase(harness, 'a signal that fires after the attempt does nothing to the lock', async (stage) => {
      const [provider, other] = await stage.openTwo();
      const key = freshKey();
      const abort = new AbortController();
      const held = await provider.tryAcquire(key, { timeoutMs: stage.patienceMs, signal: abort.signal });
      assert.ok(held.acquired);
      abort.abort();
      await stage.assertHeld(other, key);
      assert.equal(held.signal.aborted, false);
      await held.release();
    }),
  ];
}

interface Room {
  inside: number;
  count: number;
  readonly tokens: bigint[];
}

/** Goes in `times` times; inside, a counter is read and written in two steps, which only mutual exclusion keeps right. */
async function visit(stage: LockStage, provider: LockProvider, key: string, room: Room, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    const held = await enter(stage, provider, key, room);
    room.inside += 1;
    assert.equal(room.inside, 1, 'nobody else is inside');
    const seen = room.count;
    await nextTurn();
    await stage.attempt(provider, freshKey()).then((lock) => (lock.acquired ? lock.release() : lock.dispose()));
    room.count = seen + 1;
    room.tokens.push(held.token);
    room.inside -= 1;
    await stage.within(held.release(), 'release()');
  }
}

/** Waits for the lock, however long, as long as one of the others gets it now and then. */
async function enter(stage: LockStage, provider: LockProvider, key: string, room: Room): Promise<HeldLock> {
  for (let seen = room.count, since = performance.now(); ;) {
    const lock = await stage.attempt(provider, key);
    if (lock.acquired) return lock;
    assert.notEqual(
      await stage.waitFor(lock),
      'timeout',
      'a waiter hears of the end of a holder that is soon out again',
    );
    if (room.count !== seen) [seen, since] = [room.count, performance.now()];
    assert.ok(performance.now() - since < stage.patienceMs, 'the lock becomes free');
  }
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function isHeld(lock: unknown): lock is { release(): Promise<void> } {
  return typeof lock === 'object' && lock !== null && 'acquired' in lock && lock.acquired === true;
}

function pauseNone(): Promise<void> {
  return Promise.resolve();
}
