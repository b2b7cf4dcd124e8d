import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { acquire, findBusy, RedisLockStage } from './stage.js';

/** Renewed every third of it: what a lock is kept through when the machine stands still for a moment. */
const ttlMs = 6_000;
const fixture = fileURLToPath(new URL('./holder.fixture.mjs', import.meta.url));

describe('Redis lock whose holder is killed', () => {
  const stage = new RedisLockStage(inject('redisUrl'), ttlMs);
  afterEach(() => stage.end());

  it('is kept while the holder lives, and free no later than its time to live after it died', async () => {
    const holder = fork(fixture, [stage.url, stage.namespace, 'key', String(ttlMs)]);
    try {
      const [message] = (await once(holder, 'message')) as [{ acquired: boolean; token: string }];
      expect(message.acquired).toBe(true);
      const waiter = await stage.open();
      const alive = await findBusy(waiter);
      expect(await alive.wait({ timeoutMs: 1.5 * ttlMs })).toBe('timeout');

      const busy = await findBusy(waiter);
      holder.kill('SIGKILL');
      await once(holder, 'exit');
      expect(await stage.operator.pttl(stage.redisKey('key'))).toBeLessThanOrEqual(ttlMs);
      expect(await busy.wait({ timeoutMs: 20_000 })).toBe('vanished');
      const held = await acquire(waiter);
      expect(held.token).toBeGreaterThan(BigInt(message.token));
      await held.release();
    } finally {
      holder.kill('SIGKILL');
    }
  });
});
