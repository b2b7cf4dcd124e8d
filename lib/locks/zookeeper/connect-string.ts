import { isIPv6 } from 'node:net';
import { describeGiven, mayHoldCredentials } from '../../core/describe-given.js';
import { InvalidOptionsError } from '../../core/errors.js';
import { explainBadPath } from './node-path.js';

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

export interface ConnectTarget {
  readonly servers: readonly [ServerAddress, ...ServerAddress[]];
  /** `''` or a path without a slash at its end. */
  readonly chroot: string;
}

const DEFAULT_PORT = 2181;
const CREDENTIALS = "it contains '@'; credentials go into the option auth";
const HOST = /^(?!-)[a-z0-9_.-]{1,253}$/i;

/**
 * Reads `host[:port][,host[:port]…][/chroot]`. A port left out is 2181, as in ZooKeeper's Java client; IPv6 addresses stand in brackets; blanks around the commas
 * do no harm. An `@` may stand nowhere, since it is a sign of credentials. The C client answers nonsense here with silence, so everything it could stumble on is refused.
 *
 * @throws InvalidOptionsError
 */
export function parseConnectString(text: string): ConnectTarget {
  const slash = text.indexOf('/');
  const hosts = slash < 0 ? text : text.slice(0, slash);
  const chroot = slash < 0 ? '' : text.slice(slash);
  if (/^[a-z]+:$/i.test(hosts) && chroot.startsWith('//'))
    refuse(
      text,
      `it begins like a URL; leave the scheme out${mayHoldCredentials(text) ? `. ${CREDENTIALS}` : ''}`,
      true,
    );
  // user:12/word@host would else be the host "user" with a chroot that has a part of the password in it.
  if (chroot.includes('@')) refuse(text, CREDENTIALS, true);
  const [first, ...others] = hosts.split(',').map((part) => parseServer(part.trim(), text));
  if (!first) refuse(text, 'it names no server');
  if (chroot !== '' && chroot !== '/') {
    const flaw = explainBadPath(chroot);
    if (flaw !== undefined) refuse(text, `its chroot ${JSON.stringify(chroot)} ${flaw}`);
  }
  return { servers: [first, ...others], chroot: chroot === '/' ? '' : chroot };
}

function parseServer(part: string, text: string): ServerAddress {
  if (part === '') refuse(text, 'a server is empty: look for a missing host or a comma too many');
  if (part.includes('@')) refuse(text, CREDENTIALS, true);
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(part);
  if (bracketed) {
    const host = bracketed[1] ?? '';
    if (!isIPv6(host)) refuse(text, `${JSON.stringify(host)} is not an IPv6 address`);
    return { host, port: parsePort(bracketed[2], text) };
  }
  const [host = '', port, ...rest] = part.split(':');
  if (rest.length > 0)
    refuse(text, `${JSON.stringify(part)} has several colons; an IPv6 address stands in brackets: [::1]:2181`);
  if (!HOST.test(host)) refuse(text, `${JSON.stringify(host)} is not a host name`);
  return { host, port: parsePort(port, text) };
}

function parsePort(port: string | undefined, text: string): number {
  if (port === undefined) return DEFAULT_PORT;
  const value = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  if (value < 1 || value > 65_535) refuse(text, `${JSON.stringify(port)} is not a port from 1 to 65535`);
  return value;
}

/** @param hidesText true when the flaw shows nothing of the text; one that does is not told of a text that may hold credentials: its parts are not what they look like */
function refuse(text: string, flaw: string, hidesText = false): never {
  const told = hidesText || !mayHoldCredentials(text) ? flaw : CREDENTIALS;
  throw new InvalidOptionsError(
    `zooKeeperLock: connectString must look like 'host:port,host:port/chroot', but got ${describeGiven(text)}: ${told}. ` +
      "Write for instance '127.0.0.1:2181' or 'zk1:2181,zk2:2181,zk3:2181/shop'.",
  );
}

/** The target as a text for people: ports filled in, nothing secret in it. */
export function describeTarget(target: ConnectTarget): string {
  return (
    target.servers.map(({ host, port }) => (isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`)).join(',') +
    target.chroot
  );
}
