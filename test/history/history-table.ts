import { DataSource, type EntityManager } from 'typeorm';
import { HistoryRow, historyRows } from './history-row.js';
import { shelfOf } from './entries.js';

export type What = 'changed' | 'removed' | 'inserted';

/** What a transaction is about to commit. */
export interface Change {
  readonly what: What;
  readonly stamp: number;
  /** As it is afterwards; of a removed row, as it was. */
  readonly row: HistoryRow;
}

export interface ChangePlan {
  readonly key: string;
  /** A row that is there is removed; one that is not there is always born again. */
  readonly removes: boolean;
  /** `orm`: TypeORM hears of it. `sql`: nobody does. */
  readonly by: 'orm' | 'sql';
  /** Called inside the transaction, when all is written; what it throws rolls back. */
  readonly written: (change: Change) => void;
}

/** The rows of a history, in a schema of their own. */
export class HistoryTable {
  private constructor(
    readonly data: DataSource,
    private readonly schema: string,
  ) {}

  static async open(url: string, schema: string): Promise<HistoryTable> {
    const data = new DataSource({ type: 'postgres', url, schema, entities: [historyRows], poolSize: 10 });
    return new HistoryTable(await data.initialize(), schema);
  }

  async create(keys: readonly string[]): Promise<void> {
    await this.data.query(`create schema ${this.schema}`);
    await this.data.query(`create sequence ${this.schema}.stamps`);
    await this.data.synchronize();
    for (const key of keys) await this.change({ key, removes: false, by: 'sql', written: () => undefined });
  }

  async drop(): Promise<void> {
    await this.data.query(`drop schema ${this.schema} cascade`);
  }

  read(key: string): Promise<HistoryRow | null> {
    return this.data.manager.findOneBy(HistoryRow, { key });
  }

  async version(key: string): Promise<number | undefined> {
    const row = await this.data.manager.findOne(HistoryRow, { where: { key }, select: { key: true, version: true } });
    return row?.version;
  }

  list(shelf: number): Promise<HistoryRow[]> {
    return this.data.manager.find(HistoryRow, { where: { shelf }, order: { key: 'asc' } });
  }

  /** One transaction, which commits one change of one row. */
  change({ key, removes, by, written }: ChangePlan): Promise<Change> {
    return this.data.transaction(async (manager) => {
      // Also where there is no row: stamps of one key are given in the order of its commits.
      await manager.query('select pg_advisory_xact_lock(hashtext($1))', [`${this.schema}/${key}`]);
      const [next] = await manager.query<{ stamp: number }[]>(`select nextval('${this.schema}.stamps')::int as stamp`);
      const stamp = next!.stamp;
      const row = await manager.findOneBy(HistoryRow, { key });
      const what = row === null ? 'inserted' : removes ? 'removed' : 'changed';
      const write = by === 'orm' ? byOrm : (...given: Written) => this.bySql(...given);
      const change = { what, stamp, row: await write(manager, what, row ?? born(key), stamp) } as const;
      written(change);
      return change;
    });
  }

  close(): Promise<void> {
    return this.data.destroy();
  }

  private async bySql(manager: EntityManager, what: What, row: HistoryRow, stamp: number): Promise<HistoryRow> {
    const table = `${this.schema}.history_row`;
    const { key, shelf } = row;
    if (what === 'removed') await manager.query(`delete from ${table} where key = $1`, [key]);
    else if (what === 'inserted')
      await manager.query(`insert into ${table} values ($1, $2, $3, 1)`, [key, shelf, stamp]);
    else await manager.query(`update ${table} set stamp = $2, version = version + 1 where key = $1`, [key, stamp]);
    if (what === 'removed') return row;
    const version = what === 'inserted' ? 1 : row.version + 1;
    return Object.assign(new HistoryRow(), row, { stamp, version });
  }
}

type Written = [manager: EntityManager, what: What, row: HistoryRow, stamp: number];

async function byOrm(...[manager, what, row, stamp]: Written): Promise<HistoryRow> {
  if (what !== 'removed') return manager.save(Object.assign(row, { stamp }));
  const was = Object.assign(new HistoryRow(), row);
  await manager.remove(row);
  return was;
}

function born(key: string): HistoryRow {
  return Object.assign(new HistoryRow(), { key, shelf: shelfOf(key) });
}
