import type { TagChange } from '../../core/tagging.js';
import { readChanges, writeChanges } from './change-text.js';
import type { OutboxDataSource, OutboxRunner } from './outbox-data-source.js';
import { outboxDialect, type OutboxDialect } from './outbox-dialect.js';
import { escapedPath, tablePath } from './outbox-names.js';
import type { LeftRow } from './outbox-row.js';

export interface OutboxTableOptions {
  readonly table: string;
  /** Several applications may have one table; each sees its own rows. */
  readonly namespace: string;
}

/** Which rows are taken at once. */
export interface Taking {
  readonly atMost: number;
  /** By the database's clock: those that are younger are their writer's business. */
  readonly olderThanMs: number;
}

/** The statements on the outbox of one data source. Plain SQL: no entity has to be registered, and no subscriber hears of it. */
export class OutboxTable {
  readonly path: string;
  private readonly dialect: OutboxDialect;
  private readonly name: string;

  /** @throws InvalidOptionsError for a database that has no outbox */
  constructor(
    readonly dataSource: OutboxDataSource,
    private readonly options: OutboxTableOptions,
  ) {
    this.dialect = outboxDialect(dataSource.options.type);
    this.path = tablePath(options.table, dataSource);
    this.name = escapedPath(this.path, dataSource);
  }

  exists(): Promise<boolean> {
    return this.using((runner) => runner.hasTable(this.path));
  }

  /** Inside whatever transaction is open on that connection: the row comes and goes with it. */
  async insert(runner: Pick<OutboxRunner, 'query'>, id: string, changes: readonly TagChange[]): Promise<void> {
    const [first, second, third] = this.places(3);
    await runner.query(
      `INSERT INTO ${this.name} (id, namespace, created_at, changes) VALUES (${first}, ${second}, ${this.dialect.now}, ${third})`,
      [id, this.options.namespace, writeChanges(changes)],
    );
  }

  async remove(ids: readonly string[]): Promise<void> {
    await this.using(async (runner) => {
      // Where all share one connection, this would become part of somebody's transaction.
      if (!runner.isTransactionActive) await this.removeOn(runner, ids);
    });
  }

  /**
   * Announces the oldest rows, and removes them when that is done. Returns how many they were; rejects when they could not be announced, and leaves them where they are.
   *
   * While it announces, the rows are locked, and another instance takes the next ones. One that dies between the announcement and the removal leaves them: they are announced again, which
   * does no harm.
   */
  take(taking: Taking, announce: (rows: readonly LeftRow[]) => Promise<void>): Promise<number> {
    return this.using(async (runner) => {
      if (runner.isTransactionActive || (await this.select(runner, { ...taking, atMost: 1 })).length === 0) return 0;
      return this.dialect.locksRows
        ? this.takeLocked(runner, taking, announce)
        : this.announceAndRemove(runner, await this.select(runner, taking), announce);
    });
  }

  /** READ COMMITTED: under REPEATABLE READ, InnoDB would lock the end of the index too, and whoever wants to write a row would wait for the announcement. */
  private async takeLocked(
    runner: OutboxRunner,
    taking: Taking,
    announce: (rows: readonly LeftRow[]) => Promise<void>,
  ): Promise<number> {
    await runner.startTransaction('READ COMMITTED');
    try {
      const rows = await this.select(runner, taking, ' FOR UPDATE SKIP LOCKED');
      const count = await this.announceAndRemove(runner, rows, announce);
      await runner.commitTransaction();
      return count;
    } catch (error) {
      await runner.rollbackTransaction().catch(() => undefined);
      throw error;
    }
  }

  private async announceAndRemove(
    runner: OutboxRunner,
    rows: readonly LeftRow[],
    announce: (rows: readonly LeftRow[]) => Promise<void>,
  ): Promise<number> {
    if (rows.length === 0) return 0;
    await announce(rows);
    // Without locks somebody may have begun a transaction on the shared connection meanwhile: next time.
    const isOurs = this.dialect.locksRows || !runner.isTransactionActive;
    if (isOurs) await this.removeOn(runner, rows.map(({ id }) => id)); // prettier-ignore
    return rows.length;
  }

  private async select(runner: OutboxRunner, { atMost, olderThanMs }: Taking, lock = ''): Promise<LeftRow[]> {
    const rows = await runner.query(
      `SELECT id, changes FROM ${this.name} WHERE namespace = ${this.dialect.parameter(1)} AND created_at <= ${this.dialect.now} - ${String(olderThanMs)} ` +
        `ORDER BY created_at LIMIT ${String(atMost)}${lock}`,
      [this.options.namespace],
    );
    return (rows as { id: string; changes: unknown }[]).map(({ id, changes }) => ({
      id,
      changes: readChanges(changes),
    }));
  }

  private async removeOn(runner: OutboxRunner, ids: readonly string[]): Promise<void> {
    for (let first = 0; first < ids.length; first += this.dialect.removedAtOnce) {
      const some = ids.slice(first, first + this.dialect.removedAtOnce);
      await runner.query(`DELETE FROM ${this.name} WHERE id IN (${this.places(some.length).join(', ')})`, some);
    }
  }

  private places(count: number): string[] {
    return Array.from({ length: count }, (_, index) => this.dialect.parameter(index + 1));
  }

  private async using<T>(work: (runner: OutboxRunner) => Promise<T>): Promise<T> {
    const runner = this.dataSource.createQueryRunner();
    try {
      return await work(runner);
    } finally {
      await runner.release();
    }
  }
}
