import { inProcessLock, memoryStore, type DistributedCacheOptions } from 'nestjs-distributed-cache';
import { redisLock, redisStore } from 'nestjs-distributed-cache/redis';
import { zooKeeperLock } from 'nestjs-distributed-cache/zookeeper';
import type { SampleAppConfig } from './config.js';

type Choice = Pick<DistributedCacheOptions, 'lock' | 'store'>;

/** Which store and which lock: those of the servers that the configuration names, else those of this process. */
export function cacheOptions(config: SampleAppConfig): DistributedCacheOptions {
  const ofThisProcess = { store: memoryStore(), lock: inProcessLock() };
  const choice = config.cacheMode === 'distributed' ? chooseServers(config) : ofThisProcess;
  const { maxConcurrentLoads } = config;
  return {
    ...choice,
    namespace: config.namespace,
    enabled: config.cacheMode !== 'off',
    ...(maxConcurrentLoads === undefined ? {} : { maxConcurrentLoads }),
  };
}

function chooseServers({ redisUrl, zooKeeperConnect }: SampleAppConfig): Choice {
  const zooKeeper = zooKeeperConnect === undefined ? undefined : zooKeeperLock({ connectString: zooKeeperConnect });
  if (redisUrl === undefined) return { store: memoryStore(), lock: zooKeeper ?? inProcessLock() };
  return { store: redisStore({ url: redisUrl }), lock: zooKeeper ?? redisLock({ url: redisUrl }) };
}
