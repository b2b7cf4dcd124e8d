import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';

/** A schema of its own on the shared server: the application's tables are made in it, because it is all its sessions look at. */
export class OwnSchema {
  readonly name = `sample_${randomBytes(6).toString('hex')}`;
  readonly #server = inject('postgresUrl');

  get url(): string {
    const url = new URL(this.#server);
    url.searchParams.set('options', `-c search_path=${this.name}`);
    return url.href;
  }

  async create(): Promise<void> {
    await this.#run(`CREATE SCHEMA ${this.name}`);
  }

  async drop(): Promise<void> {
    await this.#run(`DROP SCHEMA ${this.name} CASCADE`);
  }

  /** Nobody reads the table until it is released; `waiting` tells how many queries would like to. */
  async hold(table: string): Promise<{ waiting(): Promise<number>; release(): Promise<void> }> {
    const client = new pg.Client({ connectionString: this.#server });
    await client.connect();
    await client.query('BEGIN');
    await client.query(`LOCK TABLE ${this.name}.${table} IN ACCESS EXCLUSIVE MODE`);
    const waiting = async (): Promise<number> => {
      const locks = `SELECT pid FROM pg_locks WHERE NOT granted AND relation = '${this.name}.${table}'::regclass`;
      return (await client.query(locks)).rows.length;
    };
    return { waiting, release: () => client.end() };
  }

  async #run(sql: string): Promise<void> {
    const client = new pg.Client({ connectionString: this.#server });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  }
}
