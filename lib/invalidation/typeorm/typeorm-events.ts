import type { TypeOrmColumn, TypeOrmEntityMetadata } from '../../codec/typeorm-types.js';

// The slices of TypeORM's events that are read; the same in 0.3 and 1.x.

/** A transaction, or a savepoint, has ended. */
export interface TransactionEvent {
  readonly queryRunner: QueryRunnerSlice;
}

/** Who runs the statements of one connection. */
export interface QueryRunnerSlice {
  readonly isTransactionActive: boolean;
  /** 1 in a transaction, more inside savepoints. TypeORM keeps it to itself, but keeps it, in 0.3 and in 1.x. */
  readonly transactionDepth?: number;
  /** Its data source, as 0.3 calls it. */
  readonly connection?: object;
  /** Its data source, as 1.x calls it. */
  readonly dataSource?: object;
}

/** A row was written, or rows that are not told. */
export interface RowEvent extends TransactionEvent {
  readonly metadata: TypeOrmEntityMetadata;
  readonly entity?: unknown;
  readonly databaseEntity?: unknown;
  /** Undefined after an update, and after a statement of a query builder: of a row that is inserted `save()` alone tells it. */
  readonly entityId?: unknown;
  readonly updatedColumns?: readonly TypeOrmColumn[];
  readonly updatedRelations?: readonly unknown[];
}
