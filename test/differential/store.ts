import { systemClock } from '../../lib/core/clock.js';
import type { DistributedCacheOptions } from '../../lib/index.js';
import { redisStore } from '../../lib/redis.js';
import { InProcessVersionedStore } from '../../lib/stores/in-process-versioned-store.js';

/** What two instances have in common: a Redis, or else a store in this process. */
export interface SharedStore {
  /** For one instance. */
  options(): Required<Pick<DistributedCacheOptions, 'store'>>;
  close(): Promise<void>;
}

export function sharedStore(redisUrl: string | undefined): SharedStore {
  if (redisUrl !== undefined)
    return { options: () => ({ store: redisStore({ url: redisUrl }) }), close: () => Promise.resolve() };
  const store = new InProcessVersionedStore({ clock: systemClock, maxEntries: 10_000 });
  return { options: () => ({ store }), close: () => store.close() };
}
