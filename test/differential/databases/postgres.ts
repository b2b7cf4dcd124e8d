import type { Database } from './database.js';
import { onServer } from './server.js';

/** With its entries in a Redis, where one is given. */
export function postgres(url: string, redisUrl?: string): Promise<Database> {
  return onServer({
    ...{ name: 'postgres', kind: 'postgres', hasSchemas: true, place: 'SCHEMA' },
    ...(redisUrl !== undefined && { redisUrl }),
    admin: { type: 'postgres', url },
    // Views name their tables without a schema.
    in: (schema) => ({ schema, extra: { options: `-c search_path=${schema}` } }),
  });
}
