import { Redis as Ioredis, Cluster as IoredisCluster } from 'ioredis';
import { Redis as IoredisV6 } from 'ioredis-v6';
import { createClient, createClientPool, createCluster, createSentinel } from 'redis';
import { createClient as createV4, createCluster as createClusterV4 } from 'redis-v4';
import {
  createClient as createV5,
  createCluster as createClusterV5,
  createSentinel as createSentinelV5,
} from 'redis-v5';
import { describe, expect, it } from 'vitest';
import { InvalidOptionsError } from '../../../lib/core/errors.js';
import { adoptRedisClient } from '../../../lib/redis-client/adopt-redis-client.js';
import { openRedisClient } from '../../../lib/redis-client/open-redis-client.js';

const nodes = { rootNodes: [{ url: 'redis://127.0.0.1:1' }] };
const sentinel = { name: 'main', sentinelRootNodes: [{ host: '127.0.0.1', port: 1 }] };

describe('adoptRedisClient', () => {
  it.each<[string, string, () => unknown]>([
    ['node-redis 4', 'node-redis', () => createV4()],
    ['node-redis 5', 'node-redis', () => createV5()],
    ['node-redis 6', 'node-redis', () => createClient()],
    ['node-redis 4 cluster', 'node-redis cluster', () => createClusterV4(nodes)],
    ['node-redis 5 cluster', 'node-redis cluster', () => createClusterV5(nodes)],
    ['node-redis 6 cluster', 'node-redis cluster', () => createCluster(nodes)],
    ['node-redis 5 sentinel', 'node-redis sentinel', () => createSentinelV5(sentinel)],
    ['node-redis 6 sentinel', 'node-redis sentinel', () => createSentinel(sentinel)],
    ['node-redis 6 pool', 'node-redis pool', () => createClientPool()],
    ['ioredis 5', 'ioredis', () => new Ioredis({ lazyConnect: true })],
    ['ioredis 6', 'ioredis', () => new IoredisV6({ lazyConnect: true })],
    [
      'ioredis cluster',
      'ioredis cluster',
      () => new IoredisCluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true }),
    ],
  ])('knows %s', (_name, description, make) => {
    const client = adoptRedisClient(make());
    expect(client.description).toBe(description);
    return client.close();
  });

  it.each<[unknown, RegExp]>([
    [undefined, /got undefined/],
    [null, /got null/],
    ['redis://h', /write `redisStore\({ url }\)`/],
    [Ioredis, /Give an instance/],
    [Promise.resolve(), /got a promise.*Await it/],
    [{ evalsha: () => undefined, send_command: () => undefined }, /node-redis 3/],
    [new Map(), /class Map/],
  ])('refuses %s', (client, message) => {
    expect(() => adoptRedisClient(client)).toThrow(InvalidOptionsError);
    expect(() => adoptRedisClient(client)).toThrow(message);
  });

  it('guards a client once, however many use it, and takes the guard away with the last', async () => {
    const client = createV4();
    const before = client.listenerCount('error');
    const [first, second] = [adoptRedisClient(client), adoptRedisClient(client)];
    expect(client.listenerCount('error')).toBe(before + 1);
    await first.close();
    await first.close();
    expect(client.listenerCount('error')).toBe(before + 1);
    await second.close();
    expect(client.listenerCount('error')).toBe(before);
  });
});

describe('openRedisClient', () => {
  it('names what to install when no client is', async () => {
    const nothing = (): Promise<unknown> => Promise.resolve(undefined);
    await expect(openRedisClient('redis://h', nothing)).rejects.toThrow(/npm install redis/);
    await expect(openRedisClient('redis://h', nothing)).rejects.toThrow(InvalidOptionsError);
  });

  it('lets the error of a broken installation through', async () => {
    await expect(openRedisClient('redis://h', () => Promise.reject(new Error('torn')))).rejects.toThrow('torn');
  });
});
