import { EmbeddedDatabase, type EmbeddedResult } from './embedded-database.js';

type Release = () => void;
type ConnectCallback = (error: unknown, client?: EmbeddedClient, release?: Release) => void;

/** What TypeORM asks of a `pg` client. It never raises events, so there is nobody to remember who listens. */
export class EmbeddedClient {
  constructor(private readonly database: EmbeddedDatabase) {}

  query(sql: string, parameters?: readonly unknown[]): Promise<EmbeddedResult> {
    return this.database.query(sql, parameters);
  }

  on(): this {
    return this;
  }

  removeListener(): this {
    return this;
  }
}

/**
 * What TypeORM asks of `pg.Pool`, over one embedded database: given as `driver: { Pool: EmbeddedPool }` of the type `postgres`.
 *
 * The database has one session, so there is one client, and whoever connects waits until those before have released it. Without that turn two
 * transactions would run inside each other: 1. A begins, 2. B begins, which the session takes as part of A, 3. A rolls back and B's
 * writes are gone, though B is told that they are committed.
 */
export class EmbeddedPool {
  readonly #database = new EmbeddedDatabase();
  readonly #client = new EmbeddedClient(this.#database);
  #turn: Promise<void> = Promise.resolve();

  connect(callback: ConnectCallback): void {
    const turn = this.#turn;
    // Replaced at once by the promise's own function; released twice is released once.
    let release: Release = () => undefined;
    this.#turn = new Promise((resolve) => (release = resolve));
    void turn.then(() => callback(undefined, this.#client, release));
  }

  end(callback: (error?: unknown) => void): void {
    this.#database.close().then(() => callback(), callback);
  }

  on(): this {
    return this;
  }
}
