import { describe, expect, it } from 'vitest';
import { read, readByTheSample } from './support.js';
import { InvalidConfigError, readConfig } from '../../../sample-app/config.js';

describe('readConfig', () => {
  it('needs nothing', () => {
    expect(readConfig({})).toEqual({
      host: '127.0.0.1',
      port: 3000,
      reportDelayMs: 1500,
      namespace: expect.any(String),
      cacheMode: 'distributed',
      greeting: 'full',
    });
  });

  it('gives each embedded database a namespace of its own, and all instances on one server the same', () => {
    const databaseUrl = 'postgres://db/shop';
    expect(readConfig({}).namespace).not.toBe(readConfig({}).namespace);
    expect(readConfig({ DATABASE_URL: databaseUrl }).namespace).toBe('sample-app');
    expect(readConfig({ DATABASE_URL: databaseUrl, CACHE_NAMESPACE: 'shop' }).namespace).toBe('shop');
    expect(readConfig({ CACHE_NAMESPACE: 'shop' }).namespace).toBe('shop');
  });

  it('takes an empty variable as left out', () => {
    const empty = {
      PORT: '',
      HOST: ' ',
      DATABASE_URL: '',
      REDIS_URL: '',
      ZOOKEEPER_CONNECT: ' ',
      REPORT_DELAY_MS: '',
      MAX_CONCURRENT_LOADS: '',
      CACHE_MODE: '',
      GREETING: ' ',
    };
    expect(readConfig({ ...empty, CACHE_NAMESPACE: 'shop' })).toEqual(readConfig({ CACHE_NAMESPACE: 'shop' }));
    expect(readConfig({ CACHE_NAMESPACE: '' }).namespace).toMatch(/^sample-app-/);
  });

  it('takes what is given', () => {
    const env = {
      CACHE_NAMESPACE: 'shop',
      PORT: '0',
      HOST: '0.0.0.0',
      DATABASE_URL: 'postgres://shop:secret@db:5432/shop',
      REDIS_URL: 'rediss://cache:6380',
      ZOOKEEPER_CONNECT: 'zk1:2181,zk2:2181/shop',
      REPORT_DELAY_MS: '20000',
      MAX_CONCURRENT_LOADS: '7',
      CACHE_MODE: 'in-process',
      GREETING: 'short',
    };
    expect(readConfig(env)).toEqual({
      namespace: 'shop',
      host: '0.0.0.0',
      port: 0,
      reportDelayMs: 20_000,
      maxConcurrentLoads: 7,
      cacheMode: 'in-process',
      greeting: 'short',
      databaseUrl: env.DATABASE_URL,
      redisUrl: env.REDIS_URL,
      zooKeeperConnect: env.ZOOKEEPER_CONNECT,
    });
  });

  it.each([
    [{ PORT: '65536' }, "PORT must be a whole number from 0 to 65535, but is '65536'. Leave it out for 3000."],
    [{ PORT: '3e3' }, 'PORT must be a whole number'],
    [{ PORT: '-1' }, 'PORT must be a whole number'],
    [{ REPORT_DELAY_MS: '1.5' }, 'REPORT_DELAY_MS must be a whole number from 0 to 20000'],
    [
      { CACHE_MODE: 'none' },
      "CACHE_MODE must be one of distributed, in-process, off, but is 'none'. Leave it out for distributed.",
    ],
    [{ GREETING: 'long' }, 'GREETING must be one of full, short'],
    [
      { DATABASE_URL: 'mysql://x:secret@db/shop' },
      "DATABASE_URL must be a URL such as postgres://user:password@127.0.0.1:5432/shop, but begins with 'mysql:'.",
    ],
    [{ REDIS_URL: '127.0.0.1' }, 'REDIS_URL must be a URL such as redis://127.0.0.1:6379, but is not a URL.'],
  ])('refuses %o', (env, message) => {
    expect(() => readConfig(env)).toThrow(InvalidConfigError);
    expect(() => readConfig(env)).toThrow(message);
  });

  it('does not repeat a password', () => {
    expect(() => readConfig({ DATABASE_URL: 'mysql://x:secret@db/shop' })).not.toThrow(/secret/);
    expect(() => readConfig({ REDIS_URL: 'secret' })).not.toThrow(/secret/);
  });

  it('reads what the sample’s README lists, and nothing else', () => {
    const listed = [...read('sample-app/README.md').matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name]) => name);
    expect(listed.sort()).toEqual(readByTheSample().sort());
  });
});
