import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { DistributedCacheOptions } from './distributed-cache.options.js';

/** What stands beside the options in `forRoot()` and `forRootAsync()`. */
export interface DistributedCacheExtras {
  /** Whether all modules can inject the service and use the decorator without importing this module. Default true. */
  readonly isGlobal?: boolean;
}

const builder = new ConfigurableModuleBuilder<DistributedCacheOptions>({ moduleName: 'DistributedCache' })
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createDistributedCacheOptions')
  .setExtras<DistributedCacheExtras>({ isGlobal: true }, (definition, { isGlobal }) => ({
    ...definition,
    global: isGlobal ?? true,
  }));

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } = builder.build();

/** Token of the options after `resolveOptions()`. */
export const RESOLVED_OPTIONS = Symbol('DistributedCacheResolvedOptions');

/** What `forRootAsync({ useClass })` and `useExisting` expect. */
export interface DistributedCacheOptionsFactory {
  /** Called once, while the application starts. */
  createDistributedCacheOptions(): DistributedCacheOptions | Promise<DistributedCacheOptions>;
}
