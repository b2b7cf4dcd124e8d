import { randomBytes } from 'node:crypto';
import pg from 'pg';

const CONNECT_WITHIN_MS = 5_000;
const ANSWER_WITHIN_MS = 20_000;

/**
 * The report reads the table `sale`. Here that name becomes a view, which takes a number from a sequence once for each query that reads it, and
 * then gives the table's rows. So the database itself counts, and the application's query is the one that it always sends. A number that was
 * taken is never given back, even if its query fails.
 */
const COUNT_READERS_OF_SALE = `
  ALTER TABLE sale RENAME TO sale_row;
  CREATE SEQUENCE asked;
  CREATE VIEW sale AS
    WITH question AS MATERIALIZED (SELECT nextval('asked'))
    SELECT sale_row.* FROM question, sale_row;
`;

/** A schema of its own on a PostgreSQL server, for one run: the application's tables are made in it, because it is all that its sessions see. */
export class CountingDatabase {
  readonly name = `stampede_${randomBytes(6).toString('hex')}`;
  /** For the application. */
  readonly url: string;
  readonly #client: pg.Client;

  private constructor(server: string) {
    const url = new URL(server);
    const options = url.searchParams.get('options') ?? '';
    url.searchParams.set('options', `${options} -c search_path=${this.name}`.trim());
    this.url = url.href;
    this.#client = new pg.Client({
      connectionString: this.url,
      connectionTimeoutMillis: CONNECT_WITHIN_MS,
      query_timeout: ANSWER_WITHIN_MS,
    });
    // A lost connection fails the next query, which is where it is noticed.
    this.#client.on('error', () => undefined);
  }

  static async create(server: string): Promise<CountingDatabase> {
    const database = new CountingDatabase(server);
    await database.#client.connect();
    await database.#client.query(`CREATE SCHEMA ${database.name}`);
    return database;
  }

  /** From now on the report's queries are counted. The application must have made its tables before. */
  async count(): Promise<void> {
    await this.#client.query(COUNT_READERS_OF_SALE);
  }

  /** How many queries have read the sales. */
  async asked(): Promise<number> {
    const { rows } = await this.#client.query<{ asked: number }>(
      'SELECT CASE WHEN is_called THEN last_value::integer ELSE 0 END AS asked FROM asked',
    );
    return rows[0]?.asked ?? 0;
  }

  async drop(): Promise<void> {
    try {
      await this.#client.query(`DROP SCHEMA ${this.name} CASCADE`);
    } finally {
      await this.#client.end();
    }
  }
}
