import type { DiscoveryService, ModuleRef } from '@nestjs/core';
import type { TypeOrmDataSource } from '../codec/typeorm-types.js';

/** The token of `@nestjs/cache-manager`, which need not be installed. */
const CACHE_MANAGER = 'CACHE_MANAGER';

/** The application's cache-manager cache, in whichever module it is registered; undefined when there is none. */
export function findApplicationCache(moduleRef: ModuleRef): unknown {
  try {
    return moduleRef.get<unknown>(CACHE_MANAGER, { strict: false });
  } catch {
    return undefined;
  }
}

/**
 * Every TypeORM data source that the application provides, under whatever token: `@nestjs/typeorm` and the recipe of the Nest documentation take different ones. Known by what they can do, so that nothing of TypeORM is imported.
 */
export function findDataSources(discovery: DiscoveryService): TypeOrmDataSource[] {
  const found = discovery
    .getProviders()
    .map(({ instance }: { readonly instance: unknown }) => instance)
    .filter(isDataSource);
  return [...new Set(found)];
}

function isDataSource(instance: unknown): instance is TypeOrmDataSource {
  if (typeof instance !== 'object' || instance === null) return false;
  try {
    const { createQueryRunner } = instance as { createQueryRunner?: unknown };
    return (
      typeof createQueryRunner === 'function' &&
      Array.isArray((instance as { entityMetadatas?: unknown }).entityMetadatas)
    );
  } catch {
    // an accessor of some other provider
    return false;
  }
}
