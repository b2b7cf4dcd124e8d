import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { cockatielBreakers } from '../../../lib/breakers/cockatiel-breaker.js';
import { systemClock } from '../../../lib/core/clock.js';
import { StoreUnavailableError } from '../../../lib/core/errors.js';
import { redisStore } from '../../../lib/stores/redis/redis-store.js';
import { startRedis, type OwnRedis } from '../../../servers/index.js';
import { type RealInstance, realInstance } from '../../support/real-instance.js';
import { storeContext, untilItAnswers } from '../../support/redis-stores.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { SHORT_CALLS } from '../../support/patient.js';

const PATIENCE = { timeout: 30_000, interval: 20 };
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function instanceOn(url: string, namespace: string, withBreaker: boolean): Promise<RealInstance> {
  const store = await redisStore({ url }).createVersionedStore(storeContext(namespace, [], SHORT_CALLS));
  closers.push(() => store.close());
  await untilItAnswers(store);
  const breaker = withBreaker ? cockatielBreakers(systemClock, { failures: 3, probeAfterMs: 200 }) : undefined;
  const instance = realInstance(store, undefined, breaker, SHORT_CALLS);
  closers.push(() => instance.cache.close());
  return instance;
}

interface Outage {
  readonly end: (server: OwnRedis, proxy: TcpProxy) => unknown;
  readonly mend: (server: OwnRedis, proxy: TcpProxy) => unknown;
  /** The values are still there when it is over. */
  readonly keeps: boolean;
}

const OUTAGES: Record<string, Outage> = {
  'cut off from one instance': { end: (_, proxy) => proxy.refuse(), mend: (_, proxy) => proxy.heal(), keeps: true },
  'a black hole for one instance': {
    end: (_, proxy) => proxy.blackHole(),
    mend: (_, proxy) => proxy.heal(),
    keeps: true,
  },
  frozen: { end: (server) => server.pause(), mend: (server) => server.resume(), keeps: true },
  'killed, and back empty': { end: (server) => server.kill(), mend: (server) => server.restart(), keeps: false },
};

describe.each([
  ['with breakers', true],
  ['without breakers', false],
])('changes announced while Redis is away, %s', (_, withBreaker) => {
  it.each(Object.entries(OUTAGES))(
    '%s: kept, never served here, and seen elsewhere afterwards',
    async (_name, outage) => {
      const server = await startRedis();
      closers.push(() => server.stop());
      const proxy = await TcpProxy.open(Number(new URL(server.url).port));
      closers.push(() => proxy.close());
      const namespace = randomUUID();
      const a = await instanceOn(`redis://${proxy.address}`, namespace, withBreaker);
      const b = await instanceOn(server.url, namespace, false);
      let row = 'old';
      for (const key of ['k', 'other']) expect(await b.load(key, () => row)).toMatchObject({ value: 'old' });
      expect(await a.load('k', () => row)).toMatchObject({ outcome: 'HIT' });

      await outage.end(server, proxy);
      row = 'new';
      await expect(a.cache.invalidate('k')).rejects.toBeInstanceOf(StoreUnavailableError);
      // From here on this instance reads all the time, through the outage, the return and what follows it.
      const reader = { isDone: false };
      const seen = new Set<string>();
      const reading = (async () => {
        while (!reader.isDone) {
          seen.add((await a.load('k', () => row)).value);
          await new Promise((resume) => setTimeout(resume, 1));
        }
      })();
      closers.push(() => (reader.isDone = true));
      await vi.waitFor(
        () => expect(a.flow().filter((type) => type === 'store-unavailable').length).toBeGreaterThan(5),
        PATIENCE,
      );
      if (outage.keeps && outage !== OUTAGES['frozen']) expect(await b.cache.get('k')).toBe('old');
      expect(a.flow()).not.toContain('announcement-made-up');

      await outage.mend(server, proxy);
      await vi.waitFor(() => expect(a.flow()).toContain('announcement-made-up'), PATIENCE);
      await vi.waitFor(async () => expect((await b.load('k', () => row)).value).toBe('new'), PATIENCE);
      await vi.waitFor(async () => expect((await a.load('k', () => row)).outcome).toBe('HIT'), PATIENCE);
      reader.isDone = true;
      await reading;
      expect([...seen]).toEqual(['new']);
      if (outage.keeps) expect(await b.cache.get('other')).toBe('old'); // nothing but what has changed is gone
    },
  );
});
