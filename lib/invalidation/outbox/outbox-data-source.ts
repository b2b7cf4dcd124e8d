import type { TypeOrmDataSource } from '../../codec/entity-metadata.js';

// The slices of TypeORM that the outbox uses; the same in 0.3 and 1.x.

/** Runs statements on one connection. */
export interface OutboxRunner {
  readonly isTransactionActive: boolean;
  query(sql: string, parameters?: unknown[]): Promise<unknown>;
  startTransaction(isolation?: 'READ COMMITTED'): Promise<void>;
  commitTransaction(): Promise<void>;
  rollbackTransaction(): Promise<void>;
  hasTable(path: string): Promise<boolean>;
  release(): Promise<void>;
}

/** A data source whose database has an outbox. */
export interface OutboxDataSource extends TypeOrmDataSource {
  readonly name?: string;
  readonly options: { readonly type: string; readonly schema?: string };
  readonly driver: { escape(name: string): string };
  createQueryRunner(): OutboxRunner;
}
