import { systemClock } from '../core/clock.js';
import { InvalidOptionsError } from '../core/errors.js';
import { IoredisClient, type IoredisSlice } from './ioredis-client.js';
import { NodeRedisClient, type NodeRedisSlice } from './node-redis-client.js';
import { closing, type ConnectingSlice } from './node-redis-closing.js';
import { reconnectDelayMs } from './reconnect-delay.js';
import type { RedisClient } from './redis-client.js';
import type { ErrorEmitter } from './connection-watch.js';
import { StartingRedisClient } from './starting-redis-client.js';
import { describeEndpoint, parseRedisUrl, type RedisEndpoint } from './redis-url.js';

const CONNECT_TIMEOUT_MS = 2_000;
/** Bounds what a Redis that takes commands but does not answer can cost in memory. */
const MAX_PENDING_COMMANDS = 50_000;

interface NodeRedisModule {
  createClient(options: object): NodeRedisSlice & ConnectingSlice;
}

interface IoredisModule {
  Redis: new (options: object) => IoredisSlice & { connect(): Promise<unknown> };
}

/** Loads a package; undefined when it is not installed. */
export type LoadPackage = (name: 'redis' | 'ioredis') => Promise<unknown>;

/**
 * A connection of our own, by `redis` (node-redis) or else `ioredis`, whichever is installed. It does not wait for the server. Commands wait
 * for the end of the first attempt to connect; later, while the server is away, every command fails at once, nothing is queued and nothing is sent later, and it reconnects for ever.
 *
 * @throws InvalidOptionsError for a malformed URL, or when neither package is installed
 */
export async function openRedisClient(url: string, load: LoadPackage = loadPackage): Promise<RedisClient> {
  const endpoint = parseRedisUrl(url);
  const nodeRedis = await load('redis');
  if (nodeRedis !== undefined) return openNodeRedis(named<NodeRedisModule>(nodeRedis, 'createClient'), endpoint);
  const ioredis = await load('ioredis');
  if (ioredis !== undefined) return openIoredis(named<IoredisModule>(ioredis, 'Redis'), endpoint);
  throw new InvalidOptionsError(
    'Expected a Redis client to be installed, found neither `redis` nor `ioredis`. Run `npm install redis`, or give a client of your own.',
  );
}

function openNodeRedis(module: NodeRedisModule, endpoint: RedisEndpoint): RedisClient {
  const { host, port, tls, username, password, database } = endpoint;
  const client = module.createClient({
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(database !== 0 && { database }),
    socket: {
      host,
      port,
      ...(tls && { tls }),
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectStrategy: reconnectDelayMs,
    },
    disableOfflineQueue: true,
    // Every command has a deadline of its caller's; a second one, a timer and a signal a command, is what version 6 sets by itself.
    commandOptions: { timeout: undefined },
    commandsQueueMaxLength: MAX_PENDING_COMMANDS,
  });
  const description = `node-redis ${describeEndpoint(endpoint)}`;
  const opened = starting(new NodeRedisClient(client, { close: closing(client), description }), client);
  client.connect().catch(() => undefined);
  return opened;
}

function openIoredis(module: IoredisModule, endpoint: RedisEndpoint): RedisClient {
  const { host, port, tls, username, password, database } = endpoint;
  const client = new module.Redis({
    host,
    port,
    db: database,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: {} }),
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: reconnectDelayMs,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    lazyConnect: true,
  });
  const description = `ioredis ${describeEndpoint(endpoint)}`;
  const opened = starting(new IoredisClient(client, { owned: true, description }), client);
  client.connect().catch(() => undefined);
  return opened;
}

function starting(client: RedisClient, connection: ErrorEmitter): RedisClient {
  return new StartingRedisClient(client, connection, systemClock, CONNECT_TIMEOUT_MS);
}

async function loadPackage(name: 'redis' | 'ioredis'): Promise<unknown> {
  try {
    return await (name === 'redis' ? import('redis') : import('ioredis'));
  } catch (error) {
    if (isMissing(error, name)) return undefined;
    throw error;
  }
}

/** Missing itself; a package that is there but lacks one of its own parts is broken, and its error says so. */
function isMissing(error: unknown, name: string): boolean {
  const code = (error as { code?: unknown }).code;
  const message = error instanceof Error ? error.message : '';
  return (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') && message.includes(`'${name}'`);
}

/** A CommonJS package, imported, may carry its names on `default` only. */
function named<T extends object>(module: unknown, name: keyof T & string): T {
  const direct = module as Partial<T>;
  return (direct[name] !== undefined ? direct : (module as { default: T }).default) as T;
}
