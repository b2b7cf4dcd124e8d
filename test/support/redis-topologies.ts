import { Cluster as IoredisCluster, Redis as Ioredis } from 'ioredis';
import { Cluster as IoredisV6Cluster, Redis as IoredisV6 } from 'ioredis-v6';
import { createCluster as createV6Cluster, createSentinel as createV6Sentinel } from 'redis';
import { createCluster as createV4Cluster } from 'redis-v4';
import { createCluster as createV5Cluster, createSentinel as createV5Sentinel } from 'redis-v5';
import type { ApplicationClient } from './redis-clients.js';

export type Endpoints = readonly { readonly host: string; readonly port: number }[];

const reconnectStrategy = (attempts: number): number => Math.min(50 * 2 ** attempts, 1_000);
const socket = { connectTimeout: 2_000, reconnectStrategy };
/** The settings of docs/redis-in-production.md. */
const nodeRedisNode = { disableOfflineQueue: true, socket };
const ioredisNode = { connectTimeout: 2_000, autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 };

const silent = (): void => undefined;
const rootNodes = (endpoints: Endpoints): { socket: { host: string; port: number } }[] =>
  endpoints.map(({ host, port }) => ({ socket: { host, port } }));

/** Every kind of client for a Redis Cluster that `redisStore({ client })` takes, as an application makes it, connected. */
export const clusterClients: Readonly<Record<string, (endpoints: Endpoints) => Promise<ApplicationClient>>> = {
  'node-redis 4': async (endpoints) => {
    const client = createV4Cluster({ rootNodes: rootNodes(endpoints), defaults: nodeRedisNode });
    client.on('error', silent);
    await client.connect();
    return { client, close: () => void client.disconnect().catch(silent) };
  },
  'node-redis 5': async (endpoints) => {
    const client = createV5Cluster({ rootNodes: rootNodes(endpoints), defaults: nodeRedisNode });
    client.on('error', silent);
    await client.connect();
    return { client, close: () => client.destroy() };
  },
  'node-redis 6': async (endpoints) => {
    const client = createV6Cluster({
      rootNodes: rootNodes(endpoints),
      defaults: nodeRedisNode,
      topologyRefreshOnReconnectionAttemptStrategy: 500,
    });
    client.on('error', silent);
    await client.connect();
    return { client, close: () => client.destroy() };
  },
  'ioredis 5': async (endpoints) => {
    const client = new IoredisCluster([...endpoints], {
      enableOfflineQueue: false,
      lazyConnect: true,
      redisOptions: ioredisNode,
      clusterRetryStrategy: reconnectStrategy,
    });
    client.on('error', silent);
    await client.connect();
    return { client, close: () => client.disconnect() };
  },
  'ioredis 6': async (endpoints) => {
    const client = new IoredisV6Cluster([...endpoints], {
      enableOfflineQueue: false,
      lazyConnect: true,
      redisOptions: ioredisNode,
      clusterRetryStrategy: reconnectStrategy,
    });
    client.on('error', silent);
    await client.connect();
    return { client, close: () => client.disconnect() };
  },
};

/** The same for a Redis behind Sentinels. node-redis 4 has no client for these. */
export const sentinelClients: Readonly<
  Record<string, (name: string, endpoints: Endpoints) => Promise<ApplicationClient>>
> = {
  'node-redis 5': async (name, endpoints) => {
    const client = createV5Sentinel({ name, sentinelRootNodes: [...endpoints], nodeClientOptions: nodeRedisNode });
    client.on('error', silent);
    await client.connect();
    return { client, close: () => void client.destroy().catch(silent) };
  },
  'node-redis 6': async (name, endpoints) => {
    const client = createV6Sentinel({ name, sentinelRootNodes: [...endpoints], nodeClientOptions: nodeRedisNode });
    client.on('error', silent);
    await client.connect();
    return { client, close: () => void client.destroy().catch(silent) };
  },
  'ioredis 5': async (name, endpoints) => {
    const client = new Ioredis({
      name,
      sentinels: [...endpoints],
      enableOfflineQueue: false,
      lazyConnect: true,
      retryStrategy: reconnectStrategy,
      ...ioredisNode,
    });
    client.on('error', silent);
    await client.connect();
    return { client, close: () => client.disconnect() };
  },
  'ioredis 6': async (name, endpoints) => {
    const client = new IoredisV6({
      name,
      sentinels: [...endpoints],
      enableOfflineQueue: false,
      lazyConnect: true,
      retryStrategy: reconnectStrategy,
      ...ioredisNode,
    });
    client.on('error', silent);
    await client.connect();
    return { client, close: () => client.disconnect() };
  },
};
