import pg from 'pg';

/** The rows of a history: a key and its version, which every update raises by one. */
export class HistoryTable {
  private constructor(
    private readonly database: pg.Pool,
    private readonly namespace: string,
  ) {}

  static open(url: string, namespace: string): HistoryTable {
    const database = new pg.Pool({ connectionString: url, max: 10 });
    database.on('error', () => undefined);
    return new HistoryTable(database, namespace);
  }

  async create(keys: readonly string[]): Promise<void> {
    // Two runs may come here at the same time, and "if not exists" does not wait for one another.
    const create = 'create table if not exists history (key text primary key, version int not null)';
    await this.database.query(`do $$ begin perform pg_advisory_xact_lock(4712); ${create}; end $$`);
    for (const key of keys) await this.database.query('insert into history values ($1, 1)', [this.name(key)]);
  }

  async read(key: string): Promise<number> {
    return this.versionOf('select version from history where key = $1', key);
  }

  /** Commits a change of the row; resolves with the version that it gave it. */
  async change(key: string): Promise<number> {
    return this.versionOf('update history set version = version + 1 where key = $1 returning version', key);
  }

  close(): Promise<void> {
    return this.database.end();
  }

  private async versionOf(query: string, key: string): Promise<number> {
    const { rows } = await this.database.query<{ version: number }>(query, [this.name(key)]);
    return rows[0]!.version;
  }

  private name(key: string): string {
    return `${this.namespace}/${key}`;
  }
}
