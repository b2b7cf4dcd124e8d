import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { freePorts, installed, startAll, stopAll } from './members.js';
import { temporaryDirectory } from './own-server.js';
import { ask } from './server-process.js';
import { startZooKeeperProcess, type OwnZooKeeper, type ZooKeeperOptions } from './zookeeper.js';

const MEMBERS = 3;

/** Three servers, of which any two make the quorum. */
export interface OwnZooKeeperEnsemble {
  readonly members: readonly OwnZooKeeper[];
  /** All of them. */
  readonly connectString: string;
  /** Who leads now; each of the others follows. */
  leader(): Promise<OwnZooKeeper>;
  followers(): Promise<OwnZooKeeper[]>;
  stop(): Promise<void>;
}

/**
 * A ZooKeeper ensemble of the test's own. A member that is restarted answers once it has joined a quorum, so two that are down are to be
 * restarted at the same time.
 */
export async function startZooKeeperEnsemble(options: ZooKeeperOptions = {}): Promise<OwnZooKeeperEnsemble> {
  const binaries = installed('zookeeper', 'A ZooKeeper ensemble');
  const ports = await freePorts(3 * MEMBERS);
  const seats = Array.from({ length: MEMBERS }, (_, n) => {
    const [port = 0, quorumPort = 0, electionPort = 0] = ports.slice(3 * n);
    return { number: n + 1, port, quorumPort, electionPort, directory: temporaryDirectory('zookeeper') };
  });
  const { minSessionTimeoutMs = 400, maxSessionTimeoutMs = 600_000 } = options;
  const config = {
    minSessionTimeout: String(minSessionTimeoutMs),
    maxSessionTimeout: String(maxSessionTimeoutMs),
    ...Object.fromEntries(
      seats.map(({ number, quorumPort, electionPort }) => [
        `server.${String(number)}`,
        `127.0.0.1:${String(quorumPort)}:${String(electionPort)}`,
      ]),
    ),
    ...options.config,
  };
  const members = await startAll(
    seats.map(({ number, port, directory }) => () => {
      mkdirSync(join(directory, 'data'));
      writeFileSync(join(directory, 'data', 'myid'), String(number));
      return startZooKeeperProcess(binaries, { port, directory }, { ...options, config });
    }),
  );
  return new RunningEnsemble(members);
}

class RunningEnsemble implements OwnZooKeeperEnsemble {
  readonly connectString: string;

  constructor(readonly members: readonly OwnZooKeeper[]) {
    this.connectString = members.map((member) => member.connectString).join(',');
  }

  async leader(): Promise<OwnZooKeeper> {
    const [leader] = await this.#inMode('leader');
    if (leader === undefined) throw new Error('No member of the ZooKeeper ensemble leads at the moment.');
    return leader;
  }

  followers(): Promise<OwnZooKeeper[]> {
    return this.#inMode('follower');
  }

  stop(): Promise<void> {
    return stopAll(this.members);
  }

  async #inMode(mode: string): Promise<OwnZooKeeper[]> {
    const told = await Promise.all(this.members.map(({ port }) => ask(port, 'srvr')));
    return this.members.filter((_member, n) => told[n]?.includes(`Mode: ${mode}`));
  }
}
