import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { freePorts, installed, startAll, stopAll, waitUntil } from './members.js';
import { temporaryDirectory } from './own-server.js';
import { startRedisProcess, startSentinelProcess, type OwnRedis } from './redis.js';
import { ask, type OwnServer } from './server-process.js';

const SERVERS = 3;
const SENTINELS = 3;

export interface RedisSentinelOptions {
  /** A master that is silent for so long is replaced. Milliseconds, default 2,000. */
  readonly downAfterMs?: number;
  /** More words for the command line of each server. */
  readonly args?: readonly string[];
}

/** A master with two replicas, and three Sentinels who watch them. */
export interface OwnRedisSentinel {
  /** What the Sentinels call the master. */
  readonly name: string;
  readonly servers: readonly OwnRedis[];
  readonly sentinels: readonly OwnServer[];
  /** For clients: where the Sentinels are. */
  readonly endpoints: readonly { readonly host: string; readonly port: number }[];
  /** Who is the master now, by the word of the Sentinels. */
  master(): Promise<OwnRedis>;
  /** Resolves when the Sentinels name a master that takes writes, and has `replicas` replicas that follow it. */
  healthy(replicas?: number): Promise<void>;
  stop(): Promise<void>;
}

/** A Redis watched by Sentinels, of the test's own, in memory only. */
export async function startRedisSentinel(options: RedisSentinelOptions = {}): Promise<OwnRedisSentinel> {
  const binaries = installed('redis', 'A Redis with Sentinels');
  const { downAfterMs = 2_000, args = [] } = options;
  const name = 'cache';
  const ports = await freePorts(SERVERS + SENTINELS);
  const [masterPort = 0, ...replicaPorts] = ports.slice(0, SERVERS);
  const start = (port: number, more: readonly string[]) => (): Promise<OwnRedis> =>
    startRedisProcess(binaries, { port, directory: temporaryDirectory('redis'), args: [...more, ...args] });
  const quick = ['--repl-diskless-sync-delay', '0', '--repl-timeout', '10'];
  const servers = await startAll([
    start(masterPort, quick),
    ...replicaPorts.map((port) => start(port, [...quick, '--replicaof', `127.0.0.1 ${String(masterPort)}`])),
  ]);
  const sentinels = await startAll(
    ports.slice(SERVERS).map((port) => () => {
      const directory = temporaryDirectory('redis');
      const configFile = join(directory, 'sentinel.conf');
      writeFileSync(configFile, sentinelConfig({ name, port, masterPort, downAfterMs, directory }));
      return startSentinelProcess(binaries, port, directory, configFile);
    }),
  ).catch(async (error: unknown) => {
    await stopAll(servers);
    throw error;
  });
  const running = new RunningSentinel(name, servers, sentinels);
  await running.healthy(SERVERS - 1).catch(async (error: unknown) => {
    await running.stop();
    throw error;
  });
  return running;
}

function sentinelConfig(parts: {
  readonly name: string;
  readonly port: number;
  readonly masterPort: number;
  readonly downAfterMs: number;
  readonly directory: string;
}): string {
  const { name, port, masterPort, downAfterMs, directory } = parts;
  return [
    `port ${String(port)}`,
    'bind 127.0.0.1',
    `dir ${directory}`,
    `sentinel monitor ${name} 127.0.0.1 ${String(masterPort)} 2`,
    `sentinel down-after-milliseconds ${name} ${String(downAfterMs)}`,
    `sentinel failover-timeout ${name} 10000`,
    `sentinel parallel-syncs ${name} ${String(SERVERS)}`,
    '',
  ].join('\n');
}

class RunningSentinel implements OwnRedisSentinel {
  readonly endpoints: OwnRedisSentinel['endpoints'];

  constructor(
    readonly name: string,
    readonly servers: readonly OwnRedis[],
    readonly sentinels: readonly OwnServer[],
  ) {
    this.endpoints = sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
  }

  async master(): Promise<OwnRedis> {
    for (const { port } of this.sentinels) {
      const answer = await ask(port, `SENTINEL GET-MASTER-ADDR-BY-NAME ${this.name}\r\n`);
      const found = this.servers.find((server) => answer.includes(`\r\n${String(server.port)}\r\n`));
      if (found) return found;
    }
    throw new Error('No Sentinel names a master.');
  }

  async healthy(replicas = 1): Promise<void> {
    await waitUntil('the Sentinels to know each other, and a master that is followed', async () => {
      const known = await Promise.all(this.sentinels.map(({ port }) => ask(port, 'INFO sentinel\r\n')));
      if (!known.every((info) => info.includes(`sentinels=${String(SENTINELS)}`) && info.includes('status=ok')))
        return false;
      const info = await ask((await this.master()).port, 'INFO replication\r\n');
      const following = info.match(/^slave\d+:.*state=online/gm)?.length ?? 0;
      return info.includes('role:master') && following >= replicas;
    });
  }

  async stop(): Promise<void> {
    // Sentinels first: else they would begin to replace a master that is being stopped.
    await stopAll(this.sentinels);
    await stopAll(this.servers);
  }
}
