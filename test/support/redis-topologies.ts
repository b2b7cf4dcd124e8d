import * as ioredis5 from 'ioredis';
import * as ioredis6 from 'ioredis-v6';
import * as nodeRedis6 from 'redis';
import * as nodeRedis4 from 'redis-v4';
import * as nodeRedis5 from 'redis-v5';
import { documentedSource, type Endpoints, type Family, type Topology } from './documented-clients.js';
import { runSample } from './process/documented-client.mjs';
import type { ApplicationClient } from './redis-clients.js';

interface Closable {
  destroy?(): unknown;
  disconnect(): unknown;
}

export type MakeTopologyClient = (endpoints: Endpoints) => Promise<ApplicationClient>;

/** As the documentation says, by one version of a package. */
function documented(topology: Topology, family: Family, packageExports: unknown): MakeTopologyClient {
  return async (endpoints) => {
    const name = family === 'ioredis' ? 'ioredis' : 'redis';
    const source = documentedSource(topology, family, endpoints);
    const client = (await runSample(source, { [name]: packageExports })) as Closable;
    return { client, close: () => void closed(client).catch(() => undefined) };
  };
}

async function closed(client: Closable): Promise<void> {
  await (client.destroy ? client.destroy() : client.disconnect());
}

/** Every kind of client for a Redis Cluster that `redisStore({ client })` takes, by its name. */
export const clusterClients: Readonly<Record<string, MakeTopologyClient>> = {
  'node-redis 4': documented('Cluster', 'node-redis', nodeRedis4),
  'node-redis 5': documented('Cluster', 'node-redis', nodeRedis5),
  'node-redis 6': documented('Cluster', 'node-redis', nodeRedis6),
  'ioredis 5': documented('Cluster', 'ioredis', ioredis5),
  'ioredis 6': documented('Cluster', 'ioredis', ioredis6),
};

/** The same for a Redis behind Sentinels, whose master they call `cache`. node-redis 4 has no client for these. */
export const sentinelClients: Readonly<Record<string, MakeTopologyClient>> = {
  'node-redis 5': documented('Sentinel', 'node-redis', nodeRedis5),
  'node-redis 6': documented('Sentinel', 'node-redis', nodeRedis6),
  'ioredis 5': documented('Sentinel', 'ioredis', ioredis5),
  'ioredis 6': documented('Sentinel', 'ioredis', ioredis6),
};
