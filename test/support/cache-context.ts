import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { DistributedCacheModule } from '../../lib/distributed-cache.module.js';
import { DistributedCacheService } from '../../lib/distributed-cache.service.js';
import type { CacheEvent } from '../../lib/core/cache-event.js';
import { inProcessLock } from '../../lib/locks/in-process-lock.js';
import { redisStore } from '../../lib/stores/redis/redis-store.js';
import { PATIENT_CALLS } from './patient.js';

export interface CacheContext {
  readonly cache: DistributedCacheService;
  readonly events: CacheEvent[];
  close(): Promise<void>;
}

class ContextModule {}

/** A cache of its own on Redis, by the public way in, with deadlines that a loaded machine does not meet by accident. */
export async function openCacheContext(redisUrl: string): Promise<CacheContext> {
  const events: CacheEvent[] = [];
  const options = {
    namespace: `context-${randomUUID()}`,
    store: redisStore({ url: redisUrl }),
    lock: inProcessLock(),
    observers: [{ observe: (event: CacheEvent) => void events.push(event) }],
    log: false,
    ...PATIENT_CALLS,
  };
  const context = await NestFactory.createApplicationContext(
    { module: ContextModule, imports: [DistributedCacheModule.forRoot(options)] },
    { logger: false },
  );
  return { cache: context.get(DistributedCacheService), events, close: () => context.close() };
}
