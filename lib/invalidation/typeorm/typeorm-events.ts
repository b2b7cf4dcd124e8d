import type { TypeOrmEntityMetadata } from '../../codec/entity-metadata.js';

/** The slices of TypeORM's events that are read; the same in 0.3 and 1.x. */
export interface TransactionEvent {
  readonly queryRunner: QueryRunnerSlice;
}

export interface QueryRunnerSlice {
  readonly isTransactionActive: boolean;
}

export interface RowEvent extends TransactionEvent {
  readonly metadata: TypeOrmEntityMetadata;
  readonly entity?: unknown;
  readonly databaseEntity?: unknown;
  readonly entityId?: unknown;
  readonly updatedRelations?: readonly unknown[];
}

export interface QueryEvent extends TransactionEvent {
  readonly query: unknown;
}
