import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ComposeServer, composeAnswers } from './compose-server.js';
import type { ServerKind } from './server-binaries.js';
import { guard } from './server-guard.js';
import { ServerProcess, type OwnServer, type ServerCommand } from './server-process.js';

type Running = Pick<ServerProcess, 'start' | 'stop' | 'kill' | 'pause' | 'resume' | 'pid'>;
export type Recipe = Omit<ServerCommand, 'directory' | 'name'>;

/** What names a running server: to the tests, and to the sample's cluster. */
const VARIABLES: Record<ServerKind, string> = {
  redis: 'TEST_REDIS_URL (tests) or REDIS_URL (the sample)',
  zookeeper: 'TEST_ZOOKEEPER_CONNECT (tests) or ZOOKEEPER_CONNECT (the sample)',
  postgres: 'TEST_POSTGRES_URL (tests) or DATABASE_URL (the sample)',
  mariadb: 'TEST_MARIADB_URL',
};

function nowhereToBeFound(kind: ServerKind): Error {
  return new Error(
    `A ${kind} server is needed and none was found. Any one of these is enough: set ${VARIABLES[kind]} to a running one ` +
      '(tests that kill or freeze their server need one of the other ways); install it (`npm run setup:servers` does so for root ' +
      'on Debian; ZOOKEEPER_HOME may name an unpacked release); or start Docker with the compose plugin.',
  );
}

export function temporaryDirectory(kind: ServerKind): string {
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

export async function startProcess(
  kind: ServerKind,
  port: number,
  directory: string,
  recipe: Recipe,
): Promise<OwnServer> {
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

export async function startContainer(
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

/** A server together with where it is found. */
export function withAddress<A extends object>(server: OwnServer, address: A): OwnServer & A {
  return Object.defineProperties(server, Object.getOwnPropertyDescriptors(address)) as OwnServer & A;
}
