import type { CacheMode } from '../config.js';
import type { ServerAddresses } from './cluster-servers.js';
import type { Instance } from './instance.js';

const PATCH = `-X PATCH -H 'Content-Type: application/json' -d '{"priceCents":1999}'`;

/** What the terminal shows once all instances listen. Each line beginning with `curl` can be pasted as it is. */
export function clusterGreeting(
  instances: readonly Instance[],
  urls: readonly string[],
  servers: ServerAddresses,
  mode: CacheMode,
): string {
  const rows = instances.map(({ name, pid }, index) => `  ${name}  ${urls[index] ?? ''}   (process ${String(pid)})`);
  const product = (index: number): string => `${urls[index % urls.length] ?? ''}/products/42`;
  const everywhere = urls.map((_, index) => `-i ${product(index)}`).join(' --next ');
  const reports = urls.map((url) => `curl -i ${url}/reports/top-sellers`).join(' & ');
  return `
The cluster of the sample application is ready, on ${describe(servers)}:

${rows.join('\n')}
${mode === 'distributed' ? '' : alone(mode)}
A miss on one instance is a hit on the next; look for X-Cache:

  curl -i ${product(0)} --next -i ${product(1)}

A change made on one is seen by all at once:

  curl -i ${PATCH} ${product(0)} --next ${everywhere}

The slow report, asked of all at once: one loads it (MISS), the others wait for its value (WAITED):

  ${reports}; wait

What an instance has done since it started:

  curl ${urls.at(-1) ?? ''}/stats

Ctrl-C ends the cluster. An instance that dies is reported and not started again: try kill -9 with one of the processes.

`;
}

// Hosts only: an address may carry a password.
function describe({ databaseUrl, redisUrl, zooKeeperConnect }: ServerAddresses): string {
  return `ZooKeeper ${zooKeeperConnect}, Redis ${new URL(redisUrl).host} and PostgreSQL ${new URL(databaseUrl).host}`;
}

function alone(mode: CacheMode): string {
  return `\nCACHE_MODE is '${mode}': these instances share no cache. Without it they do, and then the following holds.\n`;
}
