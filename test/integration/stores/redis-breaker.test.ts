import { createClient } from 'redis';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { cockatielBreakers } from '../../../lib/breakers/cockatiel-breaker.js';
import { systemClock } from '../../../lib/core/clock.js';
import { redisStore } from '../../../lib/stores/redis/redis-store.js';
import { startRedis, type OwnRedis } from '../../../servers/index.js';
import { type RealInstance, realInstance } from '../../support/real-instance.js';
import { storeContext, untilItAnswers } from '../../support/redis-stores.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { SHORT_CALLS } from '../../support/patient.js';

const FAILURES = 3;
const PATIENCE = { timeout: 30_000, interval: 20 };
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface World extends RealInstance {
  readonly server: OwnRedis;
  readonly proxy: TcpProxy;
  states(): string[];
}

async function world(args: string[] = []): Promise<World> {
  const server = await startRedis({ args });
  closers.push(() => server.stop());
  const proxy = await TcpProxy.open(Number(new URL(server.url).port));
  closers.push(() => proxy.close());
  const store = await redisStore({ url: `redis://${proxy.address}` }).createVersionedStore(
    storeContext('test', [], SHORT_CALLS),
  );
  closers.push(() => store.close());
  await untilItAnswers(store);
  const breaker = cockatielBreakers(systemClock, { failures: FAILURES, probeAfterMs: 200 });
  const instance = realInstance(store, undefined, breaker, SHORT_CALLS);
  closers.push(() => instance.cache.close());
  const states = (): string[] =>
    instance.events.flatMap((event) => (event.type === 'breaker-changed' ? [event.state] : []));
  return { ...instance, server, proxy, states };
}

/** Reads until the breaker has opened. */
async function untilOpen({ cache, states }: World): Promise<void> {
  await vi.waitFor(async () => {
    await cache.get('any');
    expect(states()).toContain('open');
  }, PATIENCE);
}

const probesOf = ({ states }: World): number => states().filter((state) => state === 'half-open').length;

async function isServedAgain(app: World): Promise<void> {
  await vi.waitFor(() => {
    expect(app.states().at(-1)).toBe('closed');
  }, PATIENCE);
  await app.load('k', () => 'v');
  expect((await app.load('k', () => 'another')).outcome).toBe('HIT');
}

describe('a breaker before a real Redis', () => {
  it.each([
    ['frozen', (app: World) => app.server.pause(), (app: World) => app.server.resume()],
    ['behind a black hole', (app: World) => app.proxy.blackHole(), (app: World) => app.proxy.heal()],
  ])(
    '%s: only probes are sent, no load pays a deadline, and it is used again when it is back',
    async (_, end, mend) => {
      const app = await world();
      end(app);
      await untilOpen(app);
      const sent = app.proxy.requests - probesOf(app);
      const unanswered = app.events.filter(
        (event) => event.type === 'store-unavailable' && event.unasked === undefined,
      );
      const answers = await Promise.all(Array.from({ length: 300 }, (_each, n) => app.load(`k${String(n)}`, () => n)));
      expect(answers.map(({ value }) => value)).toEqual(Array.from({ length: 300 }, (_each, n) => n));
      expect(app.proxy.requests - probesOf(app)).toBeLessThanOrEqual(sent + 1); // a probe may have been on its way
      // Whatever the machine does meanwhile: none of the 300 has failed by a deadline, since none was asked.
      expect(
        app.events.filter((event) => event.type === 'store-unavailable' && event.unasked === undefined),
      ).toHaveLength(unanswered.length);
      mend(app);
      await isServedAgain(app);
    },
  );

  it('killed: its loads open no connections, and it is used again when it is back', async () => {
    const app = await world();
    await app.server.kill();
    await untilOpen(app);
    const [attempts, startedAt] = [app.proxy.attempts, performance.now()];
    for (let n = 0; n < 500; n++) await app.load(`k${String(n)}`, () => n);
    // What connects is the client by itself, from 50 ms up to once a second.
    const seconds = (performance.now() - startedAt) / 1_000;
    expect(app.proxy.attempts - attempts).toBeLessThanOrEqual(6 + 1.5 * seconds);
    await app.server.restart();
    await isServedAgain(app);
  });

  it('out of memory, or read-only: it answers, so every step is asked', async () => {
    const app = await world(['--maxmemory-policy', 'noeviction']);
    const admin = createClient({ url: app.server.url });
    await admin.connect();
    closers.push(() => {
      admin.destroy();
    });
    await app.load('old', () => 'old');
    await admin.configSet('maxmemory', '1');
    for (let n = 0; n <= FAILURES; n++) await app.load(`k${String(n)}`, () => n);
    await app.cache.invalidate('old');
    await admin.configSet('maxmemory', '0');
    expect(await app.cache.get('old')).toBeUndefined();
    await admin.sendCommand(['REPLICAOF', '127.0.0.1', '1']);
    await admin.configSet('replica-serve-stale-data', 'yes');
    for (let n = 0; n <= FAILURES; n++) await app.load(`r${String(n)}`, () => n);
    await admin.sendCommand(['REPLICAOF', 'NO', 'ONE']);
    await app.load('k', () => 'v');
    expect((await app.load('k', () => 'another')).outcome).toBe('HIT');
    expect(app.flow().filter((type) => type === 'store-unavailable').length).toBeGreaterThan(FAILURES);
    expect(app.states()).toEqual([]);
  });
});
