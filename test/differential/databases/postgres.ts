import type { Database } from './database.js';
import { onServer } from './server.js';

export function postgres(url: string): Promise<Database> {
  return onServer({
    ...{ name: 'postgres', kind: 'postgres', hasSchemas: true, place: 'SCHEMA' },
    admin: { type: 'postgres', url },
    // Views name their tables without a schema.
    in: (schema) => ({ schema, extra: { options: `-c search_path=${schema}` } }),
  });
}
