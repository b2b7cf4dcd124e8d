import {
  CacheObserver,
  DistributedCacheModule,
  type DistributedCacheService,
  inProcessLock,
  LockedCacheable,
  memoryStore,
  type CacheableRequest,
  type CacheAnswer,
  type CacheCounts,
  type CacheEvent,
  type CacheHealth,
  type DistributedCacheOptions,
  type Version,
} from 'nestjs-distributed-cache';
import { openTelemetry } from 'nestjs-distributed-cache/opentelemetry';
import { redisLock, redisStore } from 'nestjs-distributed-cache/redis';
import type { DistributedCacheHealthIndicator } from 'nestjs-distributed-cache/terminus';
import type { EntityCacheSubscriber } from 'nestjs-distributed-cache/typeorm';
import { entityKeys, type TagChange } from 'nestjs-distributed-cache/typeorm';
import { zooKeeperLock } from 'nestjs-distributed-cache/zookeeper';
import type { DynamicModule } from '@nestjs/common';
import type { HealthCheckService, HealthIndicatorResult } from '@nestjs/terminus';
import { metrics, trace } from '@opentelemetry/api';
import type { DataSource, EntityManager, EntityMetadata, EntitySubscriberInterface } from 'typeorm';
import { describe, expectTypeOf, it } from 'vitest';

class Product {
  private constructor(readonly id: number) {}
  version = 1;
}

declare const cache: DistributedCacheService;
declare const dataSource: DataSource;
declare const manager: EntityManager;

describe('the module', () => {
  it('takes every kind of lock and store, a real DataSource, and nothing at all', () => {
    expectTypeOf(DistributedCacheModule.forRoot()).toEqualTypeOf<DynamicModule>();
    DistributedCacheModule.forRoot({
      namespace: 'shop',
      lock: zooKeeperLock({ connectString: '127.0.0.1:2181' }),
      store: redisStore({ url: 'redis://127.0.0.1:6379' }),
      ttlMs: 60_000,
      dataSources: [dataSource],
      share: 'frozen',
      isGlobal: false,
    });
    DistributedCacheModule.forRoot({
      lock: redisLock({ url: 'redis://127.0.0.1:6379' }),
      store: memoryStore(),
      observers: [{ observe: (event) => event.type }],
    });
    DistributedCacheModule.forRootAsync({
      useFactory: (): DistributedCacheOptions => ({ lock: inProcessLock() }),
      isGlobal: true,
    });
  });

  it('refuses what it does not know', () => {
    // @ts-expect-error a duration says its unit
    DistributedCacheModule.forRoot({ ttl: 60 });
    // @ts-expect-error a number of milliseconds
    DistributedCacheModule.forRoot({ ttlMs: '60s' });
    // @ts-expect-error one of three words
    DistributedCacheModule.forRoot({ onWaitTimeout: 'retry' });
    // @ts-expect-error one of two words
    DistributedCacheModule.forRoot({ share: true });
    // @ts-expect-error an url is not a store
    DistributedCacheModule.forRoot({ store: 'redis://127.0.0.1:6379' });
  });
});

describe('the service', () => {
  it('gives what the loader gives', () => {
    expectTypeOf(cache.getOrLoad(['a', 1], () => 1)).toEqualTypeOf<Promise<number>>();
    expectTypeOf(
      cache.getOrLoad(['a'], async ({ signal }) => Promise.resolve(signal.aborted ? null : 'x')),
    ).toEqualTypeOf<Promise<string | null>>();
    expectTypeOf(cache.getOrLoadWithOutcome(['a'], () => 1)).toEqualTypeOf<Promise<CacheAnswer<number>>>();
    expectTypeOf(cache.get(['a'])).toEqualTypeOf<Promise<unknown>>();
    expectTypeOf(cache.stats()).toEqualTypeOf<CacheCounts>();
  });

  it('takes entities, even with a private constructor, extractors of the value, and a real EntityManager', () => {
    void cache.getOrLoad(['p'], (): Product | null => null, {
      entity: Product,
      version: (product) => product?.version,
      manager,
    });
    void cache.getOrLoad(['p'], () => ({ at: new Date() }), { version: ({ at }) => at });
    void cache.set(['p'], {}, { version: 3n });
    void cache.set(['p'], {}, { entity: Product });
    void cache.set(['p'], {}, { tags: (product: Product) => [`version ${String(product.version)}`] });
    void cache.set(['p'], {}, { tags: (product?: Product) => [`version ${String(product?.version)}`] });
    void cache.invalidate(['p'], { version: new Date(), change: 'removed' });
    void cache.invalidate(['p'], { version: { kind: 'extracted', order: 1n } satisfies Version });
  });

  it('refuses what it does not know', () => {
    // @ts-expect-error a key is a list
    void cache.get('a');
    // @ts-expect-error an extractor reads the loaded value
    void cache.getOrLoad(['p'], () => 1, { version: (value: Date) => value });
    // @ts-expect-error a text has no place in an order
    void cache.invalidate(['p'], { version: '1' });
    // @ts-expect-error floors belong to the module
    void cache.getOrLoad(['p'], () => 1, { floorMs: 1 });
  });
});

describe('the decorator', () => {
  it('takes functions of typed and untyped requests', () => {
    LockedCacheable();
    LockedCacheable({ key: ({ params }) => ['product', params['id']], entity: Product, ttlMs: 60_000 });
    LockedCacheable({
      key: ({ params, query }: CacheableRequest<{ params: { id: string }; query: { page?: string } }>) => [
        'product',
        params.id,
        query.page,
      ],
    });
    LockedCacheable({ varyBy: ({ user }: CacheableRequest<{ user: { id: number } }>) => [user.id] });
    LockedCacheable({
      varyBy: ['accept-language'],
      methods: ['GET'],
      shared: true,
      version: (product: Product) => product.version,
    });
  });

  it('refuses what it does not know', () => {
    // @ts-expect-error a key is a function of the request
    LockedCacheable({ key: ['product'] });
    // @ts-expect-error a list of parts at once
    LockedCacheable({ key: async () => Promise.resolve(['product']) });
    // @ts-expect-error the connection is the module's
    LockedCacheable({ lock: inProcessLock() });
  });
});

describe('what the value decides', () => {
  const product = (): Promise<{ price: number } | null> => Promise.resolve(null);

  it('is asked of the type that the loader gives', () => {
    void cache.getOrLoad(['k'], product, {
      ttlMs: (value) => {
        expectTypeOf(value).toEqualTypeOf<{ price: number } | null>();
        return 1;
      },
      cacheIf: (value) => value !== null && value.price > 0,
      negativeTtlMs: 5,
    });
    // @ts-expect-error a number of milliseconds, at once
    void cache.getOrLoad(['k'], product, { ttlMs: async () => Promise.resolve(1) });
    // @ts-expect-error true or false
    void cache.getOrLoad(['k'], product, { cacheIf: () => 'yes' });
  });

  it('is asked of a type that the route or module names', () => {
    LockedCacheable({ ttlMs: ({ price }: { price: number }) => price, cacheIf: (value) => value !== null });
    DistributedCacheModule.forRoot({ ttlMs: (value) => (value === 1 ? 5 : 6) });
    // @ts-expect-error what is set now has one ttl
    void cache.set(['k'], 1, { ttlMs: () => 1 });
  });
});

describe('what may be renewed', () => {
  class Products {
    versionOf = (id: string): Promise<number | undefined> => Promise.resolve(Number(id));
  }

  it('is told by the version that the row has now', () => {
    void cache.getOrLoad(['k'], () => 1, { version: () => 1n, staleIfErrorMs: 5, currentVersion: () => 1n });
    void cache.getOrLoad(['k'], () => 1, {
      currentVersion: async ({ signal }) => Promise.resolve(signal.aborted ? null : '7'),
    });
    LockedCacheable({ currentVersion: ({ params }, { get }) => get(Products).versionOf(String(params['id'])) });
    // @ts-expect-error a version, not the row
    void cache.getOrLoad(['k'], () => 1, { currentVersion: () => ({ version: 1 }) });
  });
});

describe('when and how often loads run', () => {
  it('is told in these forms', () => {
    LockedCacheable({ eagerRefresh: 0.8, onLoadLimit: 'shed', softLoadTimeoutMs: 5, staleIfErrorMs: 5 });
    void cache.getOrLoad(['k'], () => 1, { eagerRefresh: { beta: 1 } });
    DistributedCacheModule.forRoot({ maxConcurrentLoads: 5, maxQueuedLoads: 0, onLoadLimit: 'wait' });
    // @ts-expect-error a share or a beta
    LockedCacheable({ eagerRefresh: 'xfetch' });
    // @ts-expect-error the limit is the instance's
    LockedCacheable({ maxConcurrentLoads: 5 });
  });
});

describe('events', () => {
  it('are one union that a switch can exhaust by `type`', () => {
    expectTypeOf<Extract<CacheEvent, { type: 'hit' }>['freshForMs']>().toEqualTypeOf<number>();
    expectTypeOf(CacheObserver.prototype.observe).toBeFunction();
  });
});

declare const subscriber: EntityCacheSubscriber;
declare const metadata: EntityMetadata;

describe('tags', () => {
  it('are given, or read of a value that may not be there', () => {
    void cache.getOrLoad(['k'], () => new Date(), { tags: ['a'] });
    void cache.getOrLoad(['k'], () => new Date(), { tags: (date) => [String(date?.getTime())] });
    // @ts-expect-error a failed load has no value
    void cache.getOrLoad(['k'], () => new Date(), { tags: (date) => [String(date.getTime())] });
    LockedCacheable({ tags: ({ params }: CacheableRequest, value) => [String(params['id']), String(value)] });
    expectTypeOf(cache.invalidateTags(['a'])).toEqualTypeOf<Promise<void>>();
  });

  it('come of the changes that TypeORM tells', () => {
    expectTypeOf(subscriber).toExtend<EntitySubscriberInterface>();
    expectTypeOf(entityKeys({ kind: 'update', metadata })).toEqualTypeOf<TagChange[]>();
  });
});

describe('what is seen from outside', () => {
  it('takes telemetry of OpenTelemetry, with the real providers, or of your own', () => {
    DistributedCacheModule.forRoot({
      telemetry: openTelemetry({
        meterProvider: metrics.getMeterProvider(),
        tracerProvider: trace.getTracerProvider(),
      }),
    });
    DistributedCacheModule.forRoot({
      telemetry: { createTelemetry: ({ namespace }) => ({ observer: observerOf(namespace) }) },
    });
    // @ts-expect-error it has to be called
    DistributedCacheModule.forRoot({ telemetry: openTelemetry });
    // @ts-expect-error a number of names
    openTelemetry({ maxKeyNames: 'product' });
  });

  it('gives what a health check of terminus takes', () => {
    const indicator = {} as DistributedCacheHealthIndicator;
    expectTypeOf(indicator.check('cache')).resolves.toExtend<HealthIndicatorResult<'cache'>>();
    const checks = {} as HealthCheckService;
    void checks.check([() => indicator.check('cache')]);
    expectTypeOf(cache.health({ timeoutMs: 100 })).toEqualTypeOf<Promise<CacheHealth>>();
    // @ts-expect-error one of three words
    void indicator.check('cache', { failOn: 'sometimes' });
  });
});

declare function observerOf(namespace: string): CacheObserver;
