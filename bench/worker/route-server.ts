// A Nest application in a process of its own, whose routes give the same 2 KB in four ways.
import 'reflect-metadata';
import { CacheInterceptor, CacheModule, CacheTTL } from '@nestjs/cache-manager';
import { Controller, Get, Inject, Module, UseInterceptors, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { createKeyv } from '@keyv/redis';
import { LockedCacheable } from 'nestjs-distributed-cache';
import { createClient } from 'redis';
import type { AddressInfo } from 'node:net';
import { cacheModule } from '../application.js';
import { PLAIN_VALUE } from '../sample-values.js';
import { serve, settings } from './serve.js';

export interface RouteServerSettings {
  readonly adapter: 'express' | 'fastify';
  readonly namespace: string;
  readonly redisUrl: string;
}

const given = settings() as RouteServerSettings;
const client = createClient({ url: given.redisUrl });
client.on('error', () => undefined);
await client.connect();
const bareKey = `${given.namespace}:bare`;
await client.set(bareKey, JSON.stringify(PLAIN_VALUE));

const CLIENT = Symbol('client');

@Controller()
class Routes {
  constructor(@Inject(CLIENT) private readonly redis: typeof client) {}

  @Get('constant/:id')
  constant(): object {
    return PLAIN_VALUE;
  }

  @Get('bare/:id')
  async bare(): Promise<unknown> {
    return JSON.parse((await this.redis.get(bareKey)) ?? '');
  }

  @Get('library/:id')
  @LockedCacheable({ key: ({ params }) => ['page', params['id']] })
  library(): object {
    return PLAIN_VALUE;
  }

  @Get('stock/:id')
  @UseInterceptors(CacheInterceptor)
  @CacheTTL(3_600_000)
  stock(): object {
    return PLAIN_VALUE;
  }
}

@Module({
  imports: [
    CacheModule.register({ stores: [createKeyv(given.redisUrl)] }),
    cacheModule({ namespace: given.namespace, redisUrl: given.redisUrl, lock: 'none' }),
  ],
  controllers: [Routes],
  providers: [{ provide: CLIENT, useValue: client }],
})
class RouteModule {}

const app: INestApplication =
  given.adapter === 'fastify'
    ? await NestFactory.create(RouteModule, new FastifyAdapter(), { logger: false })
    : await NestFactory.create(RouteModule, { logger: false });
await app.listen(0, '127.0.0.1');

serve({
  port: () => (app.getHttpServer() as { address(): AddressInfo }).address().port,
  close: async () => {
    await app.close();
    await client.close();
  },
});
