import type { TypeOrmColumn, TypeOrmEntityMetadata } from '../codec/typeorm-types.js';
import type { Version } from '../core/version.js';

/** What became of one row, or of rows that are not told, as TypeORM's events say it. */
export interface EntityChange {
  readonly kind: 'insert' | 'update' | 'remove' | 'soft-remove' | 'recover';
  readonly metadata: TypeOrmEntityMetadata;
  /** What was saved: an instance, or a plain object of some columns; without its key after a removal. */
  readonly entity?: unknown;
  /** The row before the change, where TypeORM had loaded it. */
  readonly databaseEntity?: unknown;
  /** The value of the key's only column, or an object of all of them; updates, and statements of query builders, tell none. */
  readonly entityId?: unknown;
  /** The row's key, where something else than the event tells it. */
  readonly identity?: readonly string[] | undefined;
  /** What an update changed; empty or left out where that is not told. */
  readonly updatedColumns?: readonly TypeOrmColumn[] | undefined;
  readonly updatedRelations?: readonly unknown[] | undefined;
  /** There was no such row before. */
  readonly isNew?: boolean | undefined;
  /** The row may be another than the one that is told: an upsert that found its row by something else than its key. */
  readonly mayBeAnother?: boolean | undefined;
  /** The version that the row has now; of a removed one, the last that it had. */
  readonly version?: Version | undefined;
}
