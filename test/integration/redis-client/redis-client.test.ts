import { randomUUID } from 'node:crypto';
import { Redis as Ioredis } from 'ioredis';
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { adoptRedisClient } from '../../../lib/redis-client/adopt-redis-client.js';
import { openRedisClient } from '../../../lib/redis-client/open-redis-client.js';
import type { RedisClient } from '../../../lib/redis-client/redis-client.js';
import { redisScript } from '../../../lib/redis-client/redis-script.js';
import { applicationClients } from '../../support/redis-clients.js';
import { startRedis, type OwnRedis } from '../../../servers/index.js';

const PATIENCE = { timeout: 30_000, interval: 20 };
const echo = redisScript(`redis.call('SET', KEYS[1], ARGV[1], 'PX', 60000) return { KEYS[1], ARGV[1] }`);
const publish = redisScript(`return redis.call('PUBLISH', ARGV[1], ARGV[2])`);

/** For what would disturb others: scripts are forgotten, the server goes away and comes back. */
let server: OwnRedis;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type Open = (url: string) => Promise<RedisClient>;

async function importOnly(wanted: string, name: string): Promise<unknown> {
  return wanted === name ? import(wanted) : undefined;
}

const ways: Record<string, Open> = {
  'url, by node-redis': (url) => openRedisClient(url),
  'url, by ioredis': (url) => openRedisClient(url, (name) => importOnly('ioredis', name)),
  ...Object.fromEntries(
    Object.entries(applicationClients).map(([name, make]): [string, Open] => [
      name,
      async (url) => {
        const made = await make(url);
        closers.push(() => {
          made.close();
        });
        return adoptRedisClient(made.client);
      },
    ]),
  ),
};

async function opened(open: Open, url: string): Promise<RedisClient> {
  const client = await open(url);
  closers.push(() => client.close());
  await vi.waitFor(() => client.run(echo, `probe-${randomUUID()}`, ['x']), PATIENCE);
  return client;
}

async function bystander(url: string): Promise<ReturnType<typeof createClient>> {
  const client = createClient({ url });
  client.on('error', () => undefined);
  await client.connect();
  closers.push(() => {
    client.destroy();
  });
  return client as ReturnType<typeof createClient>;
}

describe.each(Object.entries(ways))('a Redis client by %s', (_name, open) => {
  it('runs a script that the server knows, and one that it has forgotten', async () => {
    const client = await opened(open, server.url);
    const other = await bystander(server.url);
    const key = `k-${randomUUID()}`;
    expect(await client.run(echo, key, ['eins'])).toEqual([key, 'eins']);
    await other.scriptFlush();
    expect(await client.run(echo, key, ['zwei'])).toEqual([key, 'zwei']);
    expect(await other.get(key)).toBe('zwei');
  });

  it('rejects while the server is away, and works again after its restart', async () => {
    const client = await opened(open, server.url);
    await server.kill();
    await vi.waitFor(() => expect(client.run(echo, 'k', ['x'])).rejects.toThrow(), PATIENCE);
    await server.restart();
    await vi.waitFor(() => client.run(echo, 'k', ['x']), PATIENCE);
  });

  it('hears messages, also after the server was restarted, until it unsubscribes', async () => {
    const client = await opened(open, server.url);
    const heard: string[] = [];
    const again: string[] = [];
    const channel = `c-${randomUUID()}`;
    const unsubscribe = await client.subscribe(channel, (message) => heard.push(message));
    const unsubscribeAgain = await client.subscribe(channel, (message) => again.push(message));
    await client.run(publish, 'k', [channel, 'eins']);
    await vi.waitFor(() => expect([heard, again]).toEqual([['eins'], ['eins']]), PATIENCE);
    await server.restart();
    await vi.waitFor(async () => expect(await client.run(publish, 'k', [channel, 'zwei'])).toBe(1), PATIENCE);
    await vi.waitFor(() => expect(heard).toContain('zwei'), PATIENCE);
    await unsubscribe();
    await client.run(publish, 'k', [channel, 'drei']);
    await vi.waitFor(() => expect(again).toContain('drei'), PATIENCE);
    expect(heard).not.toContain('drei');
    await unsubscribeAgain();
    await vi.waitFor(async () => expect(await client.run(publish, 'k', [channel, 'vier'])).toBe(0), PATIENCE);
    const back: string[] = [];
    await client.subscribe(channel, (message) => back.push(message));
    await client.run(publish, 'k', [channel, 'fünf']);
    await vi.waitFor(() => expect(back).toEqual(['fünf']), PATIENCE);
  });

  it('deletes by prefix, whatever characters the prefix has, and nothing else', async () => {
    const client = await opened(open, inject('redisUrl'));
    const other = await bystander(inject('redisUrl'));
    const run = randomUUID();
    const mine = Array.from({ length: 1_200 }, (_, n) => `${run}:a*[b]?\\c:${n}`);
    const foreign = [`${run}:aX[b]?\\c:1`, `${run}:a*b1\\c:1`, `${run}:a*[b]?c:1`, `${run}:a*[b]?\\d`];
    await Promise.all([...mine, ...foreign].map((key) => other.set(key, 'x', { PX: 60_000 })));
    await client.deleteByPrefix(`${run}:a*[b]?\\c:`);
    expect(await other.exists(mine)).toBe(0);
    expect(await other.exists(foreign)).toBe(foreign.length);
  });

  it('gives connections back when it is closed', async () => {
    const other = await bystander(server.url);
    // The server has seen the end of all connections of the tests before.
    await vi.waitFor(async () => expect(await other.clientList()).toHaveLength(1), PATIENCE);
    const before = 1;
    const client = await opened(open, server.url);
    const own = (await other.clientList()).length - before;
    await client.subscribe('c', () => undefined);
    await client.close();
    await client.close();
    const isOurs = client.description.includes('127.0.0.1');
    await vi.waitFor(async () => expect((await other.clientList()).length - before).toBe(isOurs ? 0 : own), PATIENCE);
  });
});

describe('a client with a key prefix of its own', () => {
  it.each<[string, (url: string) => Promise<{ client: unknown; close: () => void }>]>([
    [
      'ioredis 5',
      (url) => {
        const client = new Ioredis(url, { keyPrefix: 'p[1]:' });
        return Promise.resolve({ client, close: () => client.disconnect() });
      },
    ],
    [
      'node-redis 6',
      async (url) => {
        const client = createClient({ url, keyPrefix: 'p[1]:' });
        await client.connect();
        return { client, close: () => client.destroy() };
      },
    ],
  ])('%s: its keys are found by prefix, and channels are as they are named', async (_name, make) => {
    const url = inject('redisUrl');
    const made = await make(url);
    closers.push(made.close);
    const client = adoptRedisClient(made.client);
    closers.push(() => client.close());
    const other = await bystander(url);
    const run = randomUUID();
    await client.run(echo, `${run}:1`, ['x']);
    await other.set(`${run}:1`, 'foreign', { PX: 60_000 });
    expect(await other.exists(`p[1]:${run}:1`)).toBe(1);
    await client.deleteByPrefix(`${run}:`);
    expect([await other.exists(`p[1]:${run}:1`), await other.exists(`${run}:1`)]).toEqual([0, 1]);
    const heard: string[] = [];
    await client.subscribe(run, (message) => heard.push(message));
    await client.run(publish, 'k', [run, 'eins']);
    await vi.waitFor(() => expect(heard).toEqual(['eins']), PATIENCE);
  });
});
