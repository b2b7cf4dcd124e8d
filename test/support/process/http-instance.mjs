// An instance of a Nest application that answers requests and ends on SIGTERM, in a process of its own. It runs what was built, by the package's own name.
import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, Inject, Module, Param } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DistributedCacheModule, DistributedCacheService } from 'nestjs-distributed-cache';
import { redisLock, redisStore } from 'nestjs-distributed-cache/redis';
import { zooKeeperLock } from 'nestjs-distributed-cache/zookeeper';

const { namespace, redisUrl, zooKeeperConnect, loadMs, drains, consumes, options } = JSON.parse(process.argv[2]);
/** It drains until it has loaded so often: a time might pass while the machine stands still. */
const LATE_LOADS = 20;

const decorate = (target, name, ...decorators) => {
  const descriptor = name && Object.getOwnPropertyDescriptor(target, name);
  for (const each of decorators) each(target, name, descriptor);
};
let ending = false;
/** Loads since the process was told to end, and what is called at each of them. */
let lateLoads = 0;
let onLateLoad = () => undefined;
/** Requests that have begun to be answered, and are not. */
let open = 0;

class ItemsController {
  constructor(cache) {
    this.cache = cache;
  }
  /** Tells whether it was loaded after the process was told to end. */
  item(id) {
    const load = async () => {
      await sleep(loadMs);
      if (ending) onLateLoad(++lateLoads);
      return { id, afterTheSignal: ending };
    };
    return this.cache.getOrLoad(['item', id], load, { ttlMs: 200 });
  }
}
Inject(DistributedCacheService)(ItemsController, undefined, 0);
Param('id')(ItemsController.prototype, 'item', 0);
decorate(ItemsController.prototype, 'item', Get('items/:id'));
Controller()(ItemsController);

/** Loads for nobody's request, and far longer than the process will live. */
class Consumer {
  constructor(cache) {
    this.cache = cache;
  }
  onApplicationBootstrap() {
    if (!consumes) return;
    const load = ({ signal }) => sleep(600_000, undefined, { signal });
    this.cache
      .getOrLoad(['consumed'], load, { loadTimeoutMs: 80_000 })
      .catch(({ code }) => process.send({ event: code }));
  }
}
Inject(DistributedCacheService)(Consumer, undefined, 0);

/** As an application does that waits for its load balancer: requests still come after `onModuleDestroy`. */
class Drain {
  onModuleDestroy() {
    ending = true;
    process.send({ event: 'ending' });
  }
  async beforeApplicationShutdown() {
    if (!drains) return;
    await new Promise((resolve) => {
      onLateLoad = (count) => count >= LATE_LOADS && resolve();
    });
  }
  onApplicationShutdown() {
    if (open > 0) process.send({ event: `${open} cut off` });
  }
}

class HttpModule {}
Module({
  controllers: [ItemsController],
  providers: [Drain, Consumer],
  imports: [
    DistributedCacheModule.forRoot({
      namespace,
      store: redisStore({ url: redisUrl }),
      // A session that is not closed would keep its nodes far longer than the test looks.
      lock:
        zooKeeperConnect === undefined
          ? redisLock({ url: redisUrl, ttlMs: 60_000 })
          : zooKeeperLock({ connectString: zooKeeperConnect, sessionTimeoutMs: 30_000 }),
      storeTimeoutMs: 30_000,
      lockTimeoutMs: 30_000,
      floorMs: 120_000,
      log: false,
      ...options,
      observers: [{ observe: ({ type }) => type.endsWith('unavailable') && process.send?.({ event: type }) }],
    }),
  ],
})(HttpModule);

process.on('unhandledRejection', (error) => {
  process.send({ unhandled: String(error) });
});
const app = await NestFactory.create(HttpModule, { logger: false });
app.use((_request, response, next) => {
  open++;
  response.once('finish', () => open--);
  next();
});
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
process.send({ event: 'ready', key: String(app.getHttpServer().address().port) });
