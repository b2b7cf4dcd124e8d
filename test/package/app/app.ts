import 'reflect-metadata';
import { Controller, Get, Module, Param, type DynamicModule, type INestApplication, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  DistributedCacheModule,
  LockedCacheable,
  inProcessLock,
  memoryStore,
  type DistributedCacheOptions,
} from 'nestjs-distributed-cache';
import { redisLock, redisStore } from 'nestjs-distributed-cache/redis';
import { zooKeeperLock } from 'nestjs-distributed-cache/zookeeper';

/** A class of the application's own, so that a hit must be rebuilt. */
class Row {
  id = '';
  loadedBy = 0;
  at = new Date(0);
}

let loads = 0;

@Controller('rows')
class RowsController {
  @Get(':id')
  @LockedCacheable({ key: ({ params }) => ['row', params['id']], entity: Row })
  async findOne(@Param('id') id: string): Promise<Row> {
    loads += 1;
    // As slow as a query that is worth a cache, so that requests sent together meet here.
    await new Promise((resolve) => setTimeout(resolve, 300));
    return Object.assign(new Row(), { id, loadedBy: process.pid, at: new Date() });
  }

  @Get()
  stats(): { loads: number } {
    return { loads };
  }
}

const { LOCK, STORE, PLATFORM, REDIS_URL = '', ZOOKEEPER_CONNECT = '', NAMESPACE = '' } = process.env;

function lock(): NonNullable<DistributedCacheOptions['lock']> {
  if (LOCK === 'redisLock') return redisLock({ url: REDIS_URL });
  return LOCK === 'inProcessLock' ? inProcessLock() : zooKeeperLock({ connectString: ZOOKEEPER_CONNECT });
}

/** Left out, it is the application's cache. */
function store(): Pick<DistributedCacheOptions, 'store'> {
  if (STORE === 'cacheManagerStore') return {};
  return { store: STORE === 'redisStore' ? redisStore({ url: REDIS_URL }) : memoryStore() };
}

async function create(module: Type): Promise<INestApplication> {
  if (PLATFORM !== 'fastify') return NestFactory.create(module, { forceCloseConnections: true });
  const { FastifyAdapter } = await import('@nestjs/platform-fastify');
  return NestFactory.create(module, new FastifyAdapter(), { forceCloseConnections: true });
}

/** Starts on a free port, and prints its address on a line of its own. */
export async function start(imports: DynamicModule[] = []): Promise<void> {
  class AppModule {}
  Module({
    imports: [...imports, DistributedCacheModule.forRoot({ namespace: NAMESPACE, lock: lock(), ...store() })],
    controllers: [RowsController],
  })(AppModule);
  const app = await create(AppModule);
  app.enableShutdownHooks();
  await app.listen(0, '127.0.0.1');
  process.stdout.write(`listens on ${await app.getUrl()}\n`);
}
