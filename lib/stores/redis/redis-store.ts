import { typeName } from '../../core/describe-given.js';
import { InvalidOptionsError } from '../../core/errors.js';
import type { VersionedStoreFactory } from '../../core/provider-factory.js';
import { adoptEarly } from '../../redis-client/adopt-redis-client.js';
import { openRedisClient } from '../../redis-client/open-redis-client.js';
import { describeEndpoint, parseRedisUrl } from '../../redis-client/redis-url.js';
import { RedisVersionedStore } from './redis-versioned-store.js';

/** One of the two, never both. */
export type RedisStoreOptions =
  | {
      /**
       * `redis://user:password@host:6379/0`, or `rediss://` for TLS. A connection of our own, by the package `redis` or else `ioredis`,
       * whichever is installed; it is closed with the application.
       */
      readonly url: string;
      readonly client?: never;
    }
  | {
      /**
       * A client of the application's: node-redis 4 to 6 or ioredis 5 to 6; single, Sentinel or Cluster. Connecting and closing it
       * stay the application's business. Switch its offline queue off, or commands given up long ago are sent after an outage.
       */
      readonly client: unknown;
      readonly url?: never;
    };

const EXPECTED = 'redisStore() expects { url } or { client }';

/**
 * A store on Redis 5 or newer, for the whole fleet. While Redis is away the application starts, and runs without a cache.
 *
 * @throws InvalidOptionsError for a malformed URL, an unknown option, or a client of a kind that it does not know
 */
export function redisStore(options: RedisStoreOptions): VersionedStoreFactory {
  check(options);
  const { url, client } = options;
  if (url !== undefined) {
    return {
      description: `redis ${describeEndpoint(parseRedisUrl(url))}`,
      createVersionedStore: async ({ namespace, report }) =>
        new RedisVersionedStore({ client: await openRedisClient(url), namespace, report }),
    };
  }
  const { adopt } = adoptEarly(client);
  return {
    description: 'redis, by a client of the application',
    createVersionedStore: ({ namespace, report }) => new RedisVersionedStore({ client: adopt(), namespace, report }),
  };
}

function check(options: unknown): asserts options is RedisStoreOptions {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const got = typeof options === 'string' ? 'a text: write redisStore({ url })' : typeName(options);
    throw new InvalidOptionsError(`${EXPECTED}, got ${got}.`);
  }
  const unknown = Object.keys(options).find((name) => name !== 'url' && name !== 'client');
  if (unknown !== undefined) {
    throw new InvalidOptionsError(
      `${EXPECTED}, got an option "${unknown}". Remove it; for further settings make the client yourself.`,
    );
  }
  const { url, client } = options as Partial<Record<'url' | 'client', unknown>>;
  if ((url === undefined) === (client === undefined)) {
    throw new InvalidOptionsError(
      `${EXPECTED}, got ${url === undefined ? 'neither' : 'both'}. Give exactly one of them.`,
    );
  }
  if (url !== undefined) parseRedisUrl(url);
}
