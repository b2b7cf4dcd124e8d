import { Module, type DynamicModule } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { LockedCacheableExplorer } from './cacheable/locked-cacheable.explorer.js';
import { RoutePlans } from './cacheable/route-plans.js';
import {
  ConfigurableModuleClass,
  MODULE_OPTIONS_TOKEN,
  RESOLVED_OPTIONS,
  type ASYNC_OPTIONS_TYPE,
  type DistributedCacheExtras,
} from './distributed-cache.module-definition.js';
import { resolveOptions, type DistributedCacheOptions } from './distributed-cache.options.js';
import { DistributedCacheService } from './distributed-cache.service.js';
import { ApplicationCacheHost } from './wiring/application-cache-host.js';
import { CacheHost } from './wiring/cache-host.js';

/**
 * The cache of an application. Import it once, in the root module: `DistributedCacheModule.forRoot({ namespace: 'shop' })`, or `forRootAsync()` with `useFactory`, `useClass`
 * or `useExisting`. It is global unless `isGlobal: false` says otherwise.
 *
 * When the application starts it opens the store, proves that it keeps what it is given, and writes one line that names lock, store and namespace. A server that is down
 * does not keep the application from starting. When the application has shut down it closes what it opened.
 */
@Module({
  imports: [DiscoveryModule],
  providers: [
    { provide: RESOLVED_OPTIONS, useFactory: resolveOptions, inject: [MODULE_OPTIONS_TOKEN] },
    { provide: CacheHost, useClass: ApplicationCacheHost },
    DistributedCacheService,
    RoutePlans,
    LockedCacheableExplorer,
  ],
  // RoutePlans too: Nest builds the interceptor in the module of each controller.
  exports: [DistributedCacheService, RoutePlans],
})
export class DistributedCacheModule extends ConfigurableModuleClass {
  /** @throws InvalidOptionsError while the application starts, when the options make no sense */
  static override forRoot(options: DistributedCacheOptions & DistributedCacheExtras = {}): DynamicModule {
    return super.forRoot(options);
  }

  /**
   * As `forRoot()`, with options that come from elsewhere: `useFactory` (with `inject`), `useClass` or `useExisting`.
   *
   * @throws InvalidOptionsError while the application starts, when the options make no sense
   */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    return super.forRootAsync(options);
  }
}
