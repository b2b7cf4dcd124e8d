import { OUTBOX_TABLE } from '../../options/outbox-options.js';
import type { OutboxDataSource } from './outbox-data-source.js';
import { outboxDialect } from './outbox-dialect.js';
import { escapedPath, tablePath } from './outbox-names.js';

/** The slice of TypeORM's `QueryRunner` that the migration uses; the same in 0.3 and 1.x. */
export interface MigrationRunner {
  readonly connection: Pick<OutboxDataSource, 'options' | 'driver'>;
  /** Runs one statement. */
  query(sql: string): Promise<unknown>;
}

/** A TypeORM migration. */
export interface OutboxMigration {
  /** As TypeORM remembers it in its table of migrations. */
  readonly name: string;
  /** Makes the table. */
  up(queryRunner: MigrationRunner): Promise<void>;
  /** Drops it. */
  down(queryRunner: MigrationRunner): Promise<void>;
}

/**
 * The migration that makes the table of the outbox, for `migrations: [outboxMigration()]` of a data source; on PostgreSQL, MySQL, MariaDB and SQLite.
 *
 * @param options `table` as in the module's option `outbox`. Default `distributed_cache_outbox`, in the schema of the data source
 */
export function outboxMigration({ table = OUTBOX_TABLE }: { readonly table?: string } = {}): new () => OutboxMigration {
  return class DistributedCacheOutbox1767225600000 implements OutboxMigration {
    // A table of another name is another migration; TypeORM wants the time at the end.
    readonly name = `DistributedCacheOutbox${table === OUTBOX_TABLE ? '' : `_${table}_`}1767225600000`;

    async up(queryRunner: MigrationRunner): Promise<void> {
      const { connection } = queryRunner;
      const { text } = outboxDialect(connection.options.type);
      const path = escapedPath(tablePath(table, connection), connection);
      await queryRunner.query(
        `CREATE TABLE ${path} (id varchar(36) NOT NULL PRIMARY KEY, namespace varchar(64) NOT NULL, created_at bigint NOT NULL, changes ${text} NOT NULL)`,
      );
      const index = connection.driver.escape(`${table.split('.').at(-1) ?? table}_order`);
      await queryRunner.query(`CREATE INDEX ${index} ON ${path} (namespace, created_at)`);
    }

    async down(queryRunner: MigrationRunner): Promise<void> {
      await queryRunner.query(
        `DROP TABLE ${escapedPath(tablePath(table, queryRunner.connection), queryRunner.connection)}`,
      );
    }
  };
}
