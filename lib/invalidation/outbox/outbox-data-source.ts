import type { TypeOrmDataSource } from '../../codec/typeorm-types.js';

// The slices of TypeORM that the outbox uses; the same in 0.3 and 1.x.

/** Runs statements on one connection. */
export interface OutboxRunner {
  readonly isTransactionActive: boolean;
  /** Runs one statement. */
  query(sql: string, parameters?: unknown[]): Promise<unknown>;
  /** Begins a transaction. */
  startTransaction(isolation?: 'READ COMMITTED'): Promise<void>;
  /** Ends it, and keeps what it changed. */
  commitTransaction(): Promise<void>;
  /** Ends it, and takes back what it changed. */
  rollbackTransaction(): Promise<void>;
  /** Whether a table is there, by its path. */
  hasTable(path: string): Promise<boolean>;
  /** Gives the connection back. */
  release(): Promise<void>;
}

/** A data source whose database has an outbox. */
export interface OutboxDataSource extends TypeOrmDataSource {
  readonly name?: string;
  readonly options: { readonly type: string; readonly schema?: string };
  readonly driver: {
    /** A name as it stands in a statement. */
    escape(name: string): string;
  };
  /** Takes a connection. */
  createQueryRunner(): OutboxRunner;
}
