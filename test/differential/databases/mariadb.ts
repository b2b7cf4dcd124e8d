import type { Database } from './database.js';
import { onServer } from './server.js';

export function mariaDb(url: string): Promise<Database> {
  return onServer({
    ...{ name: 'mariadb', kind: 'mariadb', hasSchemas: false, place: 'DATABASE' },
    admin: { type: 'mariadb', url, timezone: 'Z' },
    in: (database) => ({ url: url.replace(/\/[^/]*$/, `/${database}`) }),
  });
}
