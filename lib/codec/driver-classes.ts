import type { ClassReference } from './class-registry.js';
import type { TypeOrmDataSource } from './typeorm-types.js';

/** PostgreSQL's number of the type `interval`. */
const INTERVAL = 1_186;

interface PostgresDriver {
  /** The package `pg`, as it was loaded. */
  readonly postgres?: { readonly types?: { getTypeParser?(type: number): unknown } };
}

/**
 * Classes that a driver makes of what the database sends, and that keep all they have in properties: `PostgresInterval`. There can be several copies of its package, so it is asked for that of this very
 * driver. None where the application has a parser of its own for the type.
 */
export function driverClasses({ driver }: TypeOrmDataSource): readonly ClassReference[] {
  const { types } = (driver as PostgresDriver | undefined)?.postgres ?? {};
  if (typeof types?.getTypeParser !== 'function') return [];
  try {
    const interval = (types.getTypeParser(INTERVAL) as (text: string) => object)('1 day');
    const { constructor } = interval;
    return constructor.name === 'PostgresInterval' ? [constructor] : [];
  } catch {
    return [];
  }
}
