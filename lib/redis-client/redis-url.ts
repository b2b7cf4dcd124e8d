import { mayHoldCredentials } from '../core/describe-given.js';
import { InvalidOptionsError } from '../core/errors.js';

/** Where a Redis is, and as whom to speak to it. */
export interface RedisEndpoint {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: string;
  readonly database: number;
}

const EXPECTED = 'Expected `url` like redis://user:password@host:6379/0 (rediss:// for TLS)';

/** @throws InvalidOptionsError when the text is not a Redis URL; the message never shows a password. */
export function parseRedisUrl(url: unknown): RedisEndpoint {
  if (typeof url !== 'string') throw new InvalidOptionsError(`${EXPECTED}, got ${url === null ? 'null' : typeof url}.`);
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed)
    throw refused(
      'a text that is not a URL',
      'Write the protocol too, and percent-encode special characters of a password',
    );
  if (parsed.protocol !== 'redis:' && parsed.protocol !== 'rediss:') {
    // Without the slashes it may be a user, as in user:password@host.
    throw refused(
      /^[a-z]+:\/\//.test(url) ? `the protocol ${parsed.protocol}//` : 'a text without a protocol',
      'For anything else make the client yourself and give it as `client`',
    );
  }
  if (parsed.hostname === '') throw refused('no host', 'Name the host');
  if (parsed.search !== '' || parsed.hash !== '') {
    throw refused('a query or a fragment', 'Settings beyond these need a client of your own: give it as `client`');
  }
  return {
    host: parsed.hostname.replace(/^\[|\]$/g, ''),
    port: parsed.port === '' ? 6379 : Number(parsed.port),
    tls: parsed.protocol === 'rediss:',
    ...(parsed.username !== '' && { username: decode(parsed.username) }),
    ...(parsed.password !== '' && { password: decode(parsed.password) }),
    database: databaseOf(parsed.pathname, mayHoldCredentials(url)),
  };
}

/** For the line at start; without credentials. */
export function describeEndpoint(endpoint: RedisEndpoint): string {
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
  return `${host}:${endpoint.port}${endpoint.database === 0 ? '' : `/${endpoint.database}`}${endpoint.tls ? ' (TLS)' : ''}`;
}

/** @param isSecret true when there are credentials: where a password holds a slash, the rest of it and the host stand here */
function databaseOf(pathname: string, isSecret: boolean): number {
  const path = pathname.replace(/^\//, '');
  if (path === '') return 0;
  if (!/^\d{1,5}$/.test(path))
    throw refused(
      isSecret ? 'a database that is no number' : `the database ${JSON.stringify(path)}`,
      'Name a database by its number, or none; percent-encode special characters of a password (a / is %2F)',
    );
  return Number(path);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refused('credentials with a stray %', 'Percent-encode special characters of user and password (a % is %25)');
  }
}

function refused(got: string, cure: string): InvalidOptionsError {
  return new InvalidOptionsError(`${EXPECTED}, got ${got}. ${cure}.`);
}
