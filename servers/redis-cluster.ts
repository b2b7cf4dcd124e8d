import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { freePorts, installed, startAll, stopAll, waitUntil } from './members.js';
import { temporaryDirectory } from './own-server.js';
import { startRedisProcess, type OwnRedis } from './redis.js';
import { ask } from './server-process.js';

const MASTERS = 3;
const SLOTS = 16_384;

export interface RedisClusterOptions {
  /**
   * A master that is silent for so long is replaced by its replica. Milliseconds, default 30,000: on a machine that stands still for a
   * moment, nobody is replaced whom no test has killed.
   */
  readonly nodeTimeoutMs?: number;
  /** More words for the command line of each node. */
  readonly args?: readonly string[];
}

/** Three masters and a replica of each; the server at `n + 3` begins as the replica of the one at `n`. */
export interface OwnRedisCluster {
  readonly nodes: readonly OwnRedis[];
  /** For clients: where to begin. */
  readonly endpoints: readonly { readonly host: string; readonly port: number }[];
  /** The node that serves a slot now, by the word of the others. */
  masterOf(slot: number): Promise<OwnRedis>;
  /** Resolves when every slot is served and every node in `nodes` that is asked says so. */
  healthy(asked?: readonly OwnRedis[]): Promise<void>;
  stop(): Promise<void>;
}

interface Seat {
  readonly id: string;
  readonly port: number;
  readonly busPort: number;
  readonly directory: string;
}

/**
 * A Redis Cluster of the test's own, in memory only. The nodes are born knowing each other: each finds a `nodes.conf` as a cluster that was
 * shut down leaves it. So nobody has to meet, and all stands within a second or two.
 */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<OwnRedisCluster> {
  const binaries = installed('redis', 'A Redis Cluster');
  const { nodeTimeoutMs = 30_000, args = [] } = options;
  const ports = await freePorts(4 * MASTERS);
  const seats = Array.from({ length: 2 * MASTERS }, (_, n): Seat => {
    const [port = 0, busPort = 0] = ports.slice(2 * n);
    return { id: randomBytes(20).toString('hex'), port, busPort, directory: temporaryDirectory('redis') };
  });
  const nodes = await startAll(
    seats.map((seat) => () => {
      writeFileSync(join(seat.directory, 'nodes.conf'), whatIsKnownTo(seat, seats));
      const cluster = ['--cluster-enabled', 'yes', '--cluster-port', String(seat.busPort)];
      const quick = ['--cluster-node-timeout', String(nodeTimeoutMs), '--cluster-replica-validity-factor', '0'];
      const replication = ['--repl-diskless-sync-delay', '0'];
      const words = [...cluster, ...quick, ...replication, ...args];
      return startRedisProcess(binaries, { port: seat.port, directory: seat.directory, args: words });
    }),
  );
  const cluster = new RunningCluster(nodes);
  await cluster.healthy().catch(async (error: unknown) => {
    await cluster.stop();
    throw error;
  });
  return cluster;
}

function whatIsKnownTo(self: Seat, seats: readonly Seat[]): string {
  const lines = seats.map((seat, n) => {
    const me = seat === self ? 'myself,' : '';
    const address = `127.0.0.1:${String(seat.port)}@${String(seat.busPort)}`;
    const master = seats[n - MASTERS];
    if (master) return `${seat.id} ${address} ${me}slave ${master.id} 0 0 ${String(n - MASTERS + 1)} connected`;
    const first = Math.ceil((n * SLOTS) / MASTERS);
    const last = Math.ceil(((n + 1) * SLOTS) / MASTERS) - 1;
    return `${seat.id} ${address} ${me}master - 0 0 ${String(n + 1)} connected ${String(first)}-${String(last)}`;
  });
  return `${lines.join('\n')}\nvars currentEpoch ${String(MASTERS)} lastVoteEpoch 0\n`;
}

class RunningCluster implements OwnRedisCluster {
  readonly endpoints: OwnRedisCluster['endpoints'];

  constructor(readonly nodes: readonly OwnRedis[]) {
    this.endpoints = nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
  }

  async masterOf(slot: number): Promise<OwnRedis> {
    for (const asked of this.nodes) {
      const lines = (await ask(asked.port, 'CLUSTER NODES\r\n')).split('\n');
      for (const line of lines) {
        const [, address = '', flags = '', , , , , , ...slots] = line.trim().split(' ');
        if (!flags.includes('master') || flags.includes('fail') || !slots.some((range) => covers(range, slot)))
          continue;
        const found = this.nodes.find(({ port }) => address.startsWith(`127.0.0.1:${String(port)}@`));
        if (found) return found;
      }
    }
    throw new Error(`No node of the Redis Cluster serves slot ${String(slot)}.`);
  }

  async healthy(asked: readonly OwnRedis[] = this.nodes): Promise<void> {
    await waitUntil('the Redis Cluster to serve every slot', async () => {
      for (const { port } of asked) {
        const state = await ask(port, 'CLUSTER INFO\r\n');
        if (!state.includes('cluster_state:ok')) return `${String(port)} says ${state || 'nothing'}`;
        const role = await ask(port, 'INFO replication\r\n');
        if (!role.includes('role:master') && !role.includes('master_link_status:up'))
          return `${String(port)} is no master and follows none: ${role || 'it says nothing'}`;
      }
      return undefined;
    });
  }

  stop(): Promise<void> {
    return stopAll(this.nodes);
  }
}

function covers(range: string, slot: number): boolean {
  if (range.startsWith('[')) return false;
  const [first = NaN, last = first] = range.split('-').map(Number);
  return slot >= first && slot <= last;
}
