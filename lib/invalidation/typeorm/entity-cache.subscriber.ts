import type { TypeOrmDataSource, TypeOrmEntityMetadata } from '../../codec/typeorm-types.js';
import type { TagChange } from '../../core/tagging.js';
import { compareVersions, type Version } from '../../core/version.js';
import type { EntityChange } from '../entity-change.js';
import { entityKeys, tellsNoRow } from '../entity-keys.js';
import type { OutboxRow } from '../outbox/outbox-row.js';
import { PendingChanges } from '../pending-changes.js';
import type { QueryRunnerSlice, RowEvent, TransactionEvent } from './typeorm-events.js';
import { SilentStatements } from './silent-statements.js';
import { StatementWatch, type Statement, type WrittenRow } from './statement-watch.js';

/** What the subscriber needs of the cache. */
export interface EntityCacheSubscriberOptions {
  /** Announces committed changes, and removes the rows of the outbox that tell them. Must not reject. */
  readonly announce: (changes: readonly TagChange[], rows: readonly OutboxRow[]) => Promise<void>;
  /** The version of a saved entity; undefined where it has none. Must not throw. */
  readonly versionOf: (metadata: TypeOrmEntityMetadata, entity: unknown) => Version | undefined;
  /** Whether statements of query builders, which tell no rows, invalidate every entry of their entity. */
  readonly bulkChanges: boolean;
  /** Where changes are kept with the transaction that makes them. Default: nowhere. */
  readonly outbox?: ChangeOutbox | undefined;
}

/** Keeps changes with the transaction that makes them. */
export interface ChangeOutbox {
  /** Writes them inside the open transaction. Rejects when that fails, and the transaction must not be committed. */
  write(queryRunner: QueryRunnerSlice, changes: readonly TagChange[]): Promise<OutboxRow>;
  /** Hears of a change that was committed by itself, without a transaction in which it could be kept. */
  passedBy(entity: string): void;
}

/** What became of the row, beside the row itself. */
type Happened = Omit<EntityChange, 'metadata' | 'entity' | 'databaseEntity' | 'entityId'>;

/**
 * Turns TypeORM's events into announcements, after the outermost commit and never before. The module adds it to every data source.
 *
 * Nothing is thrown after the commit: that would make a write fail that has been done. And no other connection is asked for: where the pool has no other, that would wait for ever. Only the outbox is
 * written, before the commit and on the connection of the transaction.
 */
export class EntityCacheSubscriber {
  private readonly transactions = new WeakMap<QueryRunnerSlice, PendingChanges>();
  private readonly silent = new SilentStatements();
  private readonly statements = new StatementWatch((statement) => this.untold(statement));

  constructor(private readonly options: EntityCacheSubscriberOptions) {}

  /** Hears of the statements of a data source's query builders too, of which TypeORM says too little. */
  watch(dataSource: TypeOrmDataSource): void {
    this.statements.watch(dataSource);
  }

  /** Leaves the query builders of a data source as they were found, unless another one listens. */
  unwatch(dataSource: TypeOrmDataSource): void {
    this.statements.unwatch(dataSource);
  }

  /** A row was inserted, or changed by an upsert. */
  afterInsert(event: RowEvent): Promise<void> {
    const { isNew, hasVersion, identity, mayBeAnother } = this.inserted(event);
    const version = hasVersion ? this.version(event, event.entity) : undefined;
    return this.changed(event, { kind: 'insert', isNew, version, identity, mayBeAnother });
  }

  /** A row was updated, or, by a query builder, rows that are not told. */
  afterUpdate(event: RowEvent): Promise<void> {
    const { updatedColumns, updatedRelations } = event;
    return this.told(event, { kind: 'update', version: this.newVersion(event), updatedColumns, updatedRelations });
  }

  /** A row was deleted, or rows that are not told. */
  afterRemove(event: RowEvent): Promise<void> {
    return this.told(event, { kind: 'remove', version: this.version(event, event.databaseEntity) });
  }

  /** The same, when the row is only marked as deleted. */
  afterSoftRemove(event: RowEvent): Promise<void> {
    return this.told(event, { kind: 'soft-remove', version: this.newVersion(event) });
  }

  /** A row that was marked as deleted is back. */
  afterRecover(event: RowEvent): Promise<void> {
    return this.told(event, { kind: 'recover', version: this.newVersion(event) });
  }

  /**
   * Before the outermost commit all of it is written. What was written before a savepoint ends would have to be written again here:
   *   1. something is changed, and in a savepoint within a savepoint more; the inner one ends; 2. the outer one is rolled back, and takes along what was written since it began; 3. the transaction commits what was
   *   changed first.
   */
  async beforeTransactionCommit({ queryRunner }: TransactionEvent): Promise<void> {
    if ((queryRunner.transactionDepth ?? 1) !== 1) return;
    this.settle(queryRunner);
    const pending = this.transactions.get(queryRunner);
    if (pending === undefined || this.options.outbox === undefined) return;
    pending.isInOutbox = true;
    pending.rows.push(await this.options.outbox.write(queryRunner, pending.all()));
  }

  /** Told of savepoints too: only the commit after which no transaction is open is one. */
  afterTransactionCommit({ queryRunner }: TransactionEvent): Promise<void> {
    if (queryRunner.isTransactionActive) return Promise.resolve();
    this.settle(queryRunner);
    const pending = this.transactions.get(queryRunner);
    if (pending === undefined) return Promise.resolve();
    this.transactions.delete(queryRunner);
    return this.options.announce(pending.all(), pending.rows);
  }

  /** Of a savepoint, or of the transaction. */
  afterTransactionRollback({ queryRunner }: TransactionEvent): void {
    if (queryRunner.isTransactionActive) {
      this.transactions.get(queryRunner)?.partlyRolledBack();
      return;
    }
    this.silent.takeUntold(queryRunner);
    this.transactions.delete(queryRunner);
  }

  /** Rows that were written in the transaction, and that nobody has told: their whole tables. */
  private settle(queryRunner: QueryRunnerSlice): void {
    for (const { kind, metadata } of this.silent.takeUntold(queryRunner)) this.keep(queryRunner, { kind, metadata });
  }

  /** What is known of an inserted row: by a query builder its own settings tell, and what `save()` inserts is new. */
  private inserted(event: RowEvent): Partial<WrittenRow> & { readonly mayBeAnother?: boolean } {
    const ofBuilder = this.statements.rowOf(event);
    if (ofBuilder !== undefined) return ofBuilder;
    const isOfSave = this.silent.told(event, 'insert') || event.entityId !== undefined;
    return isOfSave ? { isNew: true, hasVersion: true } : { mayBeAnother: true };
  }

  /** A statement touched rows that no event of its own tells: a query builder without listeners, `save(…, { listeners: false })`, `INSERT … SELECT`. */
  private untold({ kind, metadata, queryRunner, rowsOfSave }: Statement): Promise<void> {
    if (queryRunner?.isTransactionActive !== true || rowsOfSave === 0)
      return this.changed({ metadata, queryRunner: queryRunner ?? { isTransactionActive: false } }, { kind });
    this.silent.executed(queryRunner, metadata, kind, rowsOfSave);
    return Promise.resolve();
  }

  private told(event: RowEvent, more: Happened): Promise<void> {
    this.silent.told(event, more.kind);
    return this.changed(event, more);
  }

  private async changed(event: RowEvent, more: Happened): Promise<void> {
    const { queryRunner, metadata, entity, databaseEntity, entityId } = event;
    const change: EntityChange = { metadata, entity, databaseEntity, entityId, ...more };
    const { outbox } = this.options;
    if (!queryRunner.isTransactionActive) {
      if (!this.isHeard(change)) return;
      outbox?.passedBy(metadata.name);
      return this.options.announce(entityKeys(change), []);
    }
    const pending = this.keep(queryRunner, change);
    // 1. Before the commit the row is written; 2. another subscriber writes on, before the same commit: that is told by a row of its own.
    if (outbox !== undefined && pending?.isInOutbox === true)
      pending.rows.push(await outbox.write(queryRunner, entityKeys(change)));
  }

  private keep(queryRunner: QueryRunnerSlice, change: EntityChange): PendingChanges | undefined {
    if (!this.isHeard(change)) return undefined;
    const pending = this.transactions.get(queryRunner) ?? new PendingChanges();
    this.transactions.set(queryRunner, pending);
    pending.add(change);
    return pending;
  }

  private isHeard(change: EntityChange): boolean {
    return this.options.bulkChanges || !tellsNoRow(change);
  }

  private version({ metadata }: RowEvent, entity: unknown): Version | undefined {
    return this.options.versionOf(metadata, entity);
  }

  /** Only one that is higher than before: with `{ reload: false }` the saved object still has the one that the change has replaced. */
  private newVersion(event: RowEvent): Version | undefined {
    const before = this.version(event, event.databaseEntity);
    const after = this.version(event, event.entity);
    return (compareVersions(before, after) ?? 0) < 0 ? after : undefined;
  }
}
