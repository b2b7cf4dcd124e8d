import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { freePorts, installed, startAll, stopAll, waitUntil } from './members.js';
import { temporaryDirectory } from './own-server.js';
import { startRedisProcess, startSentinelProcess, type OwnRedis } from './redis.js';
import { ask, type OwnServer } from './server-process.js';

const SERVERS = 3;
const SENTINELS = 3;
/** After a failover that failed, Sentinels wait for twice the 10 s they have for one. */
const HEALTHY_WITHIN_MS = 120_000;
/**
 * Sentinels who find that the machine stood still for 2 s do nothing for 30 s: here they go on. One older than Redis 7 knows no such word,
 * and waits.
 */
const NEVER_TILTED = 'TILT-TRIGGER 600000';

export interface RedisSentinelOptions {
  /**
   * A master that is silent for so long is replaced. Milliseconds, default 30,000: on a machine that stands still for a moment, nobody is
   * replaced whom no test has killed.
   */
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
  /**
   * Resolves when all Sentinels know all servers and one another, name the same master, are not about to replace it, and at least
   * `replicas` replicas follow it. Only then may the master be killed: a replica that a Sentinel has not heard of (it asks the master
   * every 10 s) is never told of a new one, and a Sentinel in the middle of a failover whose new master dies stays there for ever.
   */
  healthy(replicas?: number): Promise<void>;
  stop(): Promise<void>;
}

/** A Redis watched by Sentinels, of the test's own, in memory only. */
export async function startRedisSentinel(options: RedisSentinelOptions = {}): Promise<OwnRedisSentinel> {
  const binaries = installed('redis', 'A Redis with Sentinels');
  const { downAfterMs = 30_000, args = [] } = options;
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
  let sentinels: OwnServer[] = [];
  try {
    // Sentinels ask the master every ten seconds who follows it: the first answer is to name everybody.
    await waitUntil('a master that is followed', () => missingFollowers(servers[0], SERVERS - 1));
    sentinels = await startAll(
      ports.slice(SERVERS).map((port) => () => {
        const directory = temporaryDirectory('redis');
        const configFile = join(directory, 'sentinel.conf');
        writeFileSync(configFile, sentinelConfig({ name, port, masterPort, downAfterMs, directory }));
        return startSentinelProcess(binaries, port, directory, configFile);
      }),
    );
    for (const { port } of sentinels) await ask(port, `SENTINEL DEBUG ${NEVER_TILTED}\r\n`);
    const running = new RunningSentinel(name, servers, sentinels);
    await running.healthy(SERVERS - 1);
    return running;
  } catch (error) {
    await stopAll([...sentinels, ...servers]);
    throw error;
  }
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
    for (const sentinel of this.sentinels) {
      const found = await this.#named(sentinel);
      if (found) return found;
    }
    throw new Error('No Sentinel names a master.');
  }

  async healthy(replicas = 1): Promise<void> {
    await waitUntil(
      'Sentinels that agree on a master which is followed',
      async () => (await this.#disagreement()) ?? missingFollowers(await this.master(), replicas),
      HEALTHY_WITHIN_MS,
    );
  }

  async #disagreement(): Promise<string | undefined> {
    const expected = {
      flags: 'master',
      port: String((await this.#named(this.sentinels[0]))?.port),
      'num-slaves': String(SERVERS - 1),
      'num-other-sentinels': String(SENTINELS - 1),
    };
    for (const { port } of this.sentinels) {
      const told = fields(await ask(port, `SENTINEL MASTER ${this.name}\r\n`));
      for (const [name, value] of Object.entries(expected))
        if (told.get(name) !== value)
          return `the Sentinel at ${String(port)} says ${name} ${told.get(name) ?? '(nothing)'} and not ${value}`;
    }
    return undefined;
  }

  async #named(sentinel: OwnServer | undefined): Promise<OwnRedis | undefined> {
    const answer = sentinel && (await ask(sentinel.port, `SENTINEL GET-MASTER-ADDR-BY-NAME ${this.name}\r\n`));
    return this.servers.find((server) => answer?.includes(`\r\n${String(server.port)}\r\n`));
  }

  async stop(): Promise<void> {
    // Sentinels first: else they would begin to replace a master that is being stopped.
    await stopAll(this.sentinels);
    await stopAll(this.servers);
  }
}

/** Names and values, by turns, as RESP 2 gives them: each after a line with its length. */
function fields(reply: string): Map<string, string> {
  const words = reply.split('\r\n').filter((_line, n) => n > 0 && n % 2 === 0);
  return new Map(words.flatMap((name, n) => (n % 2 === 0 ? [[name, words[n + 1] ?? '']] : [])));
}

async function missingFollowers(master: OwnRedis | undefined, replicas: number): Promise<string | undefined> {
  const port = master?.port ?? 0;
  const info = await ask(port, 'INFO replication\r\n');
  const following = info.match(/^slave\d+:.*state=online/gm)?.length ?? 0;
  if (info.includes('role:master') && following >= replicas) return undefined;
  return `${String(port)}, followed by ${String(following)}, says ${info || 'nothing'}`;
}
