import type { TypeOrmColumn, TypeOrmDataSource, TypeOrmEntityMetadata } from '../typeorm-types.js';
import { keepStamps, type StampKeeping } from './keep-stamps.js';

/** How the rows of an entity come to their stamps. */
export interface Stamping {
  /** TypeORM's name of the kind of database; undefined where it is not known. */
  readonly database: string | undefined;
  readonly versionColumn?: StampColumn;
  readonly updateDateColumn?: StampColumn;
  /** Whether exact stamps are read; undefined for databases of which nothing is known. */
  readonly keeping?: StampKeeping | undefined;
}

export interface StampColumn {
  /** `save()` may write what the entity holds; false with `update: false`. */
  readonly writable: boolean;
  /** Whole seconds, because the column says so. */
  readonly wholeSeconds: boolean;
  /** Its default reads the clock, which says that updates are stamped so too, by a trigger. */
  readonly readsClock: boolean;
}

export function describeStamping(metadata: TypeOrmEntityMetadata, dataSource: TypeOrmDataSource): Stamping {
  const { versionColumn, updateDateColumn } = metadata;
  return {
    database: dataSource.options?.type,
    ...(versionColumn && { versionColumn: describe(versionColumn) }),
    ...(updateDateColumn && { updateDateColumn: describe(updateDateColumn) }),
    keeping: keepStamps(dataSource),
  };
}

function describe({ isUpdate, precision, default: value }: TypeOrmColumn): StampColumn {
  const expression: unknown = typeof value === 'function' ? (value as () => unknown)() : value;
  return {
    writable: isUpdate === true,
    wholeSeconds: precision === 0,
    readsClock: typeof expression === 'string' && /clock_timestamp|sysdate/i.test(expression),
  };
}
