import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { repositoryRoot } from './repository-root.js';

export type ServerKind = 'redis' | 'zookeeper' | 'postgres' | 'mariadb';

export interface RedisBinaries {
  readonly server: string;
}

export interface ZooKeeperBinaries {
  readonly java: string;
  readonly classPath: string;
}

export interface PostgresBinaries {
  readonly server: string;
  readonly initdb: string;
}

export interface MariaDbBinaries {
  readonly server: string;
  readonly install: string;
}

interface BinariesOf {
  redis: RedisBinaries;
  zookeeper: ZooKeeperBinaries;
  postgres: PostgresBinaries;
  mariadb: MariaDbBinaries;
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function onPath(name: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, name))
    .find(executable);
}

function findRedis(): RedisBinaries | undefined {
  const server = onPath('redis-server') ?? onPath('valkey-server');
  return server === undefined ? undefined : { server };
}

/** Debian's jar, whose manifest names what it needs, or an unpacked release named by ZOOKEEPER_HOME. */
function findZooKeeper(): ZooKeeperBinaries | undefined {
  const java = onPath('java');
  if (java === undefined) return undefined;
  const home = process.env.ZOOKEEPER_HOME;
  if (home !== undefined && existsSync(join(home, 'lib'))) return { java, classPath: join(home, 'lib', '*') };
  const jar = '/usr/share/java/zookeeper.jar';
  if (!existsSync(jar)) return undefined;
  const voice = '/usr/share/java/slf4j-simple.jar';
  return { java, classPath: existsSync(voice) ? `${jar}:${voice}` : jar };
}

/** PostgreSQL's server is on the PATH of some systems; Debian keeps each version in its own directory. */
function findPostgres(): PostgresBinaries | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const candidates = [
    { server: onPath('postgres'), initdb: onPath('initdb') },
    ...versions.map((version) => ({
      server: join(debian, version, 'bin', 'postgres'),
      initdb: join(debian, version, 'bin', 'initdb'),
    })),
  ];
  for (const { server, initdb } of candidates) {
    if (server !== undefined && initdb !== undefined && executable(server) && executable(initdb))
      return { server, initdb };
  }
  return undefined;
}

/** Debian keeps the server where only root's PATH leads. */
function findMariaDb(): MariaDbBinaries | undefined {
  const server = [onPath('mariadbd'), '/usr/sbin/mariadbd'].find((path) => path !== undefined && executable(path));
  const install = onPath('mariadb-install-db');
  return server === undefined || install === undefined ? undefined : { server, install };
}

const finders: { [K in ServerKind]: () => BinariesOf[K] | undefined } = {
  redis: findRedis,
  zookeeper: findZooKeeper,
  postgres: findPostgres,
  mariadb: findMariaDb,
};

/** The installed server; where it is missing, and this is root on Debian, it is installed first. */
export function obtainBinaries<K extends ServerKind>(kind: K): BinariesOf[K] | undefined {
  const found = finders[kind]();
  if (found !== undefined) return found;
  const script = join(repositoryRoot, 'scripts', 'setup-servers.mjs');
  spawnSync(process.execPath, [script, '--if-possible', kind], { stdio: ['ignore', 'inherit', 'inherit'] });
  return finders[kind]();
}
