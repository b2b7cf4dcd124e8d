import { databaseOf, storedIdentity } from '../../codec/key-spelling.js';
import type { TypeOrmDataSource, TypeOrmEntityMetadata } from '../../codec/typeorm-types.js';
import type { EntityChange } from '../entity-change.js';
import { listenToBuilders, WRITERS, type QueryBuilderSlice, type WriterName } from './query-builders.js';
import type { QueryRunnerSlice, RowEvent } from './typeorm-events.js';

/** A statement of a query builder of whose rows it tells nothing itself. */
export interface Statement {
  readonly kind: EntityChange['kind'];
  readonly metadata: TypeOrmEntityMetadata;
  /** Undefined: it has committed by itself. */
  readonly queryRunner: QueryRunnerSlice | undefined;
  /** It was told not to call listeners. `save()` runs such statements, and tells their rows itself: so many. Zero: nobody will. */
  readonly rowsOfSave: number;
}

/** What is known of a row of an insert, beside what its event tells. */
export interface WrittenRow {
  /** It was not there before, if it was written at all. */
  readonly isNew: boolean;
  /** The saved object has the version that the row has. */
  readonly hasVersion: boolean;
  readonly identity?: readonly string[];
}

/** What an upsert finds its row by in these databases cannot be named: any unique key does. */
const ANY_UNIQUE_KEY = new Set(['mysql', 'mariadb', 'aurora-mysql']);

/**
 * Reads, of the query builders themselves, what the events of TypeORM do not say: whether an insert is an upsert and by what it finds its row, that rows were inserted from a query, and that a statement called no listeners. The text of the
 * statement is never looked at: comments, common table expressions and quotes can make it look like anything.
 */
export class StatementWatch {
  private readonly stops = new Map<TypeOrmDataSource, () => void>();
  private readonly rows = new WeakMap<object, WrittenRow>();

  /** @param untold hears of a statement that was executed, and must not reject; one that failed outside of a transaction may have done its work, since only its answer may be lost */
  constructor(private readonly untold: (statement: Statement) => Promise<void>) {}

  watch(dataSource: TypeOrmDataSource): void {
    if (this.stops.has(dataSource)) return;
    const isOf = (builder: QueryBuilderSlice): boolean => (builder.dataSource ?? builder.connection) === dataSource;
    const stop = listenToBuilders(dataSource, {
      executes: (builder, name) => {
        if (isOf(builder) && name === 'InsertQueryBuilder') this.read(builder);
      },
      executed: (builder, name, failed) => (isOf(builder) ? this.executed(builder, name, failed) : Promise.resolve()),
    });
    if (stop !== undefined) this.stops.set(dataSource, stop);
  }

  unwatch(dataSource: TypeOrmDataSource): void {
    this.stops.get(dataSource)?.();
    this.stops.delete(dataSource);
  }

  /** Of an insert of a query builder, of which an event tells; undefined: which row it has written cannot be told. */
  rowOf({ entity }: RowEvent): WrittenRow | undefined {
    return typeof entity === 'object' && entity !== null ? this.rows.get(entity) : undefined;
  }

  private read(builder: QueryBuilderSlice): void {
    const metadata = metadataOf(builder);
    if (metadata === undefined) return;
    for (const row of valuesOf(builder)) {
      const written = rowWritten(builder, metadata, row);
      if (written === undefined) this.rows.delete(row);
      else this.rows.set(row, written);
    }
  }

  private async executed(builder: QueryBuilderSlice, name: WriterName, failed: boolean): Promise<void> {
    const metadata = metadataOf(builder);
    const { queryRunner } = builder;
    const { callListeners, insertFromSelect } = builder.expressionMap;
    const isFromSelect = insertFromSelect !== undefined;
    if (metadata === undefined || (callListeners && !isFromSelect)) return;
    if (failed && queryRunner?.isTransactionActive === true) return;
    const rowsOfSave = isFromSelect ? 0 : name === 'InsertQueryBuilder' ? valuesOf(builder).length : 1;
    await this.untold({ kind: WRITERS[name], metadata, queryRunner, rowsOfSave });
  }
}

function metadataOf({ expressionMap: { mainAlias } }: QueryBuilderSlice): TypeOrmEntityMetadata | undefined {
  return mainAlias?.hasMetadata === true ? mainAlias.metadata : undefined;
}

function valuesOf({ expressionMap: { valuesSet } }: QueryBuilderSlice): object[] {
  const all: unknown[] = Array.isArray(valuesSet) ? valuesSet : [valuesSet];
  return all.filter((row) => typeof row === 'object' && row !== null);
}

/**
 * The key of an upsert is read before it is executed. What is found in the row afterwards may be another: SQLite tells no key of a row that was there, and TypeORM takes the last one that it told.
 */
function rowWritten(
  { expressionMap }: QueryBuilderSlice,
  metadata: TypeOrmEntityMetadata,
  row: object,
): WrittenRow | undefined {
  const { onConflict = '', onIgnore, onUpdate } = expressionMap;
  if (onConflict !== '') return undefined;
  if (onUpdate === undefined) return { isNew: true, hasVersion: onIgnore !== true };
  const conflict = new Set([onUpdate.conflict ?? []].flat());
  const keys = metadata.primaryColumns ?? [];
  const isByKey = conflict.size === keys.length && keys.every(({ databaseName = '' }) => conflict.has(databaseName));
  const identity = storedIdentity(metadata, row);
  return isByKey && identity !== undefined && !ANY_UNIQUE_KEY.has(databaseOf(metadata) ?? '')
    ? { isNew: false, hasVersion: false, identity }
    : undefined;
}
