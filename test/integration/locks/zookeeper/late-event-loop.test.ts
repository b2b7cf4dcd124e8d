import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, inject, it } from 'vitest';
import { standStill } from '../../../support/stand-still.js';
import { acquire, freshNamespace, openProvider, statesOf } from './stage.js';

/** Shorter than the event loop stands still, which is shorter than a session lives without a sign of life. */
const lockTimeoutMs = 1_500;
const STANDS_STILL_MS = 3_000;

/** The client reads one answer in each round of the event loop. */
it('100 attempts have the locks that were granted while the event loop stood still', async () => {
  const { provider, events } = await openProvider(
    { connectString: inject('zooKeeperConnect'), sessionTimeoutMs: 30_000 },
    { namespace: freshNamespace(), lockTimeoutMs },
  );
  await (await acquire(provider, 'first')).release();
  const before = statesOf(events).length;
  const attempts = Array.from({ length: 100 }, (_, n) =>
    provider.tryAcquire(`k${String(n)}`, { timeoutMs: lockTimeoutMs, likelyFree: true }),
  );
  await nextTurn();
  standStill(STANDS_STILL_MS);
  const locks = await Promise.all(attempts);
  expect(new Set(locks.map(({ acquired }) => acquired))).toEqual(new Set([true]));
  expect(statesOf(events).slice(before)).toEqual([]);
});
