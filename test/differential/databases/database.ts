import type { DataSource } from 'typeorm';
import type { DistributedCacheOptions } from '../../../lib/index.js';
import type { WorldClasses } from '../world/classes.js';

/** What a column may be depends on this; PGlite is PostgreSQL. */
export type DatabaseKind = 'sqljs' | 'postgres' | 'mariadb';

/** A database with the tables of one world. */
export interface OpenDatabase {
  /** Of each of the two instances: its data sources, the other one (for classes of one name) last. Both may have the same. */
  readonly sources: readonly [readonly DataSource[], readonly DataSource[]];
  close(): Promise<void>;
}

/** Where programs run. */
export interface Database {
  readonly name: string;
  readonly kind: DatabaseKind;
  /** Whether a class of the same name can have its table in another schema. */
  readonly hasSchemas: boolean;
  /** Where entries lie; left out: in this process. */
  readonly redisUrl?: string;
  /** What the caches are given beside, to break them on purpose. */
  readonly broken?: Pick<DistributedCacheOptions, 'onChange' | 'bulkChanges'>;
  open(classes: WorldClasses): Promise<OpenDatabase>;
  close(): Promise<void>;
}
