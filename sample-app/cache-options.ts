import { inProcessLock, memoryStore, type DistributedCacheOptions } from 'nestjs-distributed-cache';
import { redisLock, redisStore } from 'nestjs-distributed-cache/redis';
import { zooKeeperLock } from 'nestjs-distributed-cache/zookeeper';
import { randomUUID } from 'node:crypto';
import type { SampleAppConfig } from './config.js';

type Choice = Pick<DistributedCacheOptions, 'lock' | 'store'>;

/** Which store and which lock: those of the servers that the configuration names, else those of this process. */
export function cacheOptions(config: SampleAppConfig): DistributedCacheOptions {
  return { ...chooseServers(config), namespace: chooseNamespace(config) };
}

function chooseServers({ redisUrl, zooKeeperConnect }: SampleAppConfig): Choice {
  const zooKeeper = zooKeeperConnect === undefined ? undefined : zooKeeperLock({ connectString: zooKeeperConnect });
  if (redisUrl === undefined) return { store: memoryStore(), lock: zooKeeper ?? inProcessLock() };
  return { store: redisStore({ url: redisUrl }), lock: zooKeeper ?? redisLock({ url: redisUrl }) };
}

// An embedded database begins anew with every process; its rows must not meet, in a Redis that outlives it, those of another.
function chooseNamespace({ databaseUrl }: SampleAppConfig): string {
  return databaseUrl === undefined ? `sample-app-${randomUUID()}` : 'sample-app';
}
