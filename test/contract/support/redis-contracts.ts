import { randomUUID } from 'node:crypto';
import type { LockProviderFactory } from '../../../lib/core/provider-factory.js';
import { redisLock } from '../../../lib/locks/redis/redis-lock.js';
import { redisStore } from '../../../lib/stores/redis/redis-store.js';
import type { ContractCase } from '../../../lib/testing/contract-case.js';
import { versionedStoreContract } from '../../../lib/testing/versioned-store-contract.js';
import type { ApplicationClient } from '../../support/redis-clients.js';
import { storeContext, untilItAnswers } from '../../support/redis-stores.js';
import { beyond, histories, lockCasesApart, lockContext, REDIS_LOCK_MS } from './contract-tests.js';

/** Somebody who may do there what no application does, on whichever primary it has to be done. */
export interface RedisOperator {
  del(key: string): Promise<unknown>;
  /** On every primary. */
  keys(pattern: string): Promise<string[]>;
  hexists(key: string, field: string): Promise<number>;
}

export type MakeClient = () => Promise<ApplicationClient>;

/** Clients that outlive a case: connecting to a whole topology costs more than most cases do. */
export class ClientPool {
  readonly #make: MakeClient;
  readonly #all: ApplicationClient[] = [];
  readonly #free: ApplicationClient[] = [];

  constructor(make: MakeClient) {
    this.#make = make;
  }

  /** Connects so many before the first case, one after the other: connecting is none of the steps that a case gives a limit. */
  async fill(count: number): Promise<void> {
    while (this.#free.length < count) this.giveBack(await this.#made());
  }

  async take(): Promise<ApplicationClient> {
    return this.#free.pop() ?? this.#made();
  }

  async #made(): Promise<ApplicationClient> {
    const made = await this.#connected();
    this.#all.push(made);
    return made;
  }

  /** A first connection is given up after two seconds, so a standstill may end it. */
  async #connected(attempts = 5): Promise<ApplicationClient> {
    try {
      return await this.#make();
    } catch (error) {
      if (attempts === 1) throw error;
      return this.#connected(attempts - 1);
    }
  }

  giveBack(client: ApplicationClient): void {
    this.#free.push(client);
  }

  close(): void {
    for (const client of this.#all) client.close();
  }
}

/** The suite of the store, by a client of the application's. Fewer histories than on a single server: the scripts are the same. */
export function storeCases(clients: ClientPool, operator: () => RedisOperator): ContractCase[] {
  return versionedStoreContract(
    async () => {
      const namespace = `test-${randomUUID()}`;
      const made = await clients.take();
      const open = (name: string) => redisStore({ client: made.client }).createVersionedStore(storeContext(name));
      const [store, neighbour] = await Promise.all([open(namespace), open(`${namespace}-neighbour`)]);
      await untilItAnswers(store);
      return {
        store,
        neighbour,
        evict: async (key) => {
          await operator().del(`${namespace}:cache:1:${key}`);
        },
        dispose: async () => {
          await Promise.all([store.clear().catch(() => undefined), neighbour.clear().catch(() => undefined)]);
          await Promise.all([store.close(), neighbour.close()]);
          clients.giveBack(made);
        },
      };
    },
    histories(40, 200),
  );
}

/** The suite of the lock, by such clients or by connections of its own. Cases may overlap: each has a namespace. */
export function lockCases(reach: ClientPool | { readonly url: string }, operator: () => RedisOperator): ContractCase[] {
  return lockCasesApart(() => {
    const namespace = `locks-${randomUUID()}`;
    const taken: ApplicationClient[] = [];
    // A client may put a prefix of its own before it.
    const lockKeys = async (): Promise<string[]> => (await operator().keys(`*${namespace}:lock:1:*`)).sort();
    const factory = async (): Promise<LockProviderFactory> => {
      if (!(reach instanceof ClientPool)) return redisLock({ url: reach.url, ttlMs: REDIS_LOCK_MS });
      const made = await reach.take();
      taken.push(made);
      return redisLock({ client: made.client as object, ttlMs: REDIS_LOCK_MS });
    };
    return {
      open: async () => (await factory()).createLockProvider(lockContext(namespace)),
      dispose: () => {
        for (const client of taken.splice(0)) if (reach instanceof ClientPool) reach.giveBack(client);
        return Promise.resolve();
      },
      loseLock: async (key) => {
        for (const name of await lockKeys()) if (name.endsWith(key)) await operator().del(name);
      },
      holdBeyondMs: beyond(REDIS_LOCK_MS),
      // Without an owner it is no lock any more, only the memory of its token.
      leftovers: async () => {
        const keys = await lockKeys();
        const owned = await Promise.all(keys.map((key) => operator().hexists(key, 'owner')));
        return keys.filter((_key, index) => owned[index] === 1);
      },
    };
  });
}
