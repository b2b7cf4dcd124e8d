import { describe, expect, it } from 'vitest';
import { InvalidOptionsError } from '../../../lib/core/errors.js';
import { resolveOptions } from '../../../lib/distributed-cache.options.js';
import { redisLock } from '../../../lib/locks/redis/redis-lock.js';
import { zooKeeperLock } from '../../../lib/locks/zookeeper/zoo-keeper-lock.js';
import { cacheManagerStore } from '../../../lib/stores/cache-manager-store.js';
import { memoryStore } from '../../../lib/stores/memory-store.js';
import { redisStore } from '../../../lib/stores/redis/redis-store.js';

/** Connect strings with credentials, well formed and not, as they stand in the environment of an application. */
const TEXTS = ['redis', 'rediss', 'zk', 'http', '']
  .flatMap((scheme) =>
    [
      'geheim:geheim',
      ':geheim',
      'geheim:gehe/geheim',
      'geheim:12/geheim',
      'geheim:12#geheim',
      'geheim:%zzgeheim',
      'geheim:geheim@geheim',
    ].flatMap((credentials) =>
      ['host', 'host:6379', 'host:2181/path', 'host:1,host:2/a//b', '[::1', 'host/geheim', ''].map(
        (host) => `${scheme === '' ? '' : `${scheme}://`}${credentials}@${host}`,
      ),
    ),
  )
  .concat(
    // as part of another URL
    encodeURIComponent('redis://geheim:geheim@host'),
  );

/** Every place that takes a setting, given the text where it belongs and where it does not. */
const PLACES: Record<string, (text: string) => unknown> = {
  'redisStore({ url })': (url) => redisStore({ url }).description,
  'redisStore()': (text) => redisStore(text as never),
  'redisStore([])': (text) => redisStore([text] as never),
  'redisStore({ client })': (client) => redisStore({ client }),
  'redisLock({ url })': (url) => redisLock({ url }).description,
  'redisLock()': (text) => redisLock(text as never),
  'redisLock([])': (text) => redisLock([text] as never),
  'redisLock({ ttlMs })': (text) => redisLock({ url: 'redis://h', ttlMs: text as never }),
  'zooKeeperLock({ connectString })': (connectString) => zooKeeperLock({ connectString }).description,
  'zooKeeperLock({ connectString: [] })': (text) => zooKeeperLock({ connectString: [text] as never }),
  'zooKeeperLock()': (text) => zooKeeperLock(text as never),
  'zooKeeperLock({ root })': (root) => zooKeeperLock({ root }),
  'zooKeeperLock({ auth })': (text) => zooKeeperLock({ auth: text as never }),
  'zooKeeperLock({ auth: { scheme } })': (text) =>
    zooKeeperLock({ auth: { scheme: text, credentials: text } as never }),
  'memoryStore()': (text) => memoryStore(text as never),
  'memoryStore({ maxEntries })': (text) => memoryStore({ maxEntries: text as never }),
  'cacheManagerStore()': (text) => cacheManagerStore(text as never),
  'cacheManagerStore({ acceptNonAtomic })': (text) => cacheManagerStore({ acceptNonAtomic: text as never }),
  'forRoot()': (text) => resolveOptions(text as never),
  ...Object.fromEntries(
    (['store', 'lock', 'namespace', 'ttlMs', 'dataSources', 'onChange'] as const).map((name) => [
      `forRoot({ ${name} })`,
      (text: string) => resolveOptions({ [name]: text }),
    ]),
  ),
};

describe.each(Object.entries(PLACES))('%s', (_, place) => {
  it('shows nothing of a connect string that it was given', () => {
    let refused = 0;
    for (const text of TEXTS) {
      let told: string;
      try {
        told = String(place(text));
      } catch (error) {
        refused++;
        expect(error).toBeInstanceOf(InvalidOptionsError);
        told = `${(error as Error).message} ${(error as Error).stack ?? ''} ${String((error as Error).cause)}`;
      }
      expect(told, text).not.toContain('geheim');
    }
    expect(refused).toBeGreaterThan(0);
  });
});
