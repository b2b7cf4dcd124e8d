import { Worker } from 'node:worker_threads';

export interface EmbeddedRequest {
  readonly id: number;
  readonly sql: string;
  readonly parameters: readonly unknown[] | undefined;
}

/** A result in the shape `pg` gives it. */
export interface EmbeddedResult {
  readonly command: string;
  readonly rowCount: number;
  readonly rows: readonly unknown[];
}

export type EmbeddedReply =
  | { readonly id: number; readonly result: EmbeddedResult }
  | { readonly id: number; readonly error: { readonly message: string; readonly fields: Record<string, unknown> } };

interface Pending {
  resolve(result: EmbeddedResult): void;
  reject(error: Error): void;
}

/** PostgreSQL in a worker thread, in memory: opened by the constructor, gone after {@link close}. Statements run in the order they are given. */
export class EmbeddedDatabase {
  readonly #worker = new Worker(new URL('./embedded-worker.js', import.meta.url));
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #failure: Error | undefined;

  constructor() {
    this.#worker.on('message', (reply: EmbeddedReply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#fail(new Error('The embedded database has crashed', { cause: error })));
    this.#worker.on('exit', () => this.#fail(new Error('The embedded database is closed')));
  }

  /** Without parameters `sql` may hold several statements, and the result is the last one's. */
  query(sql: string, parameters?: readonly unknown[]): Promise<EmbeddedResult> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ id, sql, parameters } satisfies EmbeddedRequest);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(reply: EmbeddedReply): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if ('result' in reply) pending?.resolve(reply.result);
    else pending?.reject(Object.assign(new Error(reply.error.message), reply.error.fields));
  }

  // The first failure is the one that explains the others.
  #fail(error: Error): void {
    this.#failure ??= error;
    for (const pending of this.#pending.values()) pending.reject(this.#failure);
    this.#pending.clear();
  }
}
