import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cockatielBreakers } from '../../../lib/breakers/cockatiel-breaker.js';
import { systemClock } from '../../../lib/core/clock.js';
import { redisLock } from '../../../lib/locks/redis/redis-lock.js';
import { redisStore } from '../../../lib/stores/redis/redis-store.js';
import { startRedis, type OwnRedis } from '../../../servers/index.js';
import { realInstance, type RealInstance } from '../../support/real-instance.js';
import { applicationClients } from '../../support/redis-clients.js';
import { storeContext, untilItAnswers } from '../../support/redis-stores.js';
import { standStill } from '../../support/stand-still.js';

const SHORT = { storeTimeoutMs: 1_500, lockTimeoutMs: 1_500 };
/** For thousands of calls at once, of which a busy machine makes work for many seconds. */
const LONG = { storeTimeoutMs: 6_000, lockTimeoutMs: 6_000 };
const DEGRADED = /unavailable|breaker|timeout|lost|failed|lease-|state|superseded/;

/** How the application reaches the server: what `redisStore` and `redisLock` take. */
type Reach = (url: string) => Promise<{ url: string } | { client: object }>;

const closers: (() => unknown)[] = [];
let server: OwnRedis;

beforeEach(async () => {
  server = await startRedis();
  closers.push(() => server.stop());
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const ways: Readonly<Record<string, Reach>> = {
  'a connection of our own': (url) => Promise.resolve({ url }),
  ...Object.fromEntries(
    Object.entries(applicationClients).map(([name, make]): [string, Reach] => [
      name,
      async (url) => {
        const { client, close } = await make(url);
        closers.push(close);
        return { client: client as object };
      },
    ]),
  ),
};

interface Application extends RealInstance {
  /** What says that something is wrong with a server. */
  degradations(): string[];
}

/** Store and lock on one server, each behind a breaker of the default size. */
async function application(reach: Reach, calls = SHORT): Promise<Application> {
  const context = storeContext(`late-${randomUUID()}`, [], calls);
  const store = await redisStore(await reach(server.url)).createVersionedStore(context);
  closers.push(() => store.close());
  // On a busy machine 5,000 misses take longer than the 9 s after which a lock that has not been renewed is lost.
  const locks = await redisLock({ ...(await reach(server.url)), ttlMs: 120_000 }).createLockProvider(context);
  closers.push(() => locks.close());
  await untilItAnswers(store);
  const breaker = cockatielBreakers(systemClock, { failures: 5, probeAfterMs: 60_000 });
  const instance = realInstance(store, locks, breaker, calls);
  closers.push(() => instance.cache.close());
  return { ...instance, degradations: () => [...new Set(instance.flow().filter((type) => DEGRADED.test(type)))] };
}

/** One call for each of so many keys, all begun before the event loop stands still for longer than their deadlines. */
async function callAll(app: Application, count: number, load: () => unknown, calls = SHORT): Promise<string[]> {
  // How long callers wait is not what is tested: on a busy machine thousands of loads take longer.
  const policy = { waitMs: 600_000 };
  const answers = Array.from({ length: count }, (_, n) => app.load(`k${String(n)}`, load, { policy }));
  await nextTurn();
  standStill(calls.storeTimeoutMs + 500);
  return (await Promise.all(answers)).map(({ outcome }) => outcome);
}

describe.each(Object.entries(ways))('an event loop that stands still, by %s', (_, reach) => {
  it('makes no load of a hit whose answer has come meanwhile, and opens no breaker', async () => {
    const app = await application(reach);
    const keys = Array.from({ length: 20 }, (_each, n) => `k${String(n)}`);
    for (const key of keys) await app.load(key, () => 'v');
    app.events.length = 0;
    let loads = 0;
    const outcomes = await callAll(app, 20, () => ++loads);
    expect([loads, app.degradations()]).toEqual([0, []]);
    expect(outcomes).toEqual(keys.map(() => 'HIT'));
  });
});

describe.each(['a connection of our own', 'ioredis 5'])('5,000 misses at once, by %s', (way) => {
  it('run under their locks and are stored, though the event loop stands still', async () => {
    const app = await application(ways[way] as Reach, LONG);
    let loads = 0;
    await callAll(app, 5_000, () => ++loads, LONG);
    expect([loads, app.degradations()]).toEqual([5_000, []]);
    for (let n = 0; n < 5_000; n += 100) await app.load(`k${String(n)}`, () => ++loads);
    expect(loads).toBe(5_000);
  });
});

describe('a server that really does not answer', () => {
  it.each(['a connection of our own', 'ioredis 5'])(
    'is not excused by an event loop that stands still, by %s',
    async (way) => {
      const app = await application(ways[way] as Reach);
      await app.load('k0', () => 'v');
      server.pause();
      const outcomes = await callAll(app, 20, () => 'loaded');
      server.resume();
      expect(outcomes).toEqual(Array.from({ length: 20 }, () => 'MISS'));
      expect(app.degradations()).toEqual(expect.arrayContaining(['store-unavailable', 'breaker-changed']));
    },
  );
});
