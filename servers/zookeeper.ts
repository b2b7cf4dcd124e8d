import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { freePort } from './free-port.js';
import { startContainer, startProcess, temporaryDirectory, withAddress, type Recipe } from './own-server.js';
import { obtainBinaries, type ZooKeeperBinaries } from './server-binaries.js';
import { ask, type OwnServer } from './server-process.js';
import { discardUnbegunLogs } from './zookeeper-logs.js';

export interface OwnZooKeeper extends OwnServer {
  readonly connectString: string;
}

export interface ZooKeeperOptions {
  /** Sessions are looked at, and expire, in steps of this. Default 200. */
  readonly tickTimeMs?: number;
  /** The server raises shorter session timeouts to this. Default: two ticks. */
  readonly minSessionTimeoutMs?: number;
  /** The server lowers longer session timeouts to this. Default 60,000. */
  readonly maxSessionTimeoutMs?: number;
  /** Whether each write waits until the disk has it, as in production. Default false: waiting for the disk is no part of a test, and a killed server still keeps what it acknowledged. */
  readonly sync?: boolean;
  /** More lines for zoo.cfg, by name. */
  readonly config?: Readonly<Record<string, string>>;
  /** Java system properties, such as `{ 'znode.container.checkIntervalMs': '1000' }`. */
  readonly properties?: Readonly<Record<string, string>>;
}

async function zooKeeperAnswers(port: number): Promise<boolean> {
  return (await ask(port, 'srvr')).includes('Mode: ');
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
  const place = { port, directory: temporaryDirectory('zookeeper') };
  return startZooKeeperProcess(binaries, place, { ...options, config: { ...limits, ...options.config } });
}

/** An installed ZooKeeper at a place that is given; limits of sessions that are not in `config` are ZooKeeper's own. */
export async function startZooKeeperProcess(
  binaries: ZooKeeperBinaries,
  { port, directory }: { readonly port: number; readonly directory: string },
  { tickTimeMs = 200, sync = false, config: more = {}, properties = {} }: ZooKeeperOptions,
): Promise<OwnZooKeeper> {
  const config = {
    tickTime: String(tickTimeMs),
    // Counted in ticks; enough of them for a loaded machine.
    initLimit: '50',
    syncLimit: '20',
    dataDir: join(directory, 'data'),
    clientPort: String(port),
    clientPortAddress: '127.0.0.1',
    'admin.enableServer': 'false',
    '4lw.commands.whitelist': '*',
    maxClientCnxns: '0',
    ...more,
  };
  const lines = Object.entries(config).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(join(directory, 'zoo.cfg'), lines.join(''));
  const probe = (): Promise<boolean> => zooKeeperAnswers(port);
  const all = { 'zookeeper.forceSync': sync ? 'yes' : 'no', ...properties };
  const recipe = zooKeeperRecipe(binaries, directory, all, probe);
  const connectString = `127.0.0.1:${String(port)}`;
  return withAddress(await startProcess('zookeeper', port, directory, recipe), { connectString });
}

function zooKeeperRecipe(
  { java, classPath }: ZooKeeperBinaries,
  directory: string,
  properties: Readonly<Record<string, string>>,
  probe: () => Promise<boolean>,
): Recipe {
  // With Debian's jars it logs by this: what goes wrong, which the error of a server that does not start then tells.
  const voice = { 'org.slf4j.simpleLogger.defaultLogLevel': 'warn', 'org.slf4j.simpleLogger.showDateTime': 'true' };
  const all = { 'zookeeper.extendedTypesEnabled': 'true', ...voice, ...properties };
  const small = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xms32m', '-Xmx256m'];
  const defined = Object.entries(all).map(([name, value]) => `-D${name}=${value}`);
  const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
  return {
    file: java,
    args: [...small, ...defined, '-cp', classPath, main, join(directory, 'zoo.cfg')],
    stopSignal: 'SIGTERM',
    prepare: () => {
      discardUnbegunLogs(directory);
    },
    probe,
  };
}
