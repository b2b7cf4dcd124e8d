import { randomUUID } from 'node:crypto';
import { Cluster as IoredisCluster, Redis } from 'ioredis';
import { Cluster as IoredisClusterV6 } from 'ioredis-v6';
import { createCluster as createV6 } from 'redis';
import { createCluster as createV4 } from 'redis-v4';
import { createCluster as createV5 } from 'redis-v5';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { adoptRedisClient } from '../../../lib/redis-client/adopt-redis-client.js';
import { redisScript } from '../../../lib/redis-client/redis-script.js';
import { RedisVersionedStore } from '../../../lib/stores/redis/redis-versioned-store.js';
import { type OwnRedis, startRedis } from '../../../servers/index.js';

const publish = redisScript(`return redis.call('PUBLISH', ARGV[1], ARGV[2])`);

let servers: OwnRedis[] = [];
let admins: Redis[] = [];

beforeAll(async () => {
  servers = await Promise.all(
    [0, 1, 2].map(() => startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'] })),
  );
  admins = servers.map(({ port }) => new Redis(port));
  const bounds = [0, 5_461, 10_923, 16_384];
  for (const [n, admin] of admins.entries()) {
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', String(bounds[n]), String((bounds[n + 1] ?? 0) - 1));
    if (n > 0) await admin.call('CLUSTER', 'MEET', '127.0.0.1', String(servers[0]?.port));
  }
  await vi.waitFor(
    async () => {
      for (const admin of admins)
        expect(await admin.call('CLUSTER', 'INFO')).toMatch(/cluster_state:ok[^]*cluster_known_nodes:3/);
    },
    { timeout: 60_000, interval: 100 },
  );
});

afterAll(async () => {
  for (const admin of admins) admin.disconnect();
  for (const server of servers) await server.stop();
});

interface MadeCluster {
  readonly client: unknown;
  close(): unknown;
}

const rootNodes = (): { url: string }[] => servers.map(({ url }) => ({ url }));

const kinds: Record<string, () => Promise<MadeCluster>> = {
  'node-redis 4': async () => {
    const client = createV4({ rootNodes: rootNodes() });
    await client.connect();
    return { client, close: () => client.disconnect() };
  },
  'node-redis 5': async () => {
    const client = createV5({ rootNodes: rootNodes() });
    await client.connect();
    return { client, close: () => client.destroy() };
  },
  'node-redis 6': async () => {
    const client = createV6({ rootNodes: rootNodes() });
    await client.connect();
    return { client, close: () => client.destroy() };
  },
  'ioredis 5': () => {
    const client = new IoredisCluster(servers.map(({ port }) => ({ host: '127.0.0.1', port })));
    return Promise.resolve({ client, close: () => client.disconnect() });
  },
  'ioredis 6': () => {
    const client = new IoredisClusterV6(servers.map(({ port }) => ({ host: '127.0.0.1', port })));
    return Promise.resolve({ client, close: () => client.disconnect() });
  },
};

describe.each(Object.entries(kinds))('a Redis cluster by %s', (_name, make) => {
  it('runs scripts where the key is, clears every primary and hears messages', async () => {
    const made = await make();
    const client = adoptRedisClient(made.client);
    const namespace = `test-${randomUUID()}`;
    const store = new RedisVersionedStore({ client, namespace, report: () => undefined });
    const stranger = new RedisVersionedStore({ client, namespace: `${namespace}x`, report: () => undefined });
    try {
      const keys = Array.from({ length: 60 }, (_, n) => `k${n}`);
      await Promise.all(keys.map((key) => store.invalidate(key, { floorMs: 60_000 })));
      await stranger.invalidate('k', { floorMs: 60_000 });
      const counted = await Promise.all(admins.map(async (admin) => (await admin.keys(`${namespace}:*`)).length));
      expect(Math.min(...counted)).toBeGreaterThan(0);
      expect(counted.reduce((sum, count) => sum + count)).toBe(60);
      await store.clear();
      const left = await Promise.all(admins.map(async (admin) => (await admin.keys(`${namespace}*`)).length));
      expect(left.reduce((sum, count) => sum + count)).toBe(1);
      const heard: string[] = [];
      const unsubscribe = await client.subscribe(namespace, (message) => heard.push(message));
      await client.run(publish, namespace, [namespace, 'eins']);
      await vi.waitFor(() => expect(heard).toEqual(['eins']));
      await unsubscribe();
      await stranger.clear();
    } finally {
      await client.close();
      await made.close();
    }
  });
});
