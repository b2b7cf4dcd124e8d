import type { VersionedStoreFactory } from '../../lib/core/provider-factory.js';
import { openRedisClient } from '../../lib/redis-client/open-redis-client.js';
import { RedisVersionedStore } from '../../lib/stores/redis/redis-versioned-store.js';
import { scriptMutants, tagScriptMutants } from '../contract/redis-script-mutants.js';

/** The store on Redis with one deliberate mistake in its scripts. */
export function mutatedRedisStore(url: string, mutant: string): VersionedStoreFactory {
  const [scripts, tagScripts] = [scriptMutants[mutant]?.scripts, tagScriptMutants[mutant]?.scripts];
  if (scripts === undefined && tagScripts === undefined) throw new Error(`There is no mutant "${mutant}"`);
  return {
    description: `redis with the mistake "${mutant}"`,
    createVersionedStore: async ({ namespace, report }) =>
      new RedisVersionedStore({
        client: await openRedisClient(url),
        ...{ namespace, report },
        ...(scripts !== undefined && { scripts }),
        ...(tagScripts !== undefined && { tagScripts }),
      }),
  };
}
