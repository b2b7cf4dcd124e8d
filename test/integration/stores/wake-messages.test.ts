import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { afterEach, beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest';
import type { VersionedStore } from '../../../lib/core/versioned-store.js';
import { redisStore } from '../../../lib/stores/redis/redis-store.js';
import { startRedis } from '../../../servers/index.js';
import { storeContext, untilItAnswers } from '../../support/redis-stores.js';

const LONG_MS = 60_000;

let namespace: string;
let bystander: ReturnType<typeof createClient>;

beforeEach(async () => {
  namespace = `test-${randomUUID()}`;
  bystander = createClient({ url: inject('redisUrl') });
  await bystander.connect();
});

afterEach(async () => {
  for await (const keys of bystander.scanIterator({ MATCH: `*${namespace}*` }))
    if (keys.length > 0) await bystander.del(keys);
  bystander.destroy();
});

async function open(options: Parameters<typeof redisStore>[0]): Promise<VersionedStore> {
  const store = await redisStore(options).createVersionedStore(storeContext(namespace));
  onTestFinished(() => store.close());
  await untilItAnswers(store);
  return store;
}

const claim = (store: VersionedStore, lease: string = randomUUID()) =>
  store.begin('k', { lease, leaseMs: LONG_MS, loadingMs: LONG_MS, unlessLoading: true });

const redisKey = (): string => `${namespace}:cache:1:k`;

describe('who waits for a load is in the state', () => {
  it('only after somebody has asked in vain, and not when the load has ended', async () => {
    const store = await open({ url: inject('redisUrl') });
    await claim(store, 'lease');
    expect(await bystander.hExists(redisKey(), 'waited')).toBe(0);
    const before = await bystander.hGetAll(redisKey());
    await claim(store);
    expect(await bystander.hGetAll(redisKey())).toEqual({ ...before, waited: `${namespace}:ended:1` });
    await store.mark('k', 'lease', { id: 'load', kind: 'unstored' }, LONG_MS);
    expect(await bystander.hExists(redisKey(), 'waited')).toBe(0);
  });

  it('an earlier release says that it loads for as long as its lease lives: believed, and left alone', async () => {
    const store = await open({ url: inject('redisUrl') });
    await claim(store, 'lease');
    await bystander.hSet(redisKey(), 'loading', '1');
    expect(await store.read('k')).toEqual({ lease: 'lease', loading: true });
    expect(await claim(store)).toMatchObject({ lease: 'lease', loading: true });
    expect(await store.renew?.('k', 'lease', 1)).toBe(true);
    await store.begin('k', { lease: 'other', leaseMs: LONG_MS, loadingMs: 1 });
    expect(await bystander.hGet(redisKey(), 'loading')).toBe('1');
    await bystander.hSet(redisKey(), 'loading', '0');
    expect(await store.read('k')).toEqual({ lease: 'lease', loading: false });
  });

  it('a word of nonsense is nobody’s word', async () => {
    const store = await open({ url: inject('redisUrl') });
    await claim(store, 'lease');
    for (const word of ['soon', '-5', '1e99', '']) {
      await bystander.hSet(redisKey(), 'loading', word);
      expect(await store.read('k')).toEqual({ lease: 'lease', loading: false });
      expect(await claim(store)).toMatchObject({ lease: 'lease', loading: false });
    }
  });
});

describe('messages', () => {
  const wokenBy = async (loader: VersionedStore, waiter: VersionedStore): Promise<boolean> => {
    const begun = await claim(loader, 'lease');
    let rings = 0;
    const listener = waiter.listen!('k', () => {
      rings++;
    });
    await expect.poll(() => listener.live).toBe(true);
    expect(await claim(waiter)).toMatchObject({ loading: true });
    if (begun.kind !== 'lease') throw new Error(begun.kind);
    const fill = { lease: 'lease', begunAt: begun.begunAt, fillId: 'fill', payload: 'p' };
    expect(await loader.fill('k', { ...fill, ttlMs: LONG_MS, keepStaleMs: 0 })).toEqual({ stored: true });
    // What was sent before this one was heard before it.
    await expect.poll(() => rings).toBe(1);
    listener.stop();
    return rings === 1;
  };

  it('reach a client that puts something before every key', async () => {
    const client = new Redis(inject('redisUrl'), { keyPrefix: 'app:' });
    onTestFinished(() => client.disconnect());
    const [loader, waiter] = [await open({ client }), await open({ client })];
    expect(await wokenBy(loader, waiter)).toBe(true);
  });

  it('nobody is woken who has stopped listening, nor by another key or namespace', async () => {
    const store = await open({ url: inject('redisUrl') });
    const heard: string[] = [];
    const [stopped, other] = ['k', 'other'].map((key) => store.listen!(key, () => void heard.push(key)));
    await expect.poll(() => other!.live).toBe(true);
    stopped!.stop();
    await wokenBy(store, store);
    expect(heard).toEqual([]);
    other!.stop();
  });

  it('a user without the right to publish: everything is stored as ever, and nobody is told', async () => {
    const server = await startRedis();
    onTestFinished(() => server.stop());
    const admin = new Redis(server.url);
    onTestFinished(() => admin.disconnect());
    await admin.acl('SETUSER', 'mute', 'on', '>pw', '~*', 'resetchannels', '+@all', '-publish', '-subscribe');
    const store = await open({ url: server.url.replace('redis://', 'redis://mute:pw@') });
    const listener = store.listen!('k', () => expect.unreachable());
    const begun = await claim(store, 'lease');
    if (begun.kind !== 'lease') throw new Error(begun.kind);
    expect(await claim(store)).toMatchObject({ loading: true });
    const { begunAt } = begun;
    const fill = { lease: 'lease', begunAt, fillId: 'fill', payload: 'p', ttlMs: LONG_MS, keepStaleMs: 0 };
    expect(await store.fill('k', fill)).toEqual({ stored: true });
    expect((await store.read('k')).value?.payload).toBe('p');
    await claim(store);
    await store.invalidate('k', { floorMs: LONG_MS });
    expect((await store.read('k')).value).toBeUndefined();
    expect(listener.live).toBe(false);
    listener.stop();
  });
});
