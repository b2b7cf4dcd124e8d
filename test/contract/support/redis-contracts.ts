import { randomUUID } from 'node:crypto';
import { systemClock } from '../../../lib/core/clock.js';
import { redisLock } from '../../../lib/locks/redis/redis-lock.js';
import { redisStore } from '../../../lib/stores/redis/redis-store.js';
import type { ContractCase } from '../../../lib/testing/contract-case.js';
import { lockProviderContract } from '../../../lib/testing/lock-provider-contract.js';
import { versionedStoreContract } from '../../../lib/testing/versioned-store-contract.js';
import type { ApplicationClient } from '../../support/redis-clients.js';
import { storeContext, untilItAnswers } from '../../support/redis-stores.js';

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

  async take(): Promise<ApplicationClient> {
    const free = this.#free.pop();
    if (free) return free;
    const made = await this.#make();
    this.#all.push(made);
    return made;
  }

  giveBack(client: ApplicationClient): void {
    this.#free.push(client);
  }

  close(): void {
    for (const client of this.#all) client.close();
  }
}

/** Renewed every third of it: what a lock is kept through when the machine stands still for a moment. */
const TTL_MS = 6_000;

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
    { histories: 200 },
  );
}

/** The suite of the lock, likewise. */
export function lockCases(clients: ClientPool, operator: () => RedisOperator): ContractCase[] {
  const namespace = `locks-${randomUUID()}`;
  const taken: ApplicationClient[] = [];
  const lockKeys = async (): Promise<string[]> => (await operator().keys(`${namespace}:lock:1:*`)).sort();
  return lockProviderContract({
    open: async () => {
      const made = await clients.take();
      taken.push(made);
      const context = { namespace, clock: systemClock, storeTimeoutMs: 5_000, lockTimeoutMs: 5_000 };
      return redisLock({ client: made.client as object, ttlMs: TTL_MS }).createLockProvider({
        ...context,
        report: () => undefined,
      });
    },
    dispose: () => {
      for (const client of taken.splice(0)) clients.giveBack(client);
      return Promise.resolve();
    },
    loseLock: async (key) => {
      for (const name of await lockKeys()) if (name.endsWith(key)) await operator().del(name);
    },
    holdBeyondMs: TTL_MS * 1.5,
    // Without an owner it is no lock any more, only the memory of its token.
    leftovers: async () => {
      const keys = await lockKeys();
      const owned = await Promise.all(keys.map((key) => operator().hexists(key, 'owner')));
      return keys.filter((_key, index) => owned[index] === 1);
    },
  });
}

/** Runs the cases one after the other, and tells what failed and why. */
export async function complaintsOf(cases: readonly ContractCase[]): Promise<string[]> {
  const complaints: string[] = [];
  for (const { name, run } of cases) {
    await run().catch((error: unknown) => complaints.push(`${name}: ${String(error)}`));
  }
  return complaints;
}
