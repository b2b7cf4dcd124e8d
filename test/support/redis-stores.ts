import { createKeyv } from '@keyv/redis';
import { createCache, KeyvAdapter } from 'cache-manager';
import { redisInsStore } from 'cache-manager-redis-yet';
import { Keyv } from 'keyv';
import { createClient as createV4 } from 'redis-v4';
import type { CacheEvent } from '../../lib/core/cache-event.js';
import { systemClock } from '../../lib/core/clock.js';
import type { ProviderContext, VersionedStoreFactory } from '../../lib/core/provider-factory.js';
import type { VersionedStore } from '../../lib/core/versioned-store.js';
import { cacheManagerStore } from '../../lib/stores/cache-manager-store.js';
import { redisStore } from '../../lib/stores/redis/redis-store.js';
import { applicationClients } from './redis-clients.js';
import { PATIENT_CALLS } from './patient.js';

/** What the module would tell a store, with the events it makes. */
export function storeContext(
  namespace: string,
  events: CacheEvent[] = [],
  calls: Pick<ProviderContext, 'storeTimeoutMs' | 'lockTimeoutMs'> = PATIENT_CALLS,
): ProviderContext {
  return { namespace, clock: systemClock, ...calls, report: (event) => events.push(event) };
}

/** A store as the application reaches it; `close` closes what the application made. */
export interface ReachedStore {
  readonly store: VersionedStore;
  /** The client whose connection must be used; absent where the store has its own. */
  readonly client?: unknown;
  close(): Promise<void>;
}

export type ReachStore = (url: string, context: ProviderContext) => Promise<ReachedStore>;

async function reached(
  factory: VersionedStoreFactory,
  context: ProviderContext,
  client?: unknown,
  close = (): unknown => undefined,
): Promise<ReachedStore> {
  const store = await factory.createVersionedStore(context);
  return {
    store,
    ...(client !== undefined && { client }),
    close: async () => {
      await store.close();
      await close();
    },
  };
}

const overKeyvRedis: ReachStore = (url, context) => {
  const keyv = createKeyv(url);
  const cache = createCache({ stores: [keyv] });
  const adapter = keyv.store as { client: unknown };
  return reached(cacheManagerStore().withCache(cache), context, adapter.client, () => cache.disconnect());
};

const overRedisYet: ReachStore = async (url, context) => {
  const client = createV4({ url, disableOfflineQueue: true, socket: { reconnectStrategy: () => 50 } });
  client.on('error', () => undefined);
  await client.connect();
  const adapter = new KeyvAdapter(redisInsStore(client as never));
  const cache = createCache({ stores: [new Keyv({ store: adapter })] });
  return reached(cacheManagerStore({ cache }), context, client, () => client.disconnect().catch(() => undefined));
};

/** The two in which an application's cache-manager cache leads to Redis. */
export const cacheManagerWays: Readonly<Record<string, ReachStore>> = {
  'cache-manager over @keyv/redis': overKeyvRedis,
  'cache-manager over KeyvAdapter and cache-manager-redis-yet': overRedisYet,
};

/** Every way of reaching Redis. */
export const redisStoreWays: Readonly<Record<string, ReachStore>> = {
  'redisStore({ url })': (url, context) => reached(redisStore({ url }), context),
  ...Object.fromEntries(
    Object.entries(applicationClients).map(([name, make]): [string, ReachStore] => [
      `redisStore({ client }), ${name}`,
      async (url, context) => {
        const made = await make(url);
        return reached(redisStore({ client: made.client }), context, made.client, () => {
          made.close();
        });
      },
    ]),
  ),
  ...cacheManagerWays,
};

/** Resolves when the store answers: a connection of its own is not waited for when it is made. */
export async function untilItAnswers(store: VersionedStore): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    try {
      await store.read('probe');
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
  throw new Error('The store did not answer');
}
