import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync } from 'node:fs';

export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** Database servers refuse to run as root; Debian's packages make a user for each. Undefined when this process is not root. */
export function serverUser(name: string): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout));
  if (!uid || !gid)
    throw new Error(`The server refuses to run as root, and there is no user named ${name} to run it as.`);
  return { uid, gid };
}

/** Gives a temporary directory, and what lies in it, to the user of the server. */
export function handOver(directory: string, data: string, owner: ServerUser | undefined): void {
  if (owner === undefined) return;
  chmodSync(directory, 0o755);
  for (const path of [directory, data]) chownSync(path, owner.uid, owner.gid);
}

/** Runs the program that lays out a server's data. */
export async function layOut(file: string, args: readonly string[], cwd: string, owner?: ServerUser): Promise<void> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd, ...owner });
  let words = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (words += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${file} failed:\n${words}`);
}
