import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { freePort } from './free-port.js';
import { startContainer, startProcess, temporaryDirectory, withAddress } from './own-server.js';
import { obtainBinaries, type PostgresBinaries } from './server-binaries.js';
import { ask, type OwnServer } from './server-process.js';

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
  const owner = postgresUser();
  ownedBy(owner, directory, data);
  await initialize(binaries, data, owner);
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

type Owner = { readonly uid: number; readonly gid: number } | undefined;

/** Gives the server's directories, the first of them a temporary one, to the user it runs as. */
export function ownedBy(owner: Owner, ...directories: readonly string[]): void {
  const [temporary] = directories;
  if (owner === undefined || temporary === undefined) return;
  chmodSync(temporary, 0o755);
  for (const path of directories) chownSync(path, owner.uid, owner.gid);
}

/** PostgreSQL refuses to run as root; Debian's package has made a user for it. */
export function postgresUser(): Owner {
  if (process.getuid?.() !== 0) return undefined;
  const [uid, gid] = ['-u', '-g'].map((flag) =>
    Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout),
  );
  if (!uid || !gid)
    throw new Error('PostgreSQL refuses to run as root, and there is no user named postgres to run it as.');
  return { uid, gid };
}

async function initialize(
  binaries: PostgresBinaries,
  data: string,
  owner?: { uid: number; gid: number },
): Promise<void> {
  const options = ['--no-sync', '--auth=trust', '--username=postgres', '--encoding=UTF8', '--locale=C'];
  const child = spawn(binaries.initdb, ['-D', data, ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd: data,
    ...owner,
  });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`initdb failed:\n${complaint}`);
}
