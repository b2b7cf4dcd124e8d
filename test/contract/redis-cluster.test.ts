import { Cluster } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedisCluster, type OwnRedisCluster } from '../../servers/index.js';
import { clusterClients } from '../support/redis-topologies.js';
import { ClientPool, complaintsOf, lockCases, storeCases, type RedisOperator } from './support/redis-contracts.js';

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

// Most cases wait for something, so all clients go through theirs at the same time.
for (const [name, make] of Object.entries(clusterClients)) {
  describe.concurrent(`on a Redis Cluster, by ${name}`, () => {
    const clients = new ClientPool(() => make(cluster.endpoints));
    afterAll(() => clients.close());

    it('the versioned store keeps its contract', { timeout: 300_000 }, async () => {
      expect(await complaintsOf(storeCases(clients, operator))).toEqual([]);
    });

    it('the Redis lock keeps its contract', { timeout: 300_000 }, async () => {
      expect(await complaintsOf(lockCases(clients, operator))).toEqual([]);
    });
  });
}
