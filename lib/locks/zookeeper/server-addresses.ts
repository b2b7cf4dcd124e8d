import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { LockUnavailableError } from '../../core/errors.js';
import type { ServerAddress } from './connect-string.js';

/** A host name to its addresses. Rejects when there are none. */
export type ResolveHost = (host: string) => Promise<readonly string[]>;

/** As the operating system resolves names: its hosts file and DNS, without blocking the event loop. */
export const resolveHostBySystem: ResolveHost = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address);

/**
 * The servers as a list of addresses for the C client, which would itself resolve names at every I/O event, blocking the process, and would let a healthy session
 * die when DNS fails. Names that do not resolve are left out as long as one does.
 */
export async function resolveServers(servers: readonly ServerAddress[], resolveHost: ResolveHost): Promise<string> {
  const results = await Promise.allSettled(servers.map((server) => addressesOf(server, resolveHost)));
  const addresses = new Set(results.flatMap((result) => (result.status === 'fulfilled' ? result.value : [])));
  if (addresses.size > 0) return [...addresses].join(',');
  const cause = results.find((result) => result.status === 'rejected')?.reason as unknown;
  throw new LockUnavailableError(`no address found for ${servers.map(({ host }) => host).join(', ')}`, { cause });
}

async function addressesOf({ host, port }: ServerAddress, resolveHost: ResolveHost): Promise<string[]> {
  const addresses = isIP(host) ? [host] : await resolveHost(host);
  // IPv6 without brackets: the C client splits at the last colon and hands over what stands before it as it is.
  return addresses.map((address) => `${address}:${port}`);
}
