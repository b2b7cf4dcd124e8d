import { mkdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { freePort } from './free-port.js';
import { startProcess, temporaryDirectory, withAddress } from './own-server.js';
import { postgresAnswers, postgresArguments, type OwnPostgres } from './postgres.js';
import { obtainBinaries } from './server-binaries.js';
import { handOver, layOut, serverUser } from './server-user.js';

/** A streaming replica of a server that `startPostgres()` has started: it follows at once, and answers reads only. */
export async function startPostgresReplica(primary: OwnPostgres): Promise<OwnPostgres> {
  const binaries = obtainBinaries('postgres');
  if (binaries === undefined) {
    throw new Error('A replica needs an installed PostgreSQL: `npm run setup:servers` installs it for root on Debian.');
  }
  const port = await freePort();
  const owner = serverUser('postgres');
  const directory = temporaryDirectory('postgres');
  const data = join(directory, 'data');
  mkdirSync(data, { mode: 0o700 });
  handOver(directory, data, owner);
  const copy = ['--pgdata', data, '--dbname', primary.url, '--write-recovery-conf', '--checkpoint=fast', '--no-sync'];
  // Beside the server itself, of the same version; what lies on the PATH may be a link.
  await layOut(join(dirname(realpathSync(binaries.server)), 'pg_basebackup'), copy, directory, owner);
  const server = await startProcess('postgres', port, directory, {
    file: binaries.server,
    args: postgresArguments(data, port, directory),
    owner,
    stopSignal: 'SIGINT',
    probe: () => postgresAnswers(port),
  });
  return withAddress(server, { url: `postgres://postgres@127.0.0.1:${String(port)}/postgres` });
}
