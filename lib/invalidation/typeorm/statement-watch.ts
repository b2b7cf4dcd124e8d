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
  /** It was told not to call listeners: `save()` runs such statements, and tells their rows itself. */
  readonly isSilent: boolean;
}

/** A row of an insert: it was not there before, or it is the one of this key. */
export type WrittenRow = { readonly isNew: true } | { readonly isNew: false; readonly identity: readonly string[] };

export interface StatementListener {
  /** Hears of a statement that has been executed. The statement's promise waits for this one, which must not reject. */
  untold(statement: Statement): Promise<void>;
  failed(queryRunner: QueryRunnerSlice): void;
}

/** What an upsert finds its row by in these databases cannot be named: any unique key does. */
const ANY_UNIQUE_KEY = new Set(['mysql', 'mariadb', 'aurora-mysql']);

/**
 * Reads, of the query builders themselves, what the events of TypeORM do not say: whether an insert is an upsert and by what it finds its row, that rows were inserted from a query, and that a statement called no listeners. The text of the
 * statement is never looked at: comments, common table expressions and quotes can make it look like anything.
 */
export class StatementWatch {
  private readonly watched = new WeakSet();
  private readonly stops = new Map<TypeOrmDataSource, () => void>();
  private readonly rows = new WeakMap<object, WrittenRow>();

  constructor(private readonly listener: StatementListener) {}

  watch(dataSource: TypeOrmDataSource): void {
    if (this.stops.has(dataSource)) return;
    const stop = listenToBuilders(dataSource, (builder, name) => {
      if (this.watched.has(builder.dataSource ?? builder.connection ?? {})) this.hear(builder, name);
    });
    if (stop === undefined) return;
    this.watched.add(dataSource);
    this.stops.set(dataSource, stop);
  }

  unwatch(dataSource: TypeOrmDataSource): void {
    this.watched.delete(dataSource);
    this.stops.get(dataSource)?.();
    this.stops.delete(dataSource);
  }

  /** Which row an insert of a query builder has written, of which an event tells; undefined: that cannot be told. */
  rowOf({ entity }: RowEvent): WrittenRow | undefined {
    return typeof entity === 'object' && entity !== null ? this.rows.get(entity) : undefined;
  }

  private hear(builder: QueryBuilderSlice, name: WriterName): void {
    const execute = builder.execute.bind(builder);
    builder.execute = async () => {
      const { callListeners, insertFromSelect, mainAlias, valuesSet } = builder.expressionMap;
      const metadata = mainAlias?.hasMetadata === true ? mainAlias.metadata : undefined;
      if (metadata !== undefined && name === 'InsertQueryBuilder') {
        for (const row of [valuesSet ?? []].flat()) {
          const written = rowWritten(builder, metadata, row);
          if (written === undefined) this.rows.delete(row);
          else this.rows.set(row, written);
        }
      }
      const { queryRunner } = builder;
      try {
        return await execute();
      } catch (error) {
        if (queryRunner !== undefined && callListeners) this.listener.failed(queryRunner);
        throw error;
      } finally {
        // A statement that failed may have done its work: an answer that was lost.
        const isUntold = insertFromSelect !== undefined || !callListeners;
        if (metadata !== undefined && isUntold)
          await this.listener.untold({
            kind: WRITERS[name],
            metadata,
            queryRunner,
            isSilent: insertFromSelect === undefined,
          });
      }
    };
  }
}

/**
 * The key of an upsert is read before it is executed. What it finds in the row afterwards may be another: SQLite tells no key of a row that was there, and TypeORM takes the last one that it told.
 */
function rowWritten(
  { expressionMap }: QueryBuilderSlice,
  metadata: TypeOrmEntityMetadata,
  row: object,
): WrittenRow | undefined {
  const { onConflict = '', onUpdate } = expressionMap;
  if (onConflict !== '') return undefined;
  if (onUpdate === undefined) return { isNew: true };
  const conflict = new Set([onUpdate.conflict ?? []].flat());
  const keys = metadata.primaryColumns ?? [];
  const isByKey = conflict.size === keys.length && keys.every(({ databaseName = '' }) => conflict.has(databaseName));
  const identity = storedIdentity(metadata, row);
  return isByKey && identity !== undefined && !ANY_UNIQUE_KEY.has(databaseOf(metadata) ?? '')
    ? { isNew: false, identity }
    : undefined;
}
