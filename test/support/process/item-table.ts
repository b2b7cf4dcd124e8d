import pg from 'pg';

/** The rows that instances load, and the count of their loads; both keep apart by namespace. */
export class ItemTable {
  private constructor(
    private readonly database: pg.Client,
    private readonly namespace: string,
  ) {}

  static async open(url: string, namespace: string): Promise<ItemTable> {
    const database = new pg.Client({ connectionString: url });
    await database.connect();
    // Two files may come here at the same time, and "if not exists" does not wait for one another.
    await database.query('select pg_advisory_lock(4711)');
    await database.query('create table if not exists items (key text primary key, value text, version bigint)');
    await database.query('create table if not exists loads (key text, instance int, at timestamptz default now())');
    await database.query('select pg_advisory_unlock(4711)');
    return new ItemTable(database, namespace);
  }

  async put(key: string, value: string, version: number): Promise<void> {
    await this.database.query(
      'insert into items values ($1, $2, $3) on conflict (key) do update set value = $2, version = $3',
      [this.name(key), value, version],
    );
  }

  async loads(key: string): Promise<number> {
    const { rows } = await this.database.query<{ count: string }>('select count(*) from loads where key = $1', [
      this.name(key),
    ]);
    return Number(rows[0]?.count);
  }

  /** Closes a gate: loaders that were given its number wait there until it is opened. */
  async closeGate(gate: number): Promise<() => Promise<void>> {
    await this.database.query('select pg_advisory_lock($1)', [gate]);
    return async () => {
      await this.database.query('select pg_advisory_unlock($1)', [gate]);
    };
  }

  close(): Promise<void> {
    return this.database.end();
  }

  private name(key: string): string {
    return `${this.namespace}/${key}`;
  }
}
