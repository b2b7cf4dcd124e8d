import {
  Controller,
  Get,
  InternalServerErrorException,
  NotFoundException,
  Param,
  Version,
  VersioningType,
} from '@nestjs/common';
import {
  DistributedCacheService,
  InProcessVersionedStore,
  LockedCacheable,
  systemClock,
  type CacheableRequest,
  type CacheEvent,
  type DistributedCacheOptions,
} from 'nestjs-distributed-cache';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ManualClock } from 'nestjs-distributed-cache/testing';
import { get, PLATFORMS, startApp, stopApps, type RunningApp } from './support/app.js';

/** What the method waits for, and what it then does. */
let answer: () => Promise<unknown>;
let runs = 0;

@Controller()
class SlowController {
  @Get('slow/:id')
  @LockedCacheable({ key: ({ params }: CacheableRequest<{ params: { id: string } }>) => ['slow', params.id] })
  slow(@Param('id') _id: string): Promise<unknown> {
    runs++;
    return answer();
  }
}

@Controller()
class VersionedController {
  @Get('versioned')
  @Version('1')
  @LockedCacheable()
  first(): unknown {
    return 'one';
  }

  @Get('versioned')
  @Version('2')
  @LockedCacheable()
  second(): unknown {
    return 'two';
  }
}

function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}

async function seen(events: readonly CacheEvent[], type: CacheEvent['type'], times = 1): Promise<void> {
  await vi.waitFor(() => expect(events.filter((event) => event.type === type).length).toBeGreaterThanOrEqual(times), {
    timeout: 30_000,
  });
}

describe.each(PLATFORMS)('how an answer came about on %s', (platform) => {
  afterEach(async () => {
    await stopApps();
    runs = 0;
  });

  const start = (cache: DistributedCacheOptions = {}): Promise<RunningApp> =>
    startApp({ platform, cache, controllers: [SlowController] });

  it('WAITED for those who share a load', async () => {
    const { url, events } = await start();
    const loading = gate();
    answer = () => loading.opened.then(() => 'value');
    const first = get(`${url}/slow/1`);
    await seen(events, 'load-started');
    const second = get(`${url}/slow/1`);
    await seen(events, 'joined');
    loading.open();
    expect([(await first).cache, (await second).cache, runs]).toEqual(['MISS', 'WAITED', 1]);
  });

  it('STALE while a refresh runs the method in the background, whose answer comes next', async () => {
    const clock = new ManualClock();
    const store = new InProcessVersionedStore({ clock, maxEntries: 10 });
    const { url, events } = await start({ store, ttlMs: 1_000, staleWhileRevalidateMs: 60_000 });
    answer = () => Promise.resolve({ run: runs });
    await get(`${url}/slow/1`);
    await clock.advance(2_000);
    const refresh = gate();
    answer = () => refresh.opened.then(() => ({ run: runs }));
    const stale = await get(`${url}/slow/1`);
    expect([stale.cache, stale.body]).toEqual(['STALE', '{"run":1}']);
    await seen(events, 'load-started', 2);
    refresh.open();
    await seen(events, 'stored', 2);
    const fresh = await get(`${url}/slow/1`);
    expect([fresh.cache, fresh.body]).toEqual(['HIT', '{"run":2}']);
    await store.close();
  });

  it('a route and the service share a key: a change is seen at once', async () => {
    const { url, app } = await start();
    answer = () => Promise.resolve({ run: runs });
    await get(`${url}/slow/1`);
    await app.get(DistributedCacheService).invalidate(['slow', '1']);
    expect(await get(`${url}/slow/1`)).toMatchObject({ cache: 'MISS', body: '{"run":2}' });
    expect(await app.get(DistributedCacheService).get(['slow', '1'])).toEqual({ run: 2 });
  });

  it('versions of a route that a header chooses never share an entry', async () => {
    const { url } = await startApp({
      platform,
      controllers: [VersionedController],
      configure: (app) => app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' }),
    });
    const replies = [];
    for (const version of ['1', '2', '1'])
      replies.push(await get(`${url}/versioned`, { headers: { 'x-version': version } }));
    expect(replies.map(({ body, cache }) => [body, cache])).toEqual([
      ['one', 'MISS'],
      ['two', 'MISS'],
      ['one', 'HIT'],
    ]);
  });

  it('a load that takes too long is answered with 504', async () => {
    const { url } = await start({ loadTimeoutMs: 50 });
    const never = gate();
    answer = () => never.opened;
    expect((await get(`${url}/slow/1`)).status).toBe(504);
    never.open();
  });

  it('a store that is down costs nothing but the cache, unless the policy is to fail', async () => {
    const down = (): InProcessVersionedStore => {
      const store = new InProcessVersionedStore({ clock: systemClock, maxEntries: 10 });
      store.read = () => Promise.reject(new Error('refused'));
      store.begin = () => Promise.reject(new Error('refused'));
      return store;
    };
    answer = () => Promise.resolve('value');
    const loading = await start({ store: down() });
    expect(await get(`${loading.url}/slow/1`)).toMatchObject({ status: 200, body: 'value', cache: 'MISS' });
    const failing = await start({ store: down(), onStoreUnavailable: 'fail' });
    const reply = await get(`${failing.url}/slow/1`);
    expect(reply.status).toBe(503);
    expect(reply.body).not.toContain('refused');
  });

  it('the error of another instance’s load is answered with its status and body', async () => {
    const store = new InProcessVersionedStore({ clock: systemClock, maxEntries: 10 });
    const [one, other] = [await start({ store }), await start({ store })];
    answer = () => Promise.reject(new NotFoundException('no such thing'));
    const [here, there] = [await get(`${one.url}/slow/1`), await get(`${other.url}/slow/1`)];
    expect(here.status).toBe(404);
    expect([there.status, there.body]).toEqual([here.status, here.body]);
    expect(runs).toBe(1);
    answer = () => Promise.reject(new InternalServerErrorException());
    expect((await get(`${one.url}/slow/2`)).status).toBe(500);
    expect((await get(`${other.url}/slow/2`)).status).toBe(500);
    expect(runs).toBe(2);
    await store.close();
  });
});
