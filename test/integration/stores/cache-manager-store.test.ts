import { randomUUID } from 'node:crypto';
import { createKeyv } from '@keyv/redis';
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import { describe, expect, inject, it } from 'vitest';
import { cacheManagerStore } from '../../../lib/stores/cache-manager-store.js';
import { monitorRedis } from '../../support/redis-monitor.js';
import { cacheManagerWays, storeContext } from '../../support/redis-stores.js';

interface RawClient {
  readonly isOpen: boolean;
  sendCommand(args: string[]): Promise<unknown>;
}

async function addressOf(client: RawClient): Promise<string> {
  const info = String(await client.sendCommand(['CLIENT', 'INFO']));
  return /\baddr=(\S+)/.exec(info)?.[1] ?? 'no address';
}

describe.each(Object.entries(cacheManagerWays))('a store over %s', (_name, reach) => {
  it('runs its scripts on that very connection, and leaves it open', async () => {
    const namespace = `test-${randomUUID()}`;
    const monitor = await monitorRedis(inject('redisUrl'));
    const reached = await reach(inject('redisUrl'), storeContext(namespace));
    const client = reached.client as RawClient;
    try {
      expect([reached.store.name, reached.store.scope]).toEqual(['redis', 'fleet']);
      const begun = await reached.store.begin('k', { lease: 'l', leaseMs: 5_000 });
      await reached.store.fill('k', {
        lease: 'l',
        begunAt: 'begunAt' in begun ? begun.begunAt : '',
        fillId: 'f',
        payload: 'x',
        ttlMs: 5_000,
        keepStaleMs: 0,
      });
      expect((await reached.store.read('k')).value?.payload).toBe('x');
      const address = await addressOf(client);
      const ours = (await monitor.commands()).filter(({ args }) => args.includes(`${namespace}:cache:1:k`));
      expect(new Set(ours.map(({ command }) => command.slice(0, 4)))).toEqual(new Set(['eval']));
      expect(ours.length).toBeGreaterThanOrEqual(3);
      expect(new Set(ours.map(({ source }) => source))).toEqual(new Set([address]));
      await reached.store.close();
      expect(client.isOpen).toBe(true);
      expect(await addressOf(client)).toBe(address);
    } finally {
      await reached.close();
      monitor.close();
    }
  });
});

describe('a cache with memory before Redis', () => {
  it('leads to the Redis', async () => {
    const keyv = createKeyv(inject('redisUrl'));
    const cache = createCache({ stores: [new Keyv(), keyv] });
    const store = await cacheManagerStore({ cache }).createVersionedStore(storeContext(`test-${randomUUID()}`));
    expect(store.name).toBe('redis');
    expect(await store.read('k')).toEqual({ loading: false });
    await store.close();
    await cache.disconnect();
  });
});

describe('a cache that its owner has closed while requests were under way', () => {
  it('is closed again with the store, when the store had to open it', async () => {
    const keyv = createKeyv(inject('redisUrl'));
    const cache = createCache({ stores: [keyv] });
    const { client } = keyv.store as { client: RawClient };
    const store = await cacheManagerStore({ cache }).createVersionedStore(storeContext(`test-${randomUUID()}`));
    await store.read('k');
    await store.read('k');
    await cache.disconnect();
    expect(client.isOpen).toBe(false);
    await store.read('k');
    expect(client.isOpen).toBe(true);
    await store.close();
    expect(client.isOpen).toBe(false);
  });
});
