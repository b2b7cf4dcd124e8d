import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { freePort } from './free-port.js';
import { startContainer, startProcess, temporaryDirectory, withAddress } from './own-server.js';
import { obtainBinaries } from './server-binaries.js';
import { ask, type OwnServer } from './server-process.js';
import { handOver, layOut, serverUser } from './server-user.js';

export interface OwnMariaDb extends OwnServer {
  readonly url: string;
}

/** The server greets whoever connects, with its version and how to log in. */
async function mariaDbAnswers(port: number): Promise<boolean> {
  return (await ask(port, '')).includes('mysql_native_password');
}

/** A MariaDB of the test's own, with a database `test`, for user `root` without a password; a restart keeps its data. */
export async function startMariaDb(): Promise<OwnMariaDb> {
  const port = await freePort();
  const url = `mysql://root@127.0.0.1:${String(port)}/test`;
  const probe = (): Promise<boolean> => mariaDbAnswers(port);
  const binaries = obtainBinaries('mariadb');
  if (binaries === undefined) {
    return withAddress(await startContainer('mariadb', port, { MARIADB_PORT: String(port) }, probe), { url });
  }
  const directory = temporaryDirectory('mariadb');
  const data = join(directory, 'data');
  mkdirSync(data, { mode: 0o700 });
  const owner = serverUser('mysql');
  handOver(directory, data, owner);
  const small = ['--innodb-log-file-size=4M', '--skip-name-resolve'];
  // Its own place for temporary tables: two servers that are laid out at once would remove each other's.
  const place = ['--no-defaults', `--datadir=${data}`, `--tmpdir=${directory}`, ...small];
  await layOut(binaries.install, [...place, '--auth-root-authentication-method=normal'], directory, owner);
  // No waiting for the disk. Commits still reach the system's memory, where they outlive a killed server.
  const quick = ['--innodb-flush-log-at-trx-commit=2', '--innodb-flush-method=nosync', '--skip-innodb-doublewrite'];
  const where = [`--port=${String(port)}`, '--bind-address=127.0.0.1', `--socket=${join(directory, 'socket')}`];
  const args = [...place, ...quick, ...where, `--pid-file=${join(directory, 'pid')}`];
  const server = await startProcess('mariadb', port, directory, {
    file: binaries.server,
    args,
    owner,
    stopSignal: 'SIGTERM',
    probe,
  });
  return withAddress(server, { url });
}
