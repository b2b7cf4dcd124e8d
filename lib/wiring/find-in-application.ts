import type { DiscoveryService, ModuleRef } from '@nestjs/core';
import type { TypeOrmDataSource } from '../codec/entity-metadata.js';

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
 * Every TypeORM data source that the application provides. `@nestjs/typeorm` registers the default one under the class `DataSource` and others under
 * `<name>DataSource`; tokens are compared by name, so that nothing of TypeORM is imported.
 */
export function findDataSources(discovery: DiscoveryService): TypeOrmDataSource[] {
  const found = discovery
    .getProviders()
    .filter(({ token }) =>
      typeof token === 'function'
        ? token.name === 'DataSource'
        : typeof token === 'string' && token.endsWith('DataSource'),
    )
    .map(({ instance }: { readonly instance: unknown }) => instance)
    .filter(isDataSource);
  return [...new Set(found)];
}

function isDataSource(instance: unknown): instance is TypeOrmDataSource {
  return (
    typeof instance === 'object' &&
    instance !== null &&
    Array.isArray((instance as { entityMetadatas?: unknown }).entityMetadatas)
  );
}
