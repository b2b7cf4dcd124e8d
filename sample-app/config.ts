import { randomUUID } from 'node:crypto';

export const CACHE_MODES = ['distributed', 'in-process', 'off'] as const;

/**
 * What stands between the requests and the database:
 * - `distributed`: the store and the lock of the servers that the configuration names; where it names none, those of this process.
 * - `in-process`: the store and the lock of this process, whatever servers there are.
 * - `off`: nothing; every request asks the database.
 */
export type CacheMode = (typeof CACHE_MODES)[number];

export const GREETINGS = ['full', 'short'] as const;

/** What the terminal shows once the application listens: how to try it, or one line with the address. */
export type Greeting = (typeof GREETINGS)[number];

/** What the environment says, read once. Everything below here is handed on as values. */
export interface SampleAppConfig {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** A PostgreSQL server; left out, the database is embedded in this process and lives as long as it. */
  readonly databaseUrl?: string;
  /** A Redis server as the shared store; left out, the store is this process's memory. */
  readonly redisUrl?: string;
  /** ZooKeeper as the lock service; left out, locks are those of Redis, or without Redis those of this process. */
  readonly zooKeeperConnect?: string;
  /** Instances that share it share the cache, and must share the database. */
  readonly namespace: string;
  readonly cacheMode: CacheMode;
  /** How long the report's query takes at least, milliseconds. */
  readonly reportDelayMs: number;
  /** The most loads that run at once in this instance; left out, there is no bound. */
  readonly maxConcurrentLoads?: number;
  readonly greeting: Greeting;
}

/** Injection token of the {@link SampleAppConfig}. */
export const SAMPLE_APP_CONFIG = Symbol('SampleAppConfig');

/** A variable of the environment has a value that cannot be meant. */
export class InvalidConfigError extends Error {
  override readonly name = 'InvalidConfigError';
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the configuration. An empty variable counts as left out. Throws {@link InvalidConfigError}. */
export function readConfig(env: Environment): SampleAppConfig {
  const databaseUrl = readUrl(
    env,
    'DATABASE_URL',
    ['postgres:', 'postgresql:'],
    'postgres://user:password@127.0.0.1:5432/shop',
  );
  const redisUrl = readUrl(env, 'REDIS_URL', ['redis:', 'rediss:'], 'redis://127.0.0.1:6379');
  const zooKeeperConnect = read(env, 'ZOOKEEPER_CONNECT');
  const maxConcurrentLoads = readInteger(env, 'MAX_CONCURRENT_LOADS', 0, 10_000);
  return {
    namespace: read(env, 'CACHE_NAMESPACE') ?? defaultNamespace(databaseUrl),
    cacheMode: readChoice(env, 'CACHE_MODE', CACHE_MODES),
    greeting: readChoice(env, 'GREETING', GREETINGS),
    host: read(env, 'HOST') ?? '127.0.0.1',
    port: readInteger(env, 'PORT', 3000, 65_535),
    reportDelayMs: readInteger(env, 'REPORT_DELAY_MS', 1_500, 20_000),
    ...(maxConcurrentLoads === 0 ? {} : { maxConcurrentLoads }),
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    ...(redisUrl === undefined ? {} : { redisUrl }),
    ...(zooKeeperConnect === undefined ? {} : { zooKeeperConnect }),
  };
}

// An embedded database begins anew with every process; its rows must not meet, in a Redis that outlives it, those of another.
function defaultNamespace(databaseUrl: string | undefined): string {
  return databaseUrl === undefined ? `sample-app-${randomUUID()}` : 'sample-app';
}

function read(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}

function readInteger(env: Environment, name: string, fallback: number, max: number): number {
  const text = read(env, name);
  if (text === undefined) return fallback;
  if (!/^\d{1,6}$/.test(text) || Number(text) > max) {
    throw new InvalidConfigError(
      `${name} must be a whole number from 0 to ${max}, but is '${text}'. Leave it out for ${fallback}.`,
    );
  }
  return Number(text);
}

/** The first choice is the default. */
function readChoice<T extends string>(env: Environment, name: string, choices: readonly [T, ...T[]]): T {
  const text = read(env, name) ?? choices[0];
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined)
    throw new InvalidConfigError(
      `${name} must be one of ${choices.join(', ')}, but is '${text}'. Leave it out for ${choices[0]}.`,
    );
  return choice;
}

// The value itself is not repeated in the message: it may carry a password.
function readUrl(env: Environment, name: string, protocols: readonly string[], example: string): string | undefined {
  const text = read(env, name);
  if (text === undefined) return undefined;
  const expected = `${name} must be a URL such as ${example}`;
  if (!URL.canParse(text)) throw new InvalidConfigError(`${expected}, but is not a URL.`);
  const { protocol } = new URL(text);
  if (!protocols.includes(protocol)) throw new InvalidConfigError(`${expected}, but begins with '${protocol}'.`);
  return text;
}
