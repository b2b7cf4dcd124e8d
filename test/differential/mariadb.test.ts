import { obtainMariaDb } from '../support/maria-db.js';
import { mariaDb } from './databases/mariadb.js';
import { differentialSuite } from './suite.js';

differentialSuite(
  'mariadb',
  async () => {
    const server = await obtainMariaDb();
    const database = await mariaDb(server.url);
    const close = async (): Promise<void> => {
      await database.close();
      await server.stop();
    };
    return { ...database, close };
  },
  5,
);
