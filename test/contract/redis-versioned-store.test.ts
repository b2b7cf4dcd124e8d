import { randomUUID } from 'node:crypto';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { adoptRedisClient } from '../../lib/redis-client/adopt-redis-client.js';
import { RedisVersionedStore } from '../../lib/stores/redis/redis-versioned-store.js';
import { stateScripts, type StateScripts } from '../../lib/stores/redis/state-scripts.js';
import { failingCases } from '../../lib/testing/contract-case.js';
import { versionedStoreContract } from '../../lib/testing/versioned-store-contract.js';
import type { MakeVersionedStoreHarness, VersionedStoreHarness } from '../../lib/testing/versioned-store-harness.js';
import { type ReachStore, redisStoreWays, storeContext, untilItAnswers } from '../support/redis-stores.js';
import { type TagScripts, tagScripts } from '../../lib/stores/redis/tag-scripts.js';
import { scriptMutants, tagScriptMutants } from './redis-script-mutants.js';

const bystander = createClient({ url: inject('redisUrl') });

beforeAll(async () => {
  await bystander.connect();
});
afterAll(() => {
  bystander.destroy();
});

function harness(reach: ReachStore): MakeVersionedStoreHarness {
  return async (): Promise<VersionedStoreHarness> => {
    const namespace = `test-${randomUUID()}`;
    const reached = await reach(inject('redisUrl'), storeContext(namespace));
    const neighbour = await reach(inject('redisUrl'), storeContext(`${namespace}-neighbour`));
    await Promise.all([untilItAnswers(reached.store), untilItAnswers(neighbour.store)]);
    return {
      store: reached.store,
      neighbour: neighbour.store,
      evict: async (key) => {
        await bystander.del(`${namespace}:cache:1:${key}`);
      },
      dispose: async () => {
        await reached.store.clear().catch(() => undefined);
        await neighbour.store.clear().catch(() => undefined);
        await Promise.all([reached.close(), neighbour.close()]);
      },
    };
  };
}

const withScripts =
  (scripts: StateScripts, tags: TagScripts = tagScripts): ReachStore =>
  (_url, { namespace, report }) => {
    const store = new RedisVersionedStore({
      client: adoptRedisClient(bystander),
      namespace,
      report,
      scripts,
      tagScripts: tags,
    });
    return Promise.resolve({ store, close: () => store.close() });
  };

describe.each(Object.entries(redisStoreWays))('the versioned store on Redis, reached by %s', (name, reach) => {
  // the scripts are the same whoever sends them: all histories by one way, enough of them by the others to find a client that garbles
  const histories = name === 'redisStore({ url })' ? 10_000 : 1_000;
  for (const contractCase of versionedStoreContract(harness(reach), { histories })) {
    it(contractCase.name, () => contractCase.run(), 300_000);
  }
});

describe('the contract suite', () => {
  // What fails below fails by the mutation, and not because the server is away.
  it('passes for the scripts as they are', async () => {
    expect(await failingCases(versionedStoreContract(harness(withScripts(stateScripts)), { histories: 200 }))).toEqual(
      [],
    );
  }, 300_000);

  it.each(Object.entries(scriptMutants))(
    'fails for scripts with %s',
    async (_name, scripts) => {
      expect(await failingCases(versionedStoreContract(harness(withScripts(scripts)), { histories: 200 }))).not.toEqual(
        [],
      );
    },
    300_000,
  );

  it.each(Object.entries(tagScriptMutants))(
    'fails for tags with %s',
    async (_name, tags) => {
      const suite = versionedStoreContract(harness(withScripts(stateScripts, tags)), { histories: 1 });
      expect(await failingCases(suite.filter(({ name }) => name.startsWith('tags:')))).not.toEqual([]);
    },
    300_000,
  );
});
