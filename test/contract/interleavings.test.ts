import { randomUUID } from 'node:crypto';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, inject, it } from 'vitest';
import { systemClock } from '../../lib/core/clock.js';
import type { VersionedStore } from '../../lib/core/versioned-store.js';
import { InProcessLockProvider } from '../../lib/locks/in-process-lock-provider.js';
import { InProcessLockTable } from '../../lib/locks/in-process-lock-table.js';
import { adoptRedisClient } from '../../lib/redis-client/adopt-redis-client.js';
import { InProcessVersionedStore } from '../../lib/stores/in-process-versioned-store.js';
import { RedisVersionedStore } from '../../lib/stores/redis/redis-versioned-store.js';
import { makeInstance } from '../support/fleet.js';
import { interleavings, type Stage } from './interleaving-cases.js';

const redis = createClient({ url: inject('redisUrl') });

beforeAll(async () => {
  await redis.connect();
});
afterAll(() => {
  redis.destroy();
});

function stageOver(store: VersionedStore, evict: () => Promise<unknown>): Stage {
  const table = new InProcessLockTable();
  return {
    instance: (locks = new InProcessLockProvider({ table })) =>
      makeInstance({ store, locks, clock: systemClock, storeTimeoutMs: 30_000 }),
    evict: async () => {
      await evict();
    },
  };
}

describe('the deterministic races', () => {
  describe('on memory', () => {
    it.each(interleavings)('$name', async ({ run }) => {
      const store = new InProcessVersionedStore({ clock: systemClock, maxEntries: 100 });
      const evict = (): Promise<void> => {
        store.evict('k');
        return Promise.resolve();
      };
      await run(stageOver(store, evict));
      await store.close();
    });
  });

  describe('on Redis', () => {
    it.each(interleavings)('$name', async ({ run }) => {
      const namespace = `races-${randomUUID()}`;
      const store = new RedisVersionedStore({
        client: adoptRedisClient(redis),
        namespace,
        report: () => undefined,
      });
      await run(stageOver(store, () => redis.del(`${namespace}:cache:1:k`)));
      await store.clear();
    });
  });
});
