import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ComposeServer, composeAnswers } from './compose-server.js';
import { freePort } from './free-port.js';
import { obtainBinaries, type PostgresBinaries, type ServerKind, type ZooKeeperBinaries } from './server-binaries.js';
import { guard } from './server-guard.js';
import { ask, ServerProcess, type OwnServer, type ServerCommand } from './server-process.js';

export type { OwnServer } from './server-process.js';

export interface OwnRedis extends OwnServer {
  readonly url: string;
}

export interface OwnZooKeeper extends OwnServer {
  readonly connectString: string;
}

export interface OwnPostgres extends OwnServer {
  readonly url: string;
}

export interface RedisOptions {
  /** More words for redis-server's command line, such as `['--maxmemory', '2mb']`. */
  readonly args?: readonly string[];
}

export interface ZooKeeperOptions {
  /** Sessions are looked at, and expire, in steps of this. Default 200. */
  readonly tickTimeMs?: number;
  /** The server raises shorter session timeouts to this. Default: two ticks. */
  readonly minSessionTimeoutMs?: number;
  /** The server lowers longer session timeouts to this. Default 60,000. */
  readonly maxSessionTimeoutMs?: number;
  /** More lines for zoo.cfg, by name. */
  readonly config?: Readonly<Record<string, string>>;
  /** Java system properties, such as `{ 'znode.container.checkIntervalMs': '1000' }`. */
  readonly properties?: Readonly<Record<string, string>>;
}

type Running = Pick<ServerProcess, 'start' | 'stop' | 'kill' | 'pause' | 'resume' | 'pid'>;
type Recipe = Omit<ServerCommand, 'directory' | 'name'>;

const VARIABLES: Record<ServerKind, string> = {
  redis: 'TEST_REDIS_URL',
  zookeeper: 'TEST_ZOOKEEPER_CONNECT',
  postgres: 'TEST_POSTGRES_URL',
};

function nowhereToBeFound(kind: ServerKind): Error {
  return new Error(
    `The tests need a ${kind} server and found none. Any one of these is enough: set ${VARIABLES[kind]} to a running one ` +
      '(tests that kill or freeze their server need one of the other ways); install it (`npm run setup:servers` does so for root ' +
      'on Debian; ZOOKEEPER_HOME may name an unpacked release); or start Docker with the compose plugin.',
  );
}

function temporaryDirectory(kind: ServerKind): string {
  const directory = mkdtempSync(join(tmpdir(), `distributed-cache-${kind}-`));
  guard.addDirectory(directory);
  return directory;
}

function own(server: Running, port: number, removeData: () => void): OwnServer {
  let stopped = false;
  return {
    port,
    get pid() {
      return server.pid;
    },
    async stop() {
      if (stopped) return;
      stopped = true;
      await server.stop();
      removeData();
    },
    kill: () => server.kill(),
    async restart() {
      await server.kill();
      await server.start();
    },
    pause: () => {
      server.pause();
    },
    resume: () => {
      server.resume();
    },
  };
}

async function startProcess(kind: ServerKind, port: number, directory: string, recipe: Recipe): Promise<OwnServer> {
  const removeData = (): void => {
    guard.removeDirectory(directory);
  };
  const server = new ServerProcess({ name: kind, directory, ...recipe });
  try {
    await server.start();
  } catch (error) {
    removeData();
    throw error;
  }
  return own(server, port, removeData);
}

async function startContainer(
  kind: ServerKind,
  port: number,
  env: Record<string, string>,
  probe: () => Promise<boolean>,
): Promise<OwnServer> {
  if (!composeAnswers()) throw nowhereToBeFound(kind);
  const server = new ComposeServer(kind, env, probe);
  await server.start();
  return own(server, port, () => undefined);
}

async function redisAnswers(port: number): Promise<boolean> {
  const answer = await ask(port, 'PING\r\n');
  return answer.startsWith('+PONG') || answer.startsWith('-NOAUTH');
}

async function zooKeeperAnswers(port: number): Promise<boolean> {
  return (await ask(port, 'srvr')).includes('Mode: ');
}

/** A start-up message for user `postgres`: while starting the server answers with an error, then with a question. */
async function postgresAnswers(port: number): Promise<boolean> {
  const body = Buffer.from('\0\x03\0\0user\0postgres\0database\0postgres\0\0', 'latin1');
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return (await ask(port, Buffer.concat([length, body]))).startsWith('R');
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

/** A ZooKeeper of the test's own; a restart keeps its data and its sessions. */
export async function startZooKeeper(options: ZooKeeperOptions = {}): Promise<OwnZooKeeper> {
  const port = await freePort();
  const connectString = `127.0.0.1:${String(port)}`;
  const probe = (): Promise<boolean> => zooKeeperAnswers(port);
  const { tickTimeMs = 200, minSessionTimeoutMs = 2 * tickTimeMs, maxSessionTimeoutMs = 60_000 } = options;
  const limits = { minSessionTimeout: String(minSessionTimeoutMs), maxSessionTimeout: String(maxSessionTimeoutMs) };
  const binaries = obtainBinaries('zookeeper');
  if (binaries === undefined) {
    const config = Object.entries({ ...limits, ...options.config }).map(([name, value]) => `${name}=${value}`);
    const env = {
      ZOOKEEPER_PORT: String(port),
      ZOOKEEPER_TICK_MS: String(tickTimeMs),
      ZOOKEEPER_CONFIG: config.join(' '),
    };
    return withAddress(await startContainer('zookeeper', port, env, probe), { connectString });
  }
  const directory = temporaryDirectory('zookeeper');
  const config = {
    tickTime: String(tickTimeMs),
    ...limits,
    // Counted in ticks; enough of them for a loaded machine.
    initLimit: '50',
    syncLimit: '20',
    dataDir: join(directory, 'data'),
    clientPort: String(port),
    clientPortAddress: '127.0.0.1',
    'admin.enableServer': 'false',
    '4lw.commands.whitelist': '*',
    maxClientCnxns: '0',
    ...options.config,
  };
  const lines = Object.entries(config).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(join(directory, 'zoo.cfg'), lines.join(''));
  const recipe = zooKeeperRecipe(binaries, join(directory, 'zoo.cfg'), options.properties ?? {}, probe);
  return withAddress(await startProcess('zookeeper', port, directory, recipe), { connectString });
}

function zooKeeperRecipe(
  { java, classPath }: ZooKeeperBinaries,
  configFile: string,
  properties: Readonly<Record<string, string>>,
  probe: () => Promise<boolean>,
): Recipe {
  // Waiting for the disk is no part of any test; a killed server still keeps what it acknowledged.
  const all = { 'zookeeper.forceSync': 'no', 'zookeeper.extendedTypesEnabled': 'true', ...properties };
  const small = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xms32m', '-Xmx256m'];
  const defined = Object.entries(all).map(([name, value]) => `-D${name}=${value}`);
  const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
  return { file: java, args: [...small, ...defined, '-cp', classPath, main, configFile], stopSignal: 'SIGTERM', probe };
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
  if (owner !== undefined) {
    chmodSync(directory, 0o755);
    for (const path of [directory, data]) chownSync(path, owner.uid, owner.gid);
  }
  await initialize(binaries, data, owner);
  // No waiting for the disk. Commits still reach the system's memory, where they outlive a killed server.
  const quick = ['fsync=off', 'full_page_writes=off', 'max_connections=300'];
  const server = await startProcess('postgres', port, directory, {
    file: binaries.server,
    args: [
      '-D',
      data,
      '-p',
      String(port),
      '-h',
      '127.0.0.1',
      '-k',
      directory,
      ...quick.flatMap((setting) => ['-c', setting]),
    ],
    owner,
    // A fast shutdown: it ends the sessions instead of waiting for them.
    stopSignal: 'SIGINT',
    probe,
  });
  return withAddress(server, { url });
}

/** PostgreSQL refuses to run as root; Debian's package has made a user for it. */
function postgresUser(): { uid: number; gid: number } | undefined {
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

function withAddress<A extends object>(server: OwnServer, address: A): OwnServer & A {
  return Object.defineProperties(server, Object.getOwnPropertyDescriptors(address)) as OwnServer & A;
}
