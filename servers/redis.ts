import { freePort } from './free-port.js';
import { startContainer, startProcess, temporaryDirectory, withAddress } from './own-server.js';
import { obtainBinaries } from './server-binaries.js';
import { ask, type OwnServer } from './server-process.js';

export interface OwnRedis extends OwnServer {
  readonly url: string;
}

export interface RedisOptions {
  /** More words for redis-server's command line, such as `['--maxmemory', '2mb']`. */
  readonly args?: readonly string[];
}

async function redisAnswers(port: number): Promise<boolean> {
  const answer = await ask(port, 'PING\r\n');
  return answer.startsWith('+PONG') || answer.startsWith('-NOAUTH');
}

/** A Redis of the test's own, in memory only: a restart loses its data. */
export async function startRedis({ args = [] }: RedisOptions = {}): Promise<OwnRedis> {
  const port = await freePort();
  const url = `redis://127.0.0.1:${String(port)}`;
  const probe = (): Promise<boolean> => redisAnswers(port);
  const binaries = obtainBinaries('redis');
  if (binaries === undefined) {
    const env = { REDIS_PORT: String(port), REDIS_ARGS: args.join(' ') };
    return withAddress(await startContainer('redis', port, env, probe), { url });
  }
  const directory = temporaryDirectory('redis');
  const server = await startProcess('redis', port, directory, {
    file: binaries.server,
    args: [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      directory,
      ...args,
    ],
    stopSignal: 'SIGTERM',
    probe,
  });
  return withAddress(server, { url });
}
