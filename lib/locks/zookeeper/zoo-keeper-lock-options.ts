import { describeGiven, typeName } from '../../core/describe-given.js';
import { InvalidOptionsError } from '../../core/errors.js';
import { parseConnectString } from './connect-string.js';
import type { ConnectTarget } from './connect-string.js';
import { explainBadPath } from './node-path.js';
import type { ZkAuth } from './zk-client-port.js';

/** Options of `zooKeeperLock()`. Each may be left out. */
export interface ZooKeeperLockOptions {
  /**
   * `host[:port][,host[:port]…][/chroot]`; default `'127.0.0.1:2181'`. Port 2181 where it is left out, IPv6 addresses in brackets. Names are resolved anew for every connection.
   * A chroot that does not exist is created.
   */
  readonly connectString?: string;
  /**
   * After a crash of its holder a lock is free no later than this. Milliseconds, 1,000 to 600,000, default 10,000; the server clamps it (to 2 to 20 of its ticks,
   * 4 to 40 s as it comes). An event loop that is blocked for longer loses the session, so short is not better.
   */
  readonly sessionTimeoutMs?: number;
  /** The node under which everything lies, below the chroot; default `'/nest-cache'`. Created when needed, never deleted. */
  readonly root?: string;
  /** Credentials, given to the servers before the first operation of every connection. They travel in clear text. */
  readonly auth?: ZkAuth;
  /** True: the nodes above the locks get an ACL that lets only `auth` create and delete locks. Needs `auth`. Default false. */
  readonly protectRoot?: boolean;
  /**
   * The most locks held at a time; an attempt beyond it rejects with `LockUnavailableError`. 1 to 10,000, default 1,000: the servers end a session in one transaction
   * that lists all its nodes, and one too large for them takes an ensemble down.
   */
  readonly maxHeldLocks?: number;
  /** True: do not refuse to work in a worker thread. The native client can crash the process there. Default false. */
  readonly allowWorkerThreads?: boolean;
  /** What the C client writes to stdout and stderr: 0 nothing (default), 1 errors, 2 warnings, 3 infos, 4 everything. One setting for the whole process. */
  readonly nativeLogLevel?: number;
}

export interface ResolvedZooKeeperLockOptions {
  readonly target: ConnectTarget;
  readonly sessionTimeoutMs: number;
  /** `''` or a path without a slash at its end. */
  readonly root: string;
  readonly auth?: ZkAuth;
  readonly protectRoot: boolean;
  readonly maxHeldLocks: number;
  readonly allowWorkerThreads: boolean;
  readonly nativeLogLevel: number;
}

const NAMES = [
  'connectString',
  'sessionTimeoutMs',
  'root',
  'auth',
  'protectRoot',
  'maxHeldLocks',
  'allowWorkerThreads',
  'nativeLogLevel',
] as const;

/**
 * Makes the options final. Pure: opens and resolves nothing.
 *
 * @throws InvalidOptionsError that says what was expected, what was given and what to do
 */
export function resolveZooKeeperLockOptions(options: ZooKeeperLockOptions = {}): ResolvedZooKeeperLockOptions {
  const given = asRecord(options, 'its options', 'an object');
  refuseUnknown(given, NAMES, '');
  const auth = resolveAuth(given['auth']);
  const protectRoot = boolean(given, 'protectRoot');
  if (protectRoot && !auth) {
    refuse('protectRoot', 'false without auth', 'true', 'Give auth as well, or leave protectRoot out');
  }
  return {
    target: resolveTarget(given['connectString']),
    sessionTimeoutMs: integer(given, 'sessionTimeoutMs', 1_000, 600_000, 10_000),
    root: resolveRoot(given['root']),
    ...(auth && { auth }),
    protectRoot,
    maxHeldLocks: integer(given, 'maxHeldLocks', 1, 10_000, 1_000),
    allowWorkerThreads: boolean(given, 'allowWorkerThreads'),
    nativeLogLevel: integer(given, 'nativeLogLevel', 0, 4, 0),
  };
}

function resolveTarget(value: unknown): ConnectTarget {
  if (value === undefined) return parseConnectString('127.0.0.1:2181');
  if (typeof value === 'string') return parseConnectString(value);
  refuse(
    'connectString',
    "a text like 'host:port,host:port/chroot'",
    describeGiven(value),
    'Join a list of servers with commas',
  );
}

function resolveRoot(value: unknown = '/nest-cache'): string {
  if (value === '/') return '';
  const flaw = typeof value === 'string' ? explainBadPath(value) : 'is not a text';
  if (flaw === undefined) return value as string;
  refuse(
    'root',
    'the path of a node',
    `${describeGiven(value)}, which ${flaw}`,
    "Write for instance '/nest-cache', or '/' for none",
  );
}

function resolveAuth(value: unknown): ZkAuth | undefined {
  if (value === undefined) return undefined;
  const expected = "{ scheme: 'digest', credentials: 'user:password' }";
  const auth = asRecord(value, 'auth', expected);
  refuseUnknown(auth, ['scheme', 'credentials'], 'auth.');
  if (auth['scheme'] !== 'digest')
    refuse('auth.scheme', "'digest'", describeScheme(auth['scheme']), `Write auth: ${expected}`);
  const credentials = auth['credentials'];
  // What was given is a secret, or was meant to be one: it is described, never shown.
  if (typeof credentials !== 'string')
    refuse('auth.credentials', "a text 'user:password'", typeof credentials, `Write auth: ${expected}`);
  if (!/^[^:\0]+:[^\0]+$/s.test(credentials)) {
    refuse(
      'auth.credentials',
      "a text 'user:password'",
      "a text without a user, a ':' or a password",
      `Write auth: ${expected}`,
    );
  }
  return { scheme: 'digest', credentials };
}

/** Credentials may have been put here; no scheme has a colon. */
function describeScheme(scheme: unknown): string {
  return typeof scheme === 'string' && !/^\w+$/.test(scheme) ? typeName(scheme) : describeGiven(scheme);
}

function integer(given: Record<string, unknown>, name: string, min: number, max: number, fallback: number): number {
  const value = given[name] ?? fallback;
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  const unit = name.endsWith('Ms') ? ' of milliseconds' : '';
  refuse(name, `a whole number${unit} from ${min} to ${max}`, describeGiven(value), `Leave it out for ${fallback}`);
}

function boolean(given: Record<string, unknown>, name: string): boolean {
  const value = given[name] ?? false;
  if (typeof value === 'boolean') return value;
  refuse(name, 'true or false', describeGiven(value), 'Leave it out for false');
}

function asRecord(value: unknown, name: string, expected: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  const got = name === 'auth' ? typeof value : describeGiven(value);
  refuse(
    name,
    expected,
    got,
    name === 'auth'
      ? `Write auth: ${expected}`
      : "Write for instance zooKeeperLock({ connectString: '127.0.0.1:2181' })",
  );
}

function refuseUnknown(given: Record<string, unknown>, known: readonly string[], prefix: string): void {
  const unknown = Object.keys(given).filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  const names = unknown.map((name) => prefix + name).join(', ');
  throw new InvalidOptionsError(
    `zooKeeperLock: unknown option ${names}; expected only ${known.map((name) => prefix + name).join(', ')}. Remove it or correct its name.`,
  );
}

function refuse(name: string, expected: string, got: string, cure: string): never {
  throw new InvalidOptionsError(`zooKeeperLock: ${name} must be ${expected}, but got ${got}. ${cure}.`);
}
