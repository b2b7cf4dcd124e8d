import { startMariaDb, type OwnMariaDb } from '../../servers/index.js';

/**
 * A MariaDB for the few files that need one: the one that TEST_MARIADB_URL names, with the right to make databases, or one of their own. The other files
 * do not wait for it to start.
 */
export async function obtainMariaDb(): Promise<Pick<OwnMariaDb, 'url' | 'stop'>> {
  const url = process.env.TEST_MARIADB_URL;
  return url === undefined || url === '' ? startMariaDb() : { url, stop: () => Promise.resolve() };
}
