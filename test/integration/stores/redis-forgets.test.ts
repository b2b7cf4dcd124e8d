import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startRedis, type OwnRedis } from '../../../servers/index.js';
import { systemClock } from '../../../lib/core/clock.js';
import type { VersionedStore } from '../../../lib/core/versioned-store.js';
import { InProcessLockProvider } from '../../../lib/locks/in-process-lock-provider.js';
import { InProcessLockTable } from '../../../lib/locks/in-process-lock-table.js';
import { redisStore } from '../../../lib/stores/redis/redis-store.js';
import { makeInstance, type Instance } from '../../support/fleet.js';
import { Gate } from '../../support/gate.js';
import { storeContext, untilItAnswers } from '../../support/redis-stores.js';

const KEY = 'test:cache:1:k';

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
async function stoppedLoad(value: string): Promise<() => Promise<string>> {
  const gate = new Gate();
  const answer = loader.load(async () => {
    await gate.pass();
    return value;
  });
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
