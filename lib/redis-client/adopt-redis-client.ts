import { InvalidOptionsError } from '../core/errors.js';
import { IoredisClient, isIoredis } from './ioredis-client.js';
import { isNodeRedis, NodeRedisClient } from './node-redis-client.js';
import type { RedisClient } from './redis-client.js';

const EXPECTED =
  'Expected `client` to be a client of node-redis 4 to 6 (createClient, createCluster, createSentinel) or of ioredis 5 or 6 (Redis, Cluster)';

export interface AdoptOptions {
  /** Opens a node-redis client that its owner opens on first use only (as `@keyv/redis` does). */
  readonly open?: () => Promise<unknown>;
}

/**
 * A client that the application made, recognised by its shape. It keeps its own settings and stays open when ours is closed. It gets
 * an `error` listener while we use it, so that a lost connection never ends the process.
 *
 * @throws InvalidOptionsError when it is none of the clients we know
 */
export function adoptRedisClient(client: unknown, options: AdoptOptions = {}): RedisClient {
  if (typeof client === 'object' && client !== null) {
    if (isNodeRedis(client)) return new NodeRedisClient(client, { open: options.open });
    if (isIoredis(client)) return new IoredisClient(client, { owned: false });
  }
  throw new InvalidOptionsError(`${EXPECTED}, got ${describe(client)}. ${cure(client)}`);
}

/**
 * Adopts a client now, for use later: what it tells of its connection until then is not missed. What is returned gives that adoption first, and a new one each time after that.
 *
 * @throws InvalidOptionsError when it is none of the clients we know
 */
export function adoptEarly(client: unknown): { readonly description: string; readonly adopt: () => RedisClient } {
  let first: RedisClient | undefined = adoptRedisClient(client);
  return {
    description: first.description,
    adopt: () => {
      const adopted = first ?? adoptRedisClient(client);
      first = undefined;
      return adopted;
    },
  };
}

function describe(client: unknown): string {
  if (client === null) return 'null';
  if (typeof client !== 'object')
    return typeof client === 'function' ? `the function ${client.name || '(anonymous)'}` : typeof client;
  const name: unknown = (client as { constructor?: { name?: unknown } }).constructor?.name;
  return isPromise(client)
    ? 'a promise'
    : `an object of class ${typeof name === 'string' && name !== '' ? name : '(none)'}`;
}

function cure(client: unknown): string {
  if (isPromise(client))
    return 'Await it first (`forRootAsync` with an async `useFactory`), and give what it resolves to.';
  if (typeof client === 'string') return 'For a URL write `redisStore({ url })`.';
  if (typeof client === 'function') return 'Give an instance, not its class or factory.';
  const old = typeof client === 'object' && client !== null && 'send_command' in client;
  return old
    ? 'That is node-redis 3 or older: upgrade it, or give `url` instead.'
    : 'Give such a client, or `url` instead.';
}

function isPromise(client: unknown): boolean {
  return typeof client === 'object' && client !== null && 'then' in client;
}
