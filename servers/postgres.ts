import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { freePort } from './free-port.js';
import { startContainer, startProcess, temporaryDirectory, withAddress } from './own-server.js';
import { obtainBinaries } from './server-binaries.js';
import { ask, type OwnServer } from './server-process.js';
import { handOver, layOut, serverUser } from './server-user.js';

export interface OwnPostgres extends OwnServer {
  readonly url: string;
}

/** A start-up message for user `postgres`: while starting the server answers with an error, then with a question. */
export async function postgresAnswers(port: number): Promise<boolean> {
  const body = Buffer.from('\0\x03\0\0user\0postgres\0database\0postgres\0\0', 'latin1');
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return (await ask(port, Buffer.concat([length, body]))).startsWith('R');
}

/** A PostgreSQL of the test's own, for user and database `postgres`; a restart keeps its data. */
export async function startPostgres(): Promise<OwnPostgres> {
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${String(port)}/postgres`;
  const probe = (): Promise<boolean> => postgresAnswers(port);
  const binaries = obtainBinaries('postgres');
  if (binaries === undefined) {
    return withAddress(await startContainer('postgres', port, { POSTGRES_PORT: String(port) }, probe), { url });
  }
  const directory = temporaryDirectory('postgres');
  const data = join(directory, 'data');
  mkdirSync(data, { mode: 0o700 });
  const owner = serverUser('postgres');
  handOver(directory, data, owner);
  const options = ['--no-sync', '--auth=trust', '--username=postgres', '--encoding=UTF8', '--locale=C'];
  await layOut(binaries.initdb, ['-D', data, ...options], data, owner);
  const server = await startProcess('postgres', port, directory, {
    file: binaries.server,
    args: postgresArguments(data, port, directory),
    owner,
    // A fast shutdown: it ends the sessions instead of waiting for them.
    stopSignal: 'SIGINT',
    probe,
  });
  return withAddress(server, { url });
}

export function postgresArguments(data: string, port: number, directory: string): string[] {
  // No waiting for the disk. Commits still reach the system's memory, where they outlive a killed server.
  const quick = ['fsync=off', 'full_page_writes=off', 'max_connections=300'];
  const settings = quick.flatMap((setting) => ['-c', setting]);
  return ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', directory, ...settings];
}
