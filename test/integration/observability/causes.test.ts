import { randomUUID } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import { inspect } from 'node:util';
import { Redis as Ioredis } from 'ioredis';
import { Redis as IoredisV6 } from 'ioredis-v6';
import { DistributedCacheService, type CacheEvent, type CacheHealth } from 'nestjs-distributed-cache';
import { redisLock, redisStore } from 'nestjs-distributed-cache/redis';
import { zooKeeperLock } from 'nestjs-distributed-cache/zookeeper';
import { createClient as createV6 } from 'redis';
import { createClient as createV4 } from 'redis-v4';
import { createClient as createV5 } from 'redis-v5';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { errorText } from '../../../lib/core/error-text.js';
import { startRedis, type OwnRedis } from '../../../servers/index.js';
import { WrongServers } from '../../support/wrong-servers.js';
import { refusal, startApp, stopApps, type RunningApp } from '../../e2e/support/app.js';

const PATIENCE = { timeout: 30_000, interval: 50 };
const [USER, PASSWORD] = ['geheim-user', 'geheim/pass'];
const CREDENTIALS = `${USER}:${encodeURIComponent(PASSWORD)}`;
const SECRETS = [USER, PASSWORD, encodeURIComponent(PASSWORD), 'geheim'];

const wrong = new WrongServers();
let redis: OwnRedis;
/** Where each fault is found, and what names its cause. */
const places: Record<string, { readonly url: string; readonly cause: RegExp }> = {};

/** The faults, named here since a table is made before any server runs. */
const FAULTS = [
  'wrong password',
  'unknown host',
  'refused port',
  'TLS to a plain port',
  'another protocol',
  'no answer',
  'a server that repeats what it was given',
] as const;

beforeAll(async () => {
  redis = await startRedis();
  const admin = new Ioredis(redis.url);
  // Without one, whoever is refused under another name may go on as the user that everybody is.
  await admin.config('SET', 'requirepass', 'right');
  admin.disconnect();
  const ports = {
    silent: await wrong.start('silent'),
    http: await wrong.start('http'),
    repeating: await wrong.start('repeating'),
  };
  const at = (host: string, protocol = 'redis'): string => `${protocol}://${CREDENTIALS}@${host}`;
  const local = (port: number, protocol?: string): string => at(`127.0.0.1:${String(port)}`, protocol);
  const list: [(typeof FAULTS)[number], string, RegExp][] = [
    ['wrong password', local(Number(new URL(redis.url).port)), /WRONGPASS|NOAUTH/],
    ['unknown host', at('nobody.invalid:6379'), /ENOTFOUND|EAI_AGAIN/],
    ['refused port', local(1), /ECONNREFUSED/],
    ['TLS to a plain port', local(ports.http, 'rediss'), /wrong version number/],
    [
      'another protocol',
      local(ports.http),
      /does not speak the protocol of Redis|Socket closed unexpectedly|ECONNRESET|EPIPE/,
    ],
    ['no answer', local(ports.silent), /the server has not answered/],
    ['a server that repeats what it was given', local(ports.repeating), /unknown command/],
  ];
  for (const [fault, url, cause] of list) places[fault] = { url, cause };
});

afterAll(async () => {
  wrong.stop();
  await redis.stop();
});

const closers: (() => void)[] = [];
afterEach(async () => {
  await stopApps();
  for (const close of closers.splice(0)) close();
});

const reconnectStrategy = (): number => 50;
const connectTimeout = 5_000;

/** Clients as an application makes them: without and with their offline queue, and none of them connected. */
function nodeRedis(create: typeof createV6, queue: boolean): (url: string) => object {
  return (url) => {
    const client = create({ url, disableOfflineQueue: !queue, socket: { reconnectStrategy, connectTimeout } });
    client.on('error', () => undefined);
    client.connect().catch(() => undefined);
    closers.push(() => {
      // Version 4 has no `destroy`.
      const old = client as { destroy?: () => void; disconnect?: () => Promise<unknown> };
      if (old.destroy === undefined) void old.disconnect?.().catch(() => undefined);
      else client.destroy();
    });
    return client;
  };
}

function ioredis(Client: typeof Ioredis, queue: boolean): (url: string) => object {
  return (url) => {
    const client = new Client(url, { enableOfflineQueue: queue, retryStrategy: reconnectStrategy, connectTimeout });
    client.on('error', () => undefined);
    closers.push(() => {
      client.disconnect();
    });
    return client;
  };
}

const CLIENTS: Record<string, (url: string) => object> = {
  'node-redis 4': nodeRedis(createV4 as never, false),
  'node-redis 5': nodeRedis(createV5 as never, false),
  'node-redis 6': nodeRedis(createV6, false),
  'node-redis 6 with its queue': nodeRedis(createV6, true),
  'ioredis 5': ioredis(Ioredis, false),
  'ioredis 5 with its queue': ioredis(Ioredis, true),
  'ioredis 6': ioredis(IoredisV6 as never, false),
};

/** What `make` makes of a URL or of a client, once the client's first attempt to connect has come as far as it comes. */
async function reaching<Made>(
  way: string,
  fault: string,
  make: (where: { url: string } | { client: object }) => Made,
): Promise<Made> {
  const { url } = places[fault]!;
  if (way === 'url') return make({ url });
  const client = CLIENTS[way]!(url) as EventEmitter;
  const made = make({ client });
  await new Promise((resolve) => client.once(fault === 'no answer' ? 'connect' : 'error', resolve));
  return made;
}

/** Deadlines that are reached only where nothing else ends the wait. */
function deadlines(fault: string, way: string): { storeTimeoutMs: number; lockTimeoutMs: number } {
  const isReached = fault === 'no answer' || way.includes('queue');
  return { storeTimeoutMs: isReached ? 1_500 : 15_000, lockTimeoutMs: 1_500 };
}

const errorOf = (event: CacheEvent): unknown => ('error' in event ? event.error : undefined);

async function loaded({ app }: RunningApp): Promise<CacheHealth> {
  const cache = app.get(DistributedCacheService);
  expect(await cache.getOrLoad(['row'], () => 'row')).toBe('row');
  return cache.health({ timeoutMs: 3_000 });
}

/** Everything that the application has told, in whole: a secret in a field that nobody reads is told as well. */
function everything(running: RunningApp, health: CacheHealth): string {
  const events = inspect(running.events, { depth: Infinity, showHidden: true, maxStringLength: Infinity });
  return [...running.lines, JSON.stringify(health), events].join('\n');
}

function expectNoSecret(running: RunningApp, health: CacheHealth): void {
  const told = everything(running, health);
  for (const secret of SECRETS) expect(told).not.toContain(secret);
}

const REPEATED = 'a server that repeats what it was given';

describe.each(FAULTS)('%s', (fault) => {
  // A client with a queue sends commands to that server too, and so it is found out at start: see below.
  const ways = Object.keys(CLIENTS).filter((way) => fault !== REPEATED || !way.includes('queue'));

  it.each(['url', ...ways])('a store by %s tells it in event, line and health, and no secret', async (way) => {
    const { cause } = places[fault]!;
    const store = await reaching(way, fault, (where) => redisStore(where));
    const running = await startApp({ cache: { namespace: randomUUID(), store, ...deadlines(fault, way) } });
    const health = await loaded(running);
    expect(health).toMatchObject({
      status: 'degraded',
      store: { status: 'down', error: expect.stringMatching(cause) },
    });
    const [first] = running.events.filter(({ type }) => type === 'store-unavailable');
    expect(errorText(errorOf(first!))).toMatch(cause);
    expect(running.lines).toContainEqual(
      expect.stringMatching(new RegExp(`^warn The store does not answer .*(${cause.source})`)),
    );
    const start = running.lines.find((line) => line.includes(': store redis'));
    expect(start).toMatch(new RegExp(`^warn Cache .*not reachable: .*(${cause.source})`));
    expectNoSecret(running, health);
  });

  it.each(['url', 'node-redis 6', 'ioredis 5'])('redisLock by %s is down, and tells it likewise', async (way) => {
    const { cause } = places[fault]!;
    const lock = await reaching(way, fault, (where) => redisLock(where));
    const store = redisStore({ url: inject('redisUrl') });
    const { lockTimeoutMs } = deadlines(fault, way);
    const running = await startApp({ cache: { namespace: randomUUID(), store, lock, lockTimeoutMs } });
    await vi.waitFor(async () => {
      expect(await running.app.get(DistributedCacheService).health()).toMatchObject({
        status: 'degraded',
        store: { status: 'up' },
        lock: { status: 'down', error: expect.stringMatching(cause) },
      });
    }, PATIENCE);
    const health = await loaded(running);
    const [first] = running.events.filter(({ type }) => type === 'lock-unavailable');
    expect(errorText(errorOf(first!))).toMatch(cause);
    expect(running.lines).toContainEqual(
      expect.stringMatching(new RegExp(`^warn The lock service .*(${cause.source})`)),
    );
    expect(running.lines).toContainEqual(expect.stringMatching(/, lock redis .*\(not reachable: /));
    expectNoSecret(running, health);
  });
});

it.each(Object.keys(CLIENTS).filter((way) => way.includes('queue')))(
  'a server that knows no command of ours is refused at start, and no secret is told, by %s',
  async (way) => {
    const store = await reaching(way, REPEATED, (where) => redisStore(where));
    const told = await refusal(startApp({ cache: { namespace: randomUUID(), store, ...deadlines(REPEATED, way) } }));
    expect(told).toMatch(/^BrokenStoreError: .*unknown command/);
    for (const secret of SECRETS) expect(told).not.toContain(secret);
  },
);

it('a wrong password is told as such, not as an outage', async () => {
  const store = redisStore({ url: inject('redisUrl') });
  const lock = redisLock({ url: places['wrong password']!.url });
  const running = await startApp({ cache: { namespace: randomUUID(), store, lock, lockTimeoutMs: 1_500 } });
  const health = await loaded(running);
  expect(health).toMatchObject({ lock: { state: 'auth-failed', error: expect.stringContaining('Redis refuses us') } });
  expect(running.lines).toContainEqual(expect.stringMatching(/^warn redis refuses our credentials \(.*WRONGPASS/));
});

describe('zooKeeperLock', () => {
  const auth = { scheme: 'digest', credentials: `${USER}:${PASSWORD}` } as const;
  const connectString = inject('zooKeeperConnect');
  const FAR: readonly (readonly [string, () => string | Promise<string>, RegExp])[] = [
    ['unknown host', () => 'nobody.invalid:2181', /ENOTFOUND|EAI_AGAIN/],
    ['refused port', () => '127.0.0.1:1', /no server (accepts a connection|answered)/],
    [
      'another protocol',
      async () => `127.0.0.1:${String(await wrong.start('http'))}`,
      /no server (accepts a connection|answered)/,
    ],
    ['no answer', async () => `127.0.0.1:${String(await wrong.start('silent'))}`, /no server answered/],
  ];

  it.each(FAR)('%s: it is down, and event, line and health tell the cause and no secret', async (_, place, cause) => {
    const store = redisStore({ url: inject('redisUrl') });
    const lock = zooKeeperLock({ connectString: await place(), auth });
    const running = await startApp({ cache: { namespace: randomUUID(), store, lock, lockTimeoutMs: 3_000 } });
    const health = await vi.waitFor(async () => {
      const now = await running.app.get(DistributedCacheService).health({ timeoutMs: 3_000 });
      expect(now.lock).toMatchObject({ status: 'down', error: expect.stringMatching(cause) });
      return now;
    }, PATIENCE);
    await loaded(running);
    const [first] = running.events.filter(({ type }) => type === 'lock-unavailable');
    expect(errorText(errorOf(first!))).toMatch(cause);
    expect(running.lines).toContainEqual(
      expect.stringMatching(new RegExp(`^warn The lock service does not answer .*(${cause.source})`)),
    );
    expect(running.lines).toContainEqual(expect.stringMatching(/lock zookeeper .*\(not reachable: /));
    expectNoSecret(running, health);
  });

  it('wrong password: it is down, and event, line and health tell the cause and no secret', async () => {
    const namespace = randomUUID();
    const root = `/protected-${namespace}`;
    const store = redisStore({ url: inject('redisUrl') });
    const owner = zooKeeperLock({
      connectString,
      root,
      protectRoot: true,
      auth: { scheme: 'digest', credentials: 'owner:right' },
    });
    expect(await loaded(await startApp({ cache: { namespace, store, lock: owner } }))).toMatchObject({ status: 'up' });
    const lock = zooKeeperLock({ connectString, root, auth });
    const running = await startApp({ cache: { namespace, store, lock } });
    const cache = running.app.get(DistributedCacheService);
    expect(await cache.getOrLoad(['another row'], () => 'row')).toBe('row');
    const health = await cache.health();
    expect(health).toMatchObject({
      status: 'degraded',
      lock: { status: 'down', error: expect.stringContaining('NoAuth') },
    });
    expect(running.events.map(errorOf).map(errorText)).toContainEqual(expect.stringContaining('NoAuth'));
    expect(running.lines).toContainEqual(expect.stringMatching(/^warn The lock service refuses us \(.*NoAuth/));
    expect(running.lines).toContainEqual(expect.stringMatching(/^warn Cache .*not reachable: .*NoAuth/));
    expectNoSecret(running, health);
  });
});

describe('what is reachable', () => {
  it('is told at start, and health says how long it took to ask', async () => {
    const store = redisStore({ url: inject('redisUrl') });
    for (const lock of [
      redisLock({ url: inject('redisUrl') }),
      zooKeeperLock({ connectString: inject('zooKeeperConnect') }),
    ]) {
      const running = await startApp({ cache: { namespace: randomUUID(), store, lock } });
      expect(await loaded(running)).toMatchObject({
        status: 'up',
        store: { status: 'up', latencyMs: expect.any(Number) },
        lock: { status: 'up', state: 'connected', latencyMs: expect.any(Number) },
      });
      expect(running.lines).toContainEqual(
        expect.stringMatching(/^log Cache .*: store .* \(reachable\), lock .* \(reachable\)\.$/),
      );
      expect(running.lines.filter((line) => line.startsWith('warn'))).toEqual([]);
    }
  });
});
