import { spawnSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { freePort } from './free-port.js';
import { startProcess, temporaryDirectory, withAddress } from './own-server.js';
import { ownedBy, postgresAnswers, postgresArguments, postgresUser, type OwnPostgres } from './postgres.js';
import { obtainBinaries } from './server-binaries.js';

/** A streaming replica of a server that `startPostgres()` has started: it follows at once, and answers reads only. */
export async function startPostgresReplica(primary: OwnPostgres): Promise<OwnPostgres> {
  const binaries = obtainBinaries('postgres');
  if (binaries === undefined) {
    throw new Error('A replica needs an installed PostgreSQL: `npm run setup:servers` installs it for root on Debian.');
  }
  const port = await freePort();
  const owner = postgresUser();
  const directory = temporaryDirectory('postgres');
  ownedBy(owner, directory);
  const data = join(directory, 'data');
  const copy = ['--pgdata', data, '--dbname', primary.url, '--write-recovery-conf', '--checkpoint=fast', '--no-sync'];
  // Beside the server itself, of the same version; what lies on the PATH may be a link.
  const { status, stderr } = spawnSync(join(dirname(realpathSync(binaries.server)), 'pg_basebackup'), copy, {
    cwd: directory,
    encoding: 'utf8',
    ...owner,
  });
  if (status !== 0) throw new Error(`pg_basebackup failed:\n${stderr}`);
  const server = await startProcess('postgres', port, directory, {
    file: binaries.server,
    args: postgresArguments(data, port, directory),
    owner,
    stopSignal: 'SIGINT',
    probe: () => postgresAnswers(port),
  });
  return withAddress(server, { url: `postgres://postgres@127.0.0.1:${String(port)}/postgres` });
}
