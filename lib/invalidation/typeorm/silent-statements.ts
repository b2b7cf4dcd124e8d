import { tableNameOf } from '../../codec/entity-identity.js';
import type { TypeOrmEntityMetadata } from '../../codec/typeorm-types.js';
import type { EntityChange } from '../entity-change.js';
import type { QueryRunnerSlice, RowEvent } from './typeorm-events.js';

interface Open {
  readonly metadata: TypeOrmEntityMetadata;
  readonly kind: EntityChange['kind'];
  rows: number;
}

/**
 * Statements of a transaction that called no listeners. `save()` and its like run such statements and tell their rows afterwards: each row that is told accounts for one. What nobody has accounted for when the transaction is committed was written by somebody
 * who tells nothing.
 */
export class SilentStatements {
  private readonly open = new WeakMap<QueryRunnerSlice, Map<string, Open>>();
  /** Tables whose removals are just being told. */
  private readonly telling = new Set<string>();

  executed(
    queryRunner: QueryRunnerSlice,
    metadata: TypeOrmEntityMetadata,
    kind: EntityChange['kind'],
    rows: number,
  ): void {
    const all = this.open.get(queryRunner) ?? new Map<string, Open>();
    this.open.set(queryRunner, all);
    const name = nameOf(metadata, kind);
    const known = all.get(name) ?? { metadata, kind, rows: 0 };
    known.rows += rows;
    all.set(name, known);
  }

  /** A row is told. Whether it was written by such a statement. */
  told({ queryRunner, metadata }: RowEvent, kind: EntityChange['kind']): boolean {
    const name = nameOf(metadata, kind);
    const known = this.open.get(queryRunner)?.get(name);
    // `remove()` removes all rows of a table by one statement, and then tells them one after the other, without a pause.
    if (kind === 'remove') {
      if (this.telling.has(name)) return true;
      this.telling.add(name);
      queueMicrotask(() => this.telling.delete(name));
    }
    if (known === undefined || known.rows === 0) return false;
    known.rows -= 1;
    return true;
  }

  /** What nobody has accounted for, once. */
  takeUntold(queryRunner: QueryRunnerSlice): readonly Open[] {
    const all = [...(this.open.get(queryRunner)?.values() ?? [])];
    this.open.delete(queryRunner);
    return all.filter(({ rows }) => rows > 0);
  }
}

/** Rows that come back are written by the same builder as those that are marked as deleted. */
function nameOf(metadata: TypeOrmEntityMetadata, kind: EntityChange['kind']): string {
  return `${kind === 'recover' ? 'soft-remove' : kind} ${tableNameOf(metadata)}`;
}
