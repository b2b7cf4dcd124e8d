import 'reflect-metadata';
import { Module, type DynamicModule, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  DistributedCacheModule,
  DistributedCacheService,
  type DistributedCacheOptions,
} from 'nestjs-distributed-cache';
import { redisLock, redisStore } from 'nestjs-distributed-cache/redis';
import { zooKeeperLock } from 'nestjs-distributed-cache/zookeeper';
import { CuratorLock } from './yardsticks/curator-lock.js';
import { NoLock } from './yardsticks/no-lock.js';

/** Which lock an application of the benchmark takes. `none` and `curator` are yardsticks. */
export type LockName = 'zookeeper' | 'redis' | 'none' | 'curator';

export interface ApplicationSettings {
  readonly namespace: string;
  readonly redisUrl: string;
  readonly zooKeeperConnect?: string;
  readonly lock: LockName;
}

/** So long that the client's own pings, which the server counts as reads, stay out of what is measured. */
const SESSION_TIMEOUT_MS = 40_000;
/** Deadlines that a loaded machine does not meet: what happens then is no part of the benchmark. */
const PATIENCE = { storeTimeoutMs: 30_000, lockTimeoutMs: 30_000, loadTimeoutMs: 90_000, floorMs: 120_000 };

function lockOf({
  lock,
  redisUrl,
  zooKeeperConnect = '',
}: ApplicationSettings): NonNullable<DistributedCacheOptions['lock']> {
  switch (lock) {
    case 'zookeeper':
      return zooKeeperLock({ connectString: zooKeeperConnect, sessionTimeoutMs: SESSION_TIMEOUT_MS });
    case 'redis':
      return redisLock({ url: redisUrl });
    case 'curator':
      return { description: lock, createLockProvider: () => new CuratorLock(zooKeeperConnect) };
    case 'none':
      return { description: lock, createLockProvider: () => new NoLock() };
  }
}

/** The module as an application imports it, its values fresh for as long as the benchmark runs. */
export function cacheModule(settings: ApplicationSettings, more: DistributedCacheOptions = {}): DynamicModule {
  return DistributedCacheModule.forRoot({
    namespace: settings.namespace,
    store: redisStore({ url: settings.redisUrl }),
    lock: lockOf(settings),
    ttlMs: 3_600_000,
    log: false,
    ...PATIENCE,
    ...more,
  });
}

@Module({})
class BenchModule {}

export interface BenchApplication {
  readonly cache: DistributedCacheService;
  close(): Promise<void>;
}

/** A Nest application without a web server, as a worker or a queue consumer is one. */
export async function openApplication(
  settings: ApplicationSettings,
  more: DistributedCacheOptions = {},
): Promise<BenchApplication> {
  const context: INestApplicationContext = await NestFactory.createApplicationContext(
    { module: BenchModule, imports: [cacheModule(settings, more)] },
    { logger: false },
  );
  return { cache: context.get(DistributedCacheService), close: () => context.close() };
}
