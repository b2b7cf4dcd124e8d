import { tableNameOf } from '../../codec/entity-identity.js';
import type { TypeOrmEntityMetadata } from '../../codec/typeorm-types.js';
import type { QueryRunnerSlice, RowEvent } from './typeorm-events.js';

/**
 * Which tables' rows will be told: `save()` and its like tell each row before they write and again when they have written, and run silent statements in between. A silent statement of which nothing was told before touches rows
 * that nobody will tell.
 */
export class ToldRows {
  private readonly tables = new WeakMap<QueryRunnerSlice, Map<string, number>>();

  /** A row will be written. */
  begins(event: RowEvent): void {
    this.count(event, 1);
  }

  /** It has been written, and was told. */
  ends(event: RowEvent): void {
    this.count(event, -1);
  }

  /** Something failed: what was begun will not be ended. */
  forget(queryRunner: QueryRunnerSlice): void {
    this.tables.delete(queryRunner);
  }

  willBe(queryRunner: QueryRunnerSlice, metadata: TypeOrmEntityMetadata): boolean {
    return (this.tables.get(queryRunner)?.get(tableNameOf(metadata)) ?? 0) > 0;
  }

  private count({ queryRunner, metadata }: RowEvent, by: number): void {
    const table = tableNameOf(metadata);
    const counts = this.tables.get(queryRunner) ?? new Map<string, number>();
    this.tables.set(queryRunner, counts);
    counts.set(table, Math.max(0, (counts.get(table) ?? 0) + by));
  }
}
