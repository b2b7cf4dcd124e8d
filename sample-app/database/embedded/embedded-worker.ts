import { PGlite, types } from '@electric-sql/pglite';
import { dataDir } from '@electric-sql/pglite-prepopulatedfs';
import { parentPort } from 'node:worker_threads';
import type { EmbeddedReply, EmbeddedRequest } from './embedded-database.js';

/**
 * The embedded database, in a thread of its own: a query of PGlite holds the thread it runs on until the query is done, and that must not be
 * the thread that answers requests.
 */
const port = parentPort;
if (port === null) throw new Error('embedded-worker runs only as a worker thread; use EmbeddedDatabase');

// Bigints arrive as strings, as `pg` gives them, so that the application cannot tell the two databases apart.
const opening = dataDir().then((image) => PGlite.create({ loadDataDir: image, parsers: { [types.INT8]: String } }));

port.on('message', (request: EmbeddedRequest) => {
  void answer(request).then((reply) => port.postMessage(reply));
});

async function answer({ id, sql, parameters }: EmbeddedRequest): Promise<EmbeddedReply> {
  try {
    const database = await opening;
    // Only `exec` takes several statements at once, and only `query` takes parameters.
    const result =
      parameters === undefined ? (await database.exec(sql)).at(-1) : await database.query(sql, [...parameters]);
    return {
      id,
      result: { command: result?.command ?? '', rowCount: result?.rowCount ?? 0, rows: result?.rows ?? [] },
    };
  } catch (error) {
    return { id, error: describe(error) };
  }
}

// An error loses its own fields on the way between threads, and the SQLSTATE is one of them.
function describe(error: unknown): { message: string; fields: Record<string, unknown> } {
  if (!(error instanceof Error)) return { message: String(error), fields: {} };
  const { code, detail, table, column, constraint } = error as Error & Record<string, unknown>;
  return { message: error.message, fields: { code, detail, table, column, constraint } };
}
