import { freePort } from './free-port.js';
import { startContainer, startProcess, temporaryDirectory, withAddress } from './own-server.js';
import { obtainBinaries, type RedisBinaries } from './server-binaries.js';
import { ask, type OwnServer } from './server-process.js';

export interface OwnRedis extends OwnServer {
  readonly url: string;
}

export interface RedisOptions {
  /** More words for redis-server's command line, such as `['--maxmemory', '2mb']`. */
  readonly args?: readonly string[];
}

/** Where a Redis is started, and with what. */
export interface RedisPlace extends RedisOptions {
  readonly port: number;
  /** Its data; removed when it is stopped. */
  readonly directory: string;
}

async function redisAnswers(port: number): Promise<boolean> {
  const answer = await ask(port, 'PING\r\n');
  return answer.startsWith('+PONG') || answer.startsWith('-NOAUTH');
}

/** A Redis of the test's own, in memory only: a restart loses its data. */
export async function startRedis({ args = [] }: RedisOptions = {}): Promise<OwnRedis> {
  const port = await freePort();
  const binaries = obtainBinaries('redis');
  if (binaries !== undefined) {
    return startRedisProcess(binaries, { port, directory: temporaryDirectory('redis'), args });
  }
  const env = { REDIS_PORT: String(port), REDIS_ARGS: args.join(' ') };
  return withAddress(await startContainer('redis', port, env, () => redisAnswers(port)), { url: urlOf(port) });
}

/** An installed Redis at a place that is given. */
export async function startRedisProcess(
  { server }: RedisBinaries,
  { port, directory, args = [] }: RedisPlace,
): Promise<OwnRedis> {
  const inMemory = ['--save', '', '--appendonly', 'no', '--dir', directory];
  const running = await startProcess('redis', port, directory, {
    file: server,
    args: ['--port', String(port), '--bind', '127.0.0.1', ...inMemory, ...args],
    stopSignal: 'SIGTERM',
    probe: () => redisAnswers(port),
  });
  return withAddress(running, { url: urlOf(port) });
}

/** A Sentinel: a Redis server in another mode, which writes what it learns into its configuration file. */
export async function startSentinelProcess(
  { server }: RedisBinaries,
  port: number,
  directory: string,
  configFile: string,
): Promise<OwnServer> {
  return startProcess('redis', port, directory, {
    file: server,
    args: [configFile, '--sentinel'],
    stopSignal: 'SIGTERM',
    probe: () => redisAnswers(port),
  });
}

function urlOf(port: number): string {
  return `redis://127.0.0.1:${String(port)}`;
}
