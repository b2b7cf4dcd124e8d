import { Cluster } from 'ioredis';
import { afterAll, beforeAll, describe, vi } from 'vitest';
import { startRedisCluster, type OwnRedisCluster } from '../../servers/index.js';
import { clusterClients } from '../support/redis-topologies.js';
import { MOST_AT_ONCE, ofSeed, testsInTurnOf } from './support/contract-tests.js';
import { ClientPool, lockCases, storeCases, type RedisOperator } from './support/redis-contracts.js';

vi.setConfig({ maxConcurrency: MOST_AT_ONCE });

let cluster: OwnRedisCluster;
let admin: Cluster;

beforeAll(async () => {
  cluster = await startRedisCluster();
  admin = new Cluster([...cluster.endpoints]);
  await admin.ping();
});

afterAll(async () => {
  admin.disconnect();
  await cluster.stop();
});

const operator = (): RedisOperator => ({
  del: (key) => admin.del(key),
  keys: async (pattern) => (await Promise.all(admin.nodes('master').map((node) => node.keys(pattern)))).flat(),
  hexists: (key, field) => admin.hexists(key, field),
});

for (const [name, make] of Object.entries(clusterClients)) {
  describe.concurrent(`on a Redis Cluster, by ${name}${ofSeed}`, () => {
    const clients = new ClientPool(() => make(cluster.endpoints));
    // One for the store, two for holder and waiter.
    beforeAll(() => clients.fill(3));
    afterAll(() => clients.close());

    describe.concurrent('the versioned store', () => {
      testsInTurnOf(storeCases(clients, operator));
    });

    describe.concurrent('the Redis lock', () => {
      testsInTurnOf(lockCases(clients, operator));
    });
  });
}
