import { describeGiven } from '../../core/describe-given.js';
import { InvalidOptionsError } from '../../core/errors.js';
import type { LockProviderFactory } from '../../core/provider-factory.js';
import { adoptEarly } from '../../redis-client/adopt-redis-client.js';
import { openRedisClient } from '../../redis-client/open-redis-client.js';
import type { RedisClient } from '../../redis-client/redis-client.js';
import { describeEndpoint, parseRedisUrl } from '../../redis-client/redis-url.js';
import { RedisLockProvider } from './redis-lock-provider.js';

const DEFAULT_TTL_MS = 10_000;
const SHORTEST_TTL_MS = 500;
const LONGEST_TTL_MS = 3_600_000;

interface CommonOptions {
  /**
   * A lock whose holder died is free no later than this; a living holder renews it every third of it, and takes it for lost when nine tenths
   * have passed without a renewal. Integer, milliseconds, 500 to 3,600,000; default 10,000.
   */
  readonly ttlMs?: number;
}

/** `url` or `client`, never both. */
export type RedisLockOptions =
  | (CommonOptions & {
      /** `redis://user:password@host:6379/0`, or `rediss://` for TLS. A connection of its own, with whichever of `redis` and `ioredis` is installed. */
      readonly url: string;
      readonly client?: never;
    })
  | (CommonOptions & {
      /** A client of node-redis 4 to 6 or ioredis 5 to 6: single, Sentinel or Cluster. It stays open when the cache closes. */
      readonly client: object;
      readonly url?: never;
    });

/**
 * Locks on a Redis server, one connection for commands and, once a lock was found busy, one for messages.
 *
 * @throws InvalidOptionsError when the options make no sense
 */
export function redisLock(options: RedisLockOptions): LockProviderFactory {
  const { url, client, ttlMs } = checked(options);
  const { description, open } =
    url === undefined
      ? ofApplication(client)
      : { description: describeEndpoint(parseRedisUrl(url)), open: () => openRedisClient(url) };
  return {
    description: `redis ${description}`,
    createLockProvider: async ({ namespace, clock, lockTimeoutMs, report }) =>
      new RedisLockProvider({
        client: await open(),
        namespace,
        clock,
        ttlMs,
        commandTimeoutMs: lockTimeoutMs,
        report,
      }),
  };
}

function ofApplication(client: unknown): { readonly description: string; readonly open: () => RedisClient } {
  const { description, adopt } = adoptEarly(client);
  return { description: `(${description})`, open: adopt };
}

interface CheckedOptions {
  readonly url: string | undefined;
  readonly client: unknown;
  readonly ttlMs: number;
}

function checked(options: unknown): CheckedOptions {
  if (typeof options !== 'object' || options === null) {
    throw refused(
      'an object with `url` or `client`',
      describeGiven(options),
      'Write `redisLock({ url: "redis://127.0.0.1:6379" })`',
    );
  }
  const unknownName = Object.keys(options).find((name) => !['url', 'client', 'ttlMs'].includes(name));
  if (unknownName !== undefined)
    throw refused('`url`, `client` and `ttlMs`', `\`${unknownName}\``, 'Remove it, or correct its name');
  const { url, client, ttlMs = DEFAULT_TTL_MS } = options as { url?: string; client?: unknown; ttlMs?: unknown };
  if ((url === undefined) === (client === undefined)) {
    throw refused('either `url` or `client`', url === undefined ? 'neither' : 'both', 'Give exactly one of them');
  }
  if (typeof ttlMs !== 'number' || !Number.isInteger(ttlMs) || ttlMs < SHORTEST_TTL_MS || ttlMs > LONGEST_TTL_MS) {
    const range = `\`ttlMs\` to be an integer from ${String(SHORTEST_TTL_MS)} to ${String(LONGEST_TTL_MS)}`;
    throw refused(range, describeGiven(ttlMs), `Leave it out for ${String(DEFAULT_TTL_MS)}`);
  }
  return { url, client, ttlMs };
}

function refused(expected: string, got: string, cure: string): InvalidOptionsError {
  return new InvalidOptionsError(`redisLock: expected ${expected}, got ${got}. ${cure}.`);
}
