import { Catch, Controller, Get, Param, type ArgumentsHost, type HttpException } from '@nestjs/common';
import { BaseExceptionFilter, HttpAdapterHost } from '@nestjs/core';
import {
  InProcessLockProvider,
  InProcessVersionedStore,
  LockAuthError,
  LockedCacheable,
  systemClock,
  type CacheableRequest,
  type DistributedCacheOptions,
} from 'nestjs-distributed-cache';
import { afterEach, describe, expect, it } from 'vitest';
import { CutLocks } from '../support/lock-outages.js';
import { StagedStore } from '../support/staged-store.js';
import { PLATFORMS, startApp, stopApps, type RunningApp } from './support/app.js';

let answer: () => Promise<unknown>;

@Controller()
class SlowController {
  @Get('slow/:id')
  @LockedCacheable({ key: ({ params }: CacheableRequest<{ params: { id: string } }>) => ['slow', params.id] })
  slow(@Param('id') _id: string): Promise<unknown> {
    return answer();
  }
}

/** The application's own filter: it sees what has happened, and leaves the answer to Nest. */
const causes: unknown[] = [];
@Catch()
class Filter extends BaseExceptionFilter {
  override catch(exception: HttpException, host: ArgumentsHost): void {
    causes.push(exception.cause);
    super.catch(exception, host);
  }
}

const never = (): Promise<never> => new Promise(() => undefined);

function stores(): { store: StagedStore; shared: InProcessVersionedStore } {
  const shared = new InProcessVersionedStore({ clock: systemClock, maxEntries: 10 });
  return { store: new StagedStore(shared), shared };
}

function awayLocks(): CutLocks {
  return new CutLocks(new InProcessLockProvider({ clock: systemClock }));
}

async function ask(url: string): Promise<{ status: number; retryAfter: string | null; body: string }> {
  const response = await fetch(`${url}/slow/1`);
  return { status: response.status, retryAfter: response.headers.get('retry-after'), body: await response.text() };
}

afterEach(async () => {
  causes.length = 0;
  await stopApps();
});

describe.each(PLATFORMS)('an outage, as a client sees it, on %s', (platform) => {
  const start = (cache: DistributedCacheOptions): Promise<RunningApp> =>
    startApp({
      platform,
      controllers: [SlowController],
      cache,
      configure: (app) => app.useGlobalFilters(new Filter(app.get(HttpAdapterHost).httpAdapter)),
    });

  it.each<[string, DistributedCacheOptions, string]>([
    ['the lock service is down', { onLockUnavailable: 'fail' }, 'ERR_CACHE_LOCK_UNAVAILABLE'],
    ['the store is down', { onStoreUnavailable: 'fail' }, 'ERR_CACHE_STORE_UNAVAILABLE'],
  ])('%s, and the policy is to fail: 503, and when to ask again', async (_what, policy, code) => {
    const { store } = stores();
    store.down = code === 'ERR_CACHE_STORE_UNAVAILABLE';
    answer = never;
    const { url } = await start({ store, lock: awayLocks(), ...policy });
    const { status, retryAfter, body } = await ask(url);
    expect([status, retryAfter]).toEqual([503, '2']);
    expect(body).not.toMatch(/nobody there|refused|lock|store/);
    expect(causes).toEqual([expect.objectContaining({ code })]);
  });

  it('the lock service refuses our credentials, and the policy is to fail: 503, and when to ask again', async () => {
    const lock = awayLocks();
    lock.tryAcquire = () => Promise.reject(new LockAuthError('no right to create locks'));
    const { url } = await start({ store: stores().store, lock, onLockUnavailable: 'fail' });
    expect(await ask(url)).toMatchObject({ status: 503, retryAfter: '2' });
    expect(causes).toEqual([expect.objectContaining({ code: 'ERR_CACHE_LOCK_AUTH' })]);
  });

  it('the wait ran out, and the policy is to fail: 503, and when to ask again', async () => {
    const { store, shared } = stores();
    const holder = await start({ store: new StagedStore(shared), lock: awayLocks() });
    const waiter = await start({ store, lock: awayLocks(), waitMs: 50, onWaitTimeout: 'fail' });
    let open = (): void => undefined;
    answer = () => new Promise<string>((resolve) => (open = () => resolve('value')));
    const loading = ask(holder.url);
    await expect.poll(() => holder.events.map(({ type }) => type)).toContain('load-started');
    expect(await ask(waiter.url)).toMatchObject({ status: 503, retryAfter: '1' });
    expect(causes).toEqual([expect.objectContaining({ code: 'ERR_CACHE_WAIT_TIMEOUT' })]);
    open();
    expect(await loading).toEqual({ status: 200, retryAfter: null, body: 'value' });
  });

  it('the method took too long: 504, and nobody knows when to ask again; nor at another instance, which shares that', async () => {
    const { store, shared } = stores();
    answer = never;
    const one = await start({ store, lock: awayLocks(), loadTimeoutMs: 50, failureBackoffMs: 60_000 });
    const other = await start({ store: new StagedStore(shared), lock: awayLocks() });
    expect(await ask(one.url)).toMatchObject({ status: 504, retryAfter: null });
    expect(await ask(other.url)).toMatchObject({ status: 504, retryAfter: null });
    expect(causes).toEqual([
      expect.objectContaining({ code: 'ERR_CACHE_LOAD_TIMEOUT' }),
      expect.objectContaining({ code: 'ERR_CACHE_SHARED_LOAD' }),
    ]);
  });

  it('by default an application answers all the same', async () => {
    const { store } = stores();
    answer = () => Promise.resolve('value');
    const { url, events } = await start({ store, lock: awayLocks() });
    expect(await ask(url)).toEqual({ status: 200, retryAfter: null, body: 'value' });
    expect(events).toContainEqual(expect.objectContaining({ type: 'load-started', under: 'lease' }));
  });
});
