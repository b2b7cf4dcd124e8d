import { CacheModule } from '@nestjs/cache-manager';
import { Controller, Get, Inject, Injectable, Module, Scope, type OnModuleInit } from '@nestjs/common';
import {
  DistributedCacheModule,
  DistributedCacheService,
  inProcessLock,
  InProcessLockProvider,
  InProcessVersionedStore,
  LockedCacheable,
  memoryStore,
  systemClock,
  type DistributedCacheOptions,
  type DistributedCacheOptionsFactory,
  type LockProviderFactory,
  type VersionedStoreFactory,
} from 'nestjs-distributed-cache';
import { ManualClock } from 'nestjs-distributed-cache/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { get, refusal, startApp, stopApps } from './support/app.js';

let runs = 0;

@Controller()
class OneController {
  @Get()
  @LockedCacheable()
  one(): unknown {
    return { run: ++runs };
  }
}

/** Sees the cache without importing its module. */
@Module({ controllers: [OneController] })
class FeatureModule {}

const OPTIONS: DistributedCacheOptions = { namespace: 'e2e', store: memoryStore(), lock: inProcessLock() };

@Injectable()
class OptionsFactory implements DistributedCacheOptionsFactory {
  createDistributedCacheOptions(): DistributedCacheOptions {
    return OPTIONS;
  }
}

@Module({ providers: [OptionsFactory], exports: [OptionsFactory] })
class OptionsModule {}

/** A store that tells what becomes of it. */
function watchedStore(closed: string[]): VersionedStoreFactory {
  const inner = memoryStore();
  return {
    description: 'watched store',
    createVersionedStore: async (context) => {
      const store = await inner.createVersionedStore(context);
      const close = store.close.bind(store);
      store.close = () => {
        closed.push('store');
        return close();
      };
      return store;
    },
  };
}

describe('the module', () => {
  afterEach(async () => {
    await stopApps();
    runs = 0;
  });

  it.each([
    ['forRoot', DistributedCacheModule.forRoot(OPTIONS)],
    ['useFactory', DistributedCacheModule.forRootAsync({ useFactory: () => Promise.resolve(OPTIONS) })],
    ['useClass', DistributedCacheModule.forRootAsync({ useClass: OptionsFactory })],
    ['useExisting', DistributedCacheModule.forRootAsync({ imports: [OptionsModule], useExisting: OptionsFactory })],
    [
      'useFactory with inject',
      DistributedCacheModule.forRootAsync({
        imports: [OptionsModule],
        inject: [OptionsFactory],
        useFactory: (factory: OptionsFactory) => factory.createDistributedCacheOptions(),
      }),
    ],
  ])('%s: a controller of another module is served', async (_name, module) => {
    const { url } = await startApp({ module, imports: [FeatureModule] });
    expect([(await get(url)).cache, (await get(url)).cache]).toEqual(['MISS', 'HIT']);
  });

  it('isGlobal: false keeps it to those who import it', async () => {
    const module = DistributedCacheModule.forRoot({ ...OPTIONS, isGlobal: false });
    expect(await refusal(startApp({ module, imports: [FeatureModule] }))).toContain(
      "can't resolve dependencies of the LockedCacheableInterceptor",
    );
    const { url } = await startApp({ module, controllers: [OneController] });
    expect((await get(url)).cache).toBe('MISS');
  });

  it('one line at start names store, lock and namespace', async () => {
    const { lines } = await startApp({ controllers: [OneController] });
    const own = lines.filter((line) => line.includes("Cache 'e2e'"));
    expect(own).toEqual([
      "log Cache 'e2e': store memory (at most 10,000 keys), lock in-process. The store is in this process: one load, never backwards and changes win (P1 to P3) hold in this process only.",
    ]);
  });

  it('disabled, tells so in its line at start, and tells others nothing of what it changes', async () => {
    const store = new InProcessVersionedStore({ clock: systemClock, maxEntries: 10 });
    Object.defineProperty(store, 'scope', { value: 'fleet' });
    const enabled = (await startApp({ cache: { store } })).app.get(DistributedCacheService);
    const { app, lines } = await startApp({ cache: { store, enabled: false } });
    const disabled = app.get(DistributedCacheService);
    await enabled.getOrLoad(['a'], () => 'old', { tags: ['t'] });
    expect([await disabled.getOrLoad(['a'], () => 'new'), await disabled.get(['a'])]).toEqual(['new', undefined]);
    await disabled.invalidate(['a']);
    await disabled.invalidateTags(['t']);
    expect(await disabled.set(['a'], 'new', { version: 2n })).toBe('invalidated');
    await disabled.clear();
    expect(await enabled.get(['a'])).toBe('old');
    expect(lines.filter((line) => line.includes("Cache 'e2e'"))).toEqual([
      "log Cache 'e2e' is disabled: every call loads. What this instance writes is not announced either: " +
        'instances of this namespace that are enabled may serve older values until their ttlMs is over.',
    ]);
    await store.close();
  });

  it('a store of one process takes the in-process lock, whatever is configured, and says so', async () => {
    const lock: LockProviderFactory = {
      description: 'fleet',
      createLockProvider: () => {
        throw new Error('must not be built');
      },
    };
    const { lines } = await startApp({ cache: { lock }, controllers: [OneController] });
    expect(lines.filter((line) => line.startsWith('warn Cache'))).toEqual([
      expect.stringMatching(/lock in-process\..*P1 to P3.*The configured lock is not used\.$/),
    ]);
  });

  it('a route whose entries nothing can invalidate is named once, and no other', async () => {
    class Product {}
    @Controller()
    class RoutesController {
      @Get('nothing')
      @LockedCacheable()
      nothing(): string {
        return 'x';
      }
      @Get('ttl')
      @LockedCacheable({ ttlMs: 1_000, varyBy: ['accept'] })
      ttl(): string {
        return 'x';
      }
      @Get('key')
      @LockedCacheable({ key: () => ['key'] })
      key(): string {
        return 'x';
      }
      @Get('tags')
      @LockedCacheable({ tags: ['t'] })
      tags(): string {
        return 'x';
      }
      @Get('meant')
      @LockedCacheable({ tags: [] })
      meant(): string {
        return 'x';
      }
      @Get('entity')
      @LockedCacheable({ entity: Product })
      entity(): string {
        return 'x';
      }
    }
    const named = async (cache: DistributedCacheOptions): Promise<string[]> => {
      const { lines, url } = await startApp({ cache, controllers: [RoutesController] });
      for (const path of ['nothing', 'ttl', 'nothing']) await get(`${url}/${path}`);
      return lines.filter((line) => line.includes('Nothing can invalidate'));
    };
    const { nothing, ttl, entity } = {
      nothing: 'RoutesController.nothing',
      ttl: 'RoutesController.ttl',
      entity: 'RoutesController.entity',
    };
    expect(await named({})).toEqual([expect.stringContaining(`stores for ${nothing}, ${ttl}: it is served`)]);
    expect(await named({ onChange: 'ignore' })).toEqual([
      expect.stringContaining(`stores for ${nothing}, ${ttl}, ${entity}: `),
    ]);
    expect(await named({ enabled: false })).toEqual([]);
  });

  it('without a namespace a shared store is warned of', async () => {
    const store = new InProcessVersionedStore({ clock: systemClock, maxEntries: 10 });
    Object.defineProperty(store, 'scope', { value: 'fleet' });
    const { lines } = await startApp({ module: DistributedCacheModule.forRoot({ store, lock: inProcessLock() }) });
    expect(lines).toContainEqual(expect.stringMatching(/^warn Cache 'app': .*Set namespace: 'your-app'\.$/));
    await store.close();
  });

  it.each([
    [{ namespce: 'x' }, /there is no option "namespce"; known are namespace, lock.*Did you mean namespace\?/],
    [{ loadTimeoutMs: 60_000, floorMs: 60_000 }, /floorMs: expected at least the life of a lease, 80000/],
  ])('options that make no sense keep the application from starting: %j', async (cache, message) => {
    const text = await refusal(startApp({ cache: cache as DistributedCacheOptions }));
    expect(text).toMatch(/^InvalidOptionsError: DistributedCacheModule options/);
    expect(text).toMatch(message);
  });

  it('isGlobal among what a factory returns is told where it belongs', async () => {
    const module = DistributedCacheModule.forRootAsync({ useFactory: () => ({ ...OPTIONS, isGlobal: true }) });
    expect(await refusal(startApp({ module }))).toContain('With forRootAsync() it stands beside useFactory');
  });

  it('a policy of a route that does not fit the module’s keeps the application from starting', async () => {
    @Controller()
    class SlowController {
      @Get()
      @LockedCacheable({ loadTimeoutMs: 120_000 })
      slow(): unknown {
        return 1;
      }
    }
    expect(await refusal(startApp({ controllers: [SlowController] }))).toMatch(
      /@LockedCacheable\(\) on SlowController\.slow: floorMs: expected at least/,
    );
  });

  describe('on a provider', () => {
    class Service {
      @LockedCacheable()
      find(): unknown {
        return 1;
      }
    }

    it.each([
      ['a singleton', Injectable()],
      ['request scope', Injectable({ scope: Scope.REQUEST })],
    ])('the decorator keeps the application from starting and names getOrLoad: %s', async (_name, injectable) => {
      class Products extends Service {}
      injectable(Products);
      const text = await refusal(startApp({ providers: [Products] }));
      expect(text).toMatch(/@LockedCacheable\(\) on Products\.find: .* call getOrLoad\(key, loader\)/);
    });

    it('one that a factory made is found too', async () => {
      expect(await refusal(startApp({ providers: [{ provide: 'made', useFactory: () => new Service() }] }))).toContain(
        'getOrLoad(key, loader)',
      );
    });
  });

  describe('the application’s cache-manager cache', () => {
    it('is the default store, found in whichever module it is registered', async () => {
      @Module({ imports: [CacheModule.register()] })
      class CachingModule {}
      const module = DistributedCacheModule.forRoot({ namespace: 'e2e' });
      const { url, lines } = await startApp({ module, imports: [CachingModule], controllers: [OneController] });
      expect([(await get(url)).cache, (await get(url)).cache]).toEqual(['MISS', 'HIT']);
      expect(lines).toContainEqual(
        expect.stringMatching(/^warn Cache 'e2e': store memory, as behind the cache-manager cache.*lock in-process/),
      );
    });

    it('missing, keeps the application from starting and names both cures', async () => {
      const text = await refusal(startApp({ module: DistributedCacheModule.forRoot({ namespace: 'e2e' }) }));
      expect(text).toMatch(/CacheModule\.register\(\).*redisStore\(\{ url \}\) or memoryStore\(\)/);
    });
  });

  it('another provider may read while the application starts', async () => {
    @Injectable()
    class Early implements OnModuleInit {
      value: unknown;

      constructor(@Inject(DistributedCacheService) private readonly cache: DistributedCacheService) {}

      async onModuleInit(): Promise<void> {
        this.value = await this.cache.getOrLoad(['early'], () => 'value');
      }
    }
    const { app, lines } = await startApp({ providers: [Early] });
    expect(app.get(Early).value).toBe('value');
    expect(lines.filter((line) => line.includes("Cache 'e2e'"))).toHaveLength(1);
  });

  describe('who opens closes', () => {
    it('what factories built is closed once at shutdown, after which calls are refused', async () => {
      const closed: string[] = [];
      const { app } = await startApp({ cache: { store: watchedStore(closed) } });
      const cache = app.get(DistributedCacheService);
      expect(closed).toEqual([]);
      await app.close();
      expect(closed).toEqual(['store']);
      await expect(cache.getOrLoad(['a'], () => 1)).rejects.toMatchObject({ code: 'ERR_CACHE_CLOSED' });
      await expect(cache.invalidate(['a'])).rejects.toMatchObject({ code: 'ERR_CACHE_CLOSED' });
    });

    it('what the application lent stays open', async () => {
      const store = new InProcessVersionedStore({ clock: systemClock, maxEntries: 10 });
      Object.defineProperty(store, 'scope', { value: 'fleet' });
      const lock = new InProcessLockProvider();
      const { app, lines } = await startApp({ cache: { store, lock } });
      await app.get(DistributedCacheService).getOrLoad(['a'], () => 1);
      expect(lines).toContainEqual(expect.stringContaining('store memory (reachable), lock in-process.'));
      await app.close();
      expect((await store.read('b')).loading).toBe(false);
      expect(lock.state).toBe('connected');
      await Promise.all([store.close(), lock.close()]);
    });

    it('a part that does not end is left behind after ten seconds, with a line', async () => {
      const clock = new ManualClock();
      const built = memoryStore();
      const store: VersionedStoreFactory = {
        ...built,
        createVersionedStore: async (context) =>
          Object.assign(await built.createVersionedStore(context), { close: () => new Promise<void>(() => undefined) }),
      };
      const { app, lines } = await startApp({ cache: { store, clock } });
      let ended = false;
      const closing = app.close().then(() => (ended = true));
      // The server ends first, in real time: the store is asked to close some time after this.
      await vi.waitFor(
        async () => {
          await clock.advance(10_000);
          expect(ended).toBe(true);
        },
        { timeout: 30_000 },
      );
      await closing;
      expect(lines).toContainEqual(expect.stringMatching(/^error .*could not be closed: .*within 10000 ms/));
    });

    it('when the lock cannot be built the store is closed and the start fails with the reason', async () => {
      const closed: string[] = [];
      const store: VersionedStoreFactory = {
        description: 'fleet',
        createVersionedStore: async (context) => {
          const built = await watchedStore(closed).createVersionedStore(context);
          Object.defineProperty(built, 'scope', { value: 'fleet' });
          return built;
        },
      };
      const lock: LockProviderFactory = {
        description: 'broken',
        createLockProvider: () => Promise.reject(new Error('no lock today')),
      };
      let closedAtOnce: string[] = [];
      const onRefused = (): void => void (closedAtOnce = [...closed]);
      expect(await refusal(startApp({ cache: { store, lock }, onRefused }))).toBe('Error: no lock today');
      expect([closedAtOnce, closed]).toEqual([['store'], ['store']]);
    });

    it('a store that answers nonsense keeps the application from starting; one that is down does not', async () => {
      const broken = new InProcessVersionedStore({ clock: systemClock, maxEntries: 10 });
      broken.read = () => Promise.resolve({ loading: false });
      expect(await refusal(startApp({ cache: { store: broken } }))).toContain('The store failed its test at start');
      const down = new InProcessVersionedStore({ clock: systemClock, maxEntries: 10 });
      down.read = () => Promise.reject(new Error('connection refused'));
      down.begin = () => Promise.reject(new Error('connection refused'));
      const { events, lines, app } = await startApp({ cache: { store: down } });
      expect(events).toContainEqual(expect.objectContaining({ type: 'store-unavailable' }));
      expect(lines).toContainEqual(expect.stringContaining('warn The store does not answer'));
      expect(await app.get(DistributedCacheService).getOrLoad(['a'], () => 'loaded')).toBe('loaded');
      await Promise.all([broken.close(), down.close()]);
    });
  });

  it('an observer that throws breaks nothing and is reported once', async () => {
    const observe = (): never => {
      throw new Error('bad listener');
    };
    const { url, lines } = await startApp({ cache: { observers: [{ observe }] }, controllers: [OneController] });
    expect([(await get(url)).status, (await get(url)).cache]).toEqual([200, 'HIT']);
    expect(lines.filter((line) => line.includes('bad listener'))).toHaveLength(1);
  });
});
