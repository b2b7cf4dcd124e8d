import type { Database } from './database.js';
import { mariaDb } from './mariadb.js';
import { pglite } from './pglite.js';
import { postgres } from './postgres.js';
import { sqlJs } from './sqljs.js';

export const DATABASES = ['sqljs', 'pglite', 'postgres', 'mariadb'] as const;
export type DatabaseName = (typeof DATABASES)[number];

export type Server = 'postgres' | 'mariadb' | 'redis';

/** Opens one by name, on a server whose address is asked for when it is needed. */
export async function openDatabase(name: DatabaseName, urlOf: (server: Server) => Promise<string>): Promise<Database> {
  switch (name) {
    case 'sqljs':
      return sqlJs();
    case 'pglite':
      return pglite();
    case 'postgres':
      return postgres(await urlOf('postgres'), await urlOf('redis'));
    case 'mariadb':
      return mariaDb(await urlOf('mariadb'));
  }
}
