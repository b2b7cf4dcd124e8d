import { randomUUID } from 'node:crypto';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { adoptRedisClient } from '../../lib/redis-client/adopt-redis-client.js';
import { RedisVersionedStore } from '../../lib/stores/redis/redis-versioned-store.js';
import { stateScripts } from '../../lib/stores/redis/state-scripts.js';
import type { ContractCase } from '../../lib/testing/contract-case.js';
import { versionedStoreContract } from '../../lib/testing/versioned-store-contract.js';
import type { MakeVersionedStoreHarness, VersionedStoreHarness } from '../../lib/testing/versioned-store-harness.js';
import { extent } from '../support/extent.js';
import { type ReachStore, redisStoreWays, storeContext, untilItAnswers } from '../support/redis-stores.js';
import { tagScripts } from '../../lib/stores/redis/tag-scripts.js';
import { scriptMutants, tagScriptMutants } from './redis-script-mutants.js';
import { histories, MISTAKEN_PATIENCE_MS, MOST_AT_ONCE, noticing, ofSeed, testsOf } from './support/contract-tests.js';

vi.setConfig({ maxConcurrency: MOST_AT_ONCE });

const bystander = createClient({ url: inject('redisUrl') });

beforeAll(async () => {
  await bystander.connect();
});
afterAll(() => {
  bystander.destroy();
});

const open = (namespace: string, { scripts = stateScripts, tags = tagScripts } = {}): RedisVersionedStore =>
  new RedisVersionedStore({
    client: adoptRedisClient(bystander),
    namespace,
    report: () => undefined,
    scripts,
    tagScripts: tags,
  });

function harness(reach: ReachStore, patienceMs?: number): MakeVersionedStoreHarness {
  return async (): Promise<VersionedStoreHarness> => {
    const namespace = `test-${randomUUID()}`;
    const reached = await reach(inject('redisUrl'), storeContext(namespace));
    const neighbour = open(`${namespace}-neighbour`);
    await untilItAnswers(reached.store);
    return {
      store: reached.store,
      neighbour,
      ...(patienceMs !== undefined && { patienceMs }),
      evict: async (key) => {
        await bystander.del(`${namespace}:cache:1:${key}`);
      },
      dispose: async () => {
        await Promise.all([reached.store.clear().catch(() => undefined), neighbour.clear()]);
        await Promise.all([reached.close(), neighbour.close()]);
      },
    };
  };
}

const withScripts =
  (parts: Parameters<typeof open>[1] = {}): ReachStore =>
  (_url, { namespace }) => {
    const store = open(namespace, parts);
    return Promise.resolve({ store, close: () => store.close() });
  };

for (const [name, reach] of Object.entries(redisStoreWays)) {
  describe.concurrent(`the versioned store on Redis, reached by ${name}${ofSeed}`, () => {
    // The scripts are the same, whichever client sends them: most histories by one way, and by the
    // others enough of them to find a client that garbles.
    const some = name === 'redisStore({ url })' ? histories(500, 10_000) : histories(60, 1_000);
    testsOf(versionedStoreContract(harness(reach), some));
  });
}

describe.concurrent('the contract suite', () => {
  const suiteOf = (parts?: Parameters<typeof open>[1], patienceMs?: number): ContractCase[] =>
    versionedStoreContract(harness(withScripts(parts), patienceMs), { histories: extent(20, 200) });

  // What fails below fails by the mutation, and not because the server is away.
  describe.concurrent('passes for the scripts as they are', () => {
    testsOf(suiteOf());
  });

  it.each(Object.entries(scriptMutants))(
    'fails for scripts with %s',
    { timeout: 300_000 },
    async (_name, { scripts, noticedBy }) => {
      expect(await noticing(suiteOf({ scripts }, MISTAKEN_PATIENCE_MS), [noticedBy])).toContain(noticedBy);
    },
  );

  it.each(Object.entries(tagScriptMutants))(
    'fails for tags with %s',
    { timeout: 300_000 },
    async (_name, { scripts, noticedBy }) => {
      expect(await noticing(suiteOf({ tags: scripts }, MISTAKEN_PATIENCE_MS), [noticedBy])).toContain(noticedBy);
    },
  );
});
