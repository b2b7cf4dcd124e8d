import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startRedis, type OwnRedis } from '../../../servers/index.js';
import { systemClock } from '../../../lib/core/clock.js';
import type { VersionedStore } from '../../../lib/core/versioned-store.js';
import { InProcessLockProvider } from '../../../lib/locks/in-process-lock-provider.js';
import { InProcessLockTable } from '../../../lib/locks/in-process-lock-table.js';
import { redisStore } from '../../../lib/stores/redis/redis-store.js';
import { makeInstance, type Instance, type LoadMore } from '../../support/fleet.js';
import { Gate } from '../../support/gate.js';
import { storeContext, untilItAnswers } from '../../support/redis-stores.js';

const KEY = 'test:cache:1:k';
const TAG = 'test:tag:1:t';
const TAGGED = { tags: ['t'] };

let closers: (() => unknown)[] = [];
let server: OwnRedis;
let operator: Redis;
let store: VersionedStore;
let loader: Instance;
let other: Instance;

async function open(args: readonly string[]): Promise<void> {
  server = await startRedis({ args });
  closers.push(() => server.stop());
  operator = new Redis(server.url, { retryStrategy: () => 50 });
  operator.on('error', () => undefined);
  closers.push(() => {
    operator.disconnect();
  });
  store = await redisStore({ url: server.url }).createVersionedStore(storeContext('test'));
  closers.push(() => store.close());
  await untilItAnswers(store);
  const table = new InProcessLockTable();
  const instance = (): Instance =>
    makeInstance({ store, locks: new InProcessLockProvider({ table }), clock: systemClock, storeTimeoutMs: 30_000 });
  [loader, other] = [instance(), instance()];
}

beforeEach(() => {
  closers = [];
});
afterEach(async () => {
  for (const close of closers.reverse()) await close();
});

/** Resolves, with the end of the load, when it has read its row. */
async function stoppedLoad(value: string, more: LoadMore = {}): Promise<() => Promise<string>> {
  const gate = new Gate();
  const load = async (): Promise<string> => {
    await gate.pass();
    return value;
  };
  const answer = loader.load(load, { ttlMs: 600_000 }, more);
  await gate.arrived;
  return async () => {
    gate.open();
    return (await answer).value;
  };
}

const refusals = (): string[] =>
  loader.events.filter((event) => event.type === 'superseded').map(({ reason }) => reason);

describe('a Redis that forgets', () => {
  it('what is evicted for memory (allkeys-lru) between lease and fill is not filled', async () => {
    await open(['--maxmemory', '6mb', '--maxmemory-policy', 'allkeys-lru']);
    // 1. A load reads the old row. 2. The row changes, and the change is announced.
    const end = await stoppedLoad('old');
    await other.cache.invalidate('k');
    // 3. Others need the memory, until nothing is left of the key.
    for (let n = 0; (await operator.exists(KEY)) === 1; n++) await operator.set(`filler-${n}`, 'x'.repeat(20_000));
    // 4. The load fills, and finds nothing.
    expect(await end()).toBe('old');
    expect(refusals()).toEqual(['evicted']);
    expect((await other.load(() => 'new')).value).toBe('new');
    expect(await loader.cache.get('k')).toBe('new');
  });

  it('restarted empty in mid-load it has no lease, and so nothing old is filled', async () => {
    await open([]);
    const end = await stoppedLoad('old');
    await other.cache.invalidate('k');
    await server.restart();
    await untilItAnswers(store);
    expect(await end()).toBe('old');
    expect(refusals()).toEqual(['evicted']);
    expect((await other.load(() => 'new')).value).toBe('new');
  });

  it('restarted from a snapshot it brings back what was invalidated since: there the promise ends, until the value expires', async () => {
    await open([]);
    // 1. The old row is cached, and a snapshot is made.
    await other.load(() => 'old', { ttlMs: 600_000 });
    await operator.save();
    // 2. The row changes; the change is announced, and nobody gets the old row any more.
    await other.cache.invalidate('k');
    expect(await other.cache.get('k')).toBeUndefined();
    // 3. Redis comes back as it was at the time of the snapshot.
    await server.restart();
    await untilItAnswers(store);
    expect(await other.cache.get('k')).toBe('old');
    // 4. It is fresh for what is left of its time, and not longer.
    expect(await operator.pttl(KEY)).toBeLessThanOrEqual(600_000);
  });
});

describe('a Redis that evicts a tag', () => {
  it('for memory (allkeys-lru), since nobody but loads and changes touches it, has forgotten its entries: there the promise ends, until they expire', async () => {
    await open(['--maxmemory', '6mb', '--maxmemory-policy', 'allkeys-lru', '--maxmemory-samples', '64']);
    // 1. A list is cached, and read all the time. 2. Others need the memory, until nothing is left of its tag.
    for (let n = 0; (await operator.exists(KEY)) === 0 || (await operator.exists(TAG)) === 1; n++) {
      await other.load(() => 'old', { ttlMs: 600_000 }, TAGGED);
      await operator.set(`filler-${n}`, 'x'.repeat(20_000));
    }
    // 3. A row of the list changes, and that is announced: it leads to nothing.
    await other.cache.announceTags([{ tag: 't' }]);
    expect(other.events.at(-1)).toEqual({ type: 'tags-announced', tags: ['t'], keys: 0 });
    expect([await other.cache.get('k'), await loader.cache.get('k')]).toEqual(['old', 'old']);
    // 4. It is fresh for what is left of its time, and not longer; by its own key it is found as ever.
    expect(await operator.pttl(KEY)).toBeLessThanOrEqual(600_000);
    await other.cache.invalidate('k');
    expect(await loader.cache.get('k')).toBeUndefined();
  });

  it('between its announcement and a fill has forgotten the announcement too', async () => {
    await open([]);
    // 1. A load reads the old list. 2. A row of it changes, and that is announced; the load has not registered yet. 3. The tag is evicted.
    const end = await stoppedLoad('old', TAGGED);
    await other.cache.announceTags([{ tag: 't' }]);
    expect(await operator.del(TAG)).toBe(1);
    // 4. The load registers, and fills.
    expect(await end()).toBe('old');
    expect(await other.cache.get('k')).toBe('old');
    // With the tag where it was, this would have been refused.
    await other.cache.invalidate('k');
    const again = await stoppedLoad('old', TAGGED);
    await other.cache.announceTags([{ tag: 't' }]);
    expect(await again()).toBe('old');
    expect(refusals()).toEqual(['tag-invalidated']);
    expect(await other.cache.get('k')).toBeUndefined();
  });

  it('by what is left of its life (volatile-ttl) comes to the tag last: no entry lives longer', async () => {
    await open([]);
    const lives = async (): Promise<number[]> => {
      const answers = await operator.multi().pttl(KEY).pttl('test:cache:1:other').pttl(TAG).exec();
      return answers!.map(([, life]) => Number(life));
    };
    await other.load(() => 1, { ttlMs: 60_000, staleIfErrorMs: 500_000 }, TAGGED);
    await other.load(() => 1, { ttlMs: 30_000 }, { ...TAGGED, key: 'other' });
    const [first = 0, second = 0, tag = 0] = await lives();
    expect(first).toBeGreaterThan(500_000);
    expect(second).toBeGreaterThan(0);
    expect(tag).toBeGreaterThanOrEqual(first);
    // An announcement does not shorten it.
    await other.cache.announceTags([{ tag: 't' }]);
    await other.load(() => 2, { ttlMs: 60_000, staleIfErrorMs: 500_000 }, TAGGED);
    const [entry = 0, , after = 0] = await lives();
    expect(after).toBeGreaterThanOrEqual(entry);
  });
});
