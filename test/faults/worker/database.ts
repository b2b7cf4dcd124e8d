import pg from 'pg';
import { SETTINGS, monotonicMs } from '../settings.js';

export interface Row {
  readonly key: string;
  /** When its load began. */
  readonly loadedAt: number;
}

/** Where the workers' values come from: a query that takes its time inside PostgreSQL, and a count of what is under way. */
export class Database {
  #slowestLoadMs = 0;
  #loadsAtOnce = 0;
  readonly #pool: pg.Pool;
  readonly #underWay = new Map<string, number>();

  constructor(
    url: string,
    private readonly tell: (load: { group: string; key: string; at: number }) => void,
  ) {
    this.#pool = new pg.Pool({
      connectionString: url,
      max: 30,
      connectionTimeoutMillis: SETTINGS.loadTimeoutMs,
      query_timeout: SETTINGS.loadTimeoutMs,
      idleTimeoutMillis: 1_000,
    });
    this.#pool.on('error', () => undefined);
  }

  async load(group: string, key: string, loadMs: number): Promise<Row> {
    const loadedAt = monotonicMs();
    this.tell({ group, key, at: loadedAt });
    const name = `${group}/${key}`;
    const count = (this.#underWay.get(name) ?? 0) + 1;
    this.#underWay.set(name, count);
    this.#loadsAtOnce = Math.max(this.#loadsAtOnce, count);
    try {
      await this.#pool.query('select pg_sleep($1)', [loadMs / 1_000]);
      return { key, loadedAt };
    } finally {
      const left = this.#underWay.get(name)! - 1;
      if (left === 0) this.#underWay.delete(name);
      else this.#underWay.set(name, left);
      this.#slowestLoadMs = Math.max(this.#slowestLoadMs, monotonicMs() - loadedAt);
    }
  }

  async answers(): Promise<boolean> {
    await this.#pool.query('select 1');
    return true;
  }

  /** Since it was last asked. */
  takeCounts(): { readonly slowestLoadMs: number; readonly loadsAtOnce: number } {
    const counts = { slowestLoadMs: this.#slowestLoadMs, loadsAtOnce: this.#loadsAtOnce };
    this.#slowestLoadMs = 0;
    this.#loadsAtOnce = 0;
    return counts;
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}
