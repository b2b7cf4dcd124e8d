import { readConfig, type CacheMode } from '../config.js';
import { clusterGreeting } from './cluster-greeting.js';
import { Cluster } from './cluster.js';
import { CLUSTER_USAGE, readClusterOptions, type StartOptions } from './cluster-options.js';
import { startServers, type ClusterServers } from './cluster-servers.js';
import { run } from './command-line.js';
import { prefixedLines } from './prefixed-lines.js';
import { stopped, stopSignal } from './stop-signal.js';

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<number> {
  const options = readClusterOptions(process.argv.slice(2));
  const config = readConfig(process.env);
  const stop = stopSignal();
  say('Starting ZooKeeper, Redis and PostgreSQL, those of them that are not named.');
  const servers = await startServers(config);
  try {
    stop.throwIfAborted();
    return await serve(options, servers, config.cacheMode, stop);
  } finally {
    await servers.stop();
    say('All that was started has ended.');
  }
}

/** Until it is stopped, which is a success, or until no instance is left. */
async function serve(
  options: StartOptions,
  servers: ClusterServers,
  mode: CacheMode,
  stop: AbortSignal,
): Promise<number> {
  say(`Starting ${options.instances} instances of the sample application.`);
  const cluster = await Cluster.start(
    {
      ...options,
      servers: servers.addresses,
      env: process.env,
      onLine: prefixedLines(process.stdout),
      onDeath: (name, how) => process.stderr.write(`${name} has died (${how}). It is not started again.\n`),
    },
    stop,
  );
  try {
    process.stdout.write(clusterGreeting(cluster.instances, await cluster.urls(), servers.addresses, mode));
    await Promise.race([stopped(stop), cluster.ended]);
    say(stop.aborted ? 'Ending the instances, then the servers.' : 'No instance is left.');
    return stop.aborted ? 0 : 1;
  } finally {
    await cluster.stop();
  }
}

await run('The cluster', CLUSTER_USAGE, main);
