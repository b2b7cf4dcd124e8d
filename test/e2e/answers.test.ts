import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Get, Head, Header, HttpCode, Injectable, NotFoundException, Post, Scope } from '@nestjs/common';
import { LockedCacheable, DistributedCacheService } from 'nestjs-distributed-cache';
import { afterEach, describe, expect, it } from 'vitest';
import { get, PLATFORMS, startApp, stopApps } from './support/app.js';

let runs: Record<string, number> = {};
const count = (name: string): number => (runs[name] = (runs[name] ?? 0) + 1);

const VALUES: Record<string, unknown> = {
  null: null,
  false: false,
  zero: 0,
  empty: '',
  list: [],
  object: { a: 1 },
  text: 'text',
};

@Controller('values')
class ValuesController {
  @Get('undefined')
  @LockedCacheable()
  nothing(): unknown {
    count('undefined');
    return undefined;
  }

  @Get('null')
  @LockedCacheable()
  null(): unknown {
    count('null');
    return VALUES['null'];
  }

  @Get('false')
  @LockedCacheable()
  false(): unknown {
    count('false');
    return VALUES['false'];
  }

  @Get('zero')
  @LockedCacheable()
  zero(): unknown {
    count('zero');
    return VALUES['zero'];
  }

  @Get('empty')
  @LockedCacheable()
  empty(): unknown {
    count('empty');
    return VALUES['empty'];
  }

  @Get('list')
  @LockedCacheable()
  list(): unknown {
    count('list');
    return VALUES['list'];
  }

  @Get('object')
  @LockedCacheable()
  async object(): Promise<unknown> {
    count('object');
    await delay(1);
    return VALUES['object'];
  }

  @Get('text')
  @Header('X-Kind', 'text')
  @HttpCode(203)
  @LockedCacheable()
  text(): unknown {
    count('text');
    return VALUES['text'];
  }
}

@Controller('things')
class ThingsController {
  @Get(':id')
  @LockedCacheable()
  one(): unknown {
    return { run: count('one') };
  }

  @Post(':id')
  @LockedCacheable()
  change(): unknown {
    return { run: count('post') };
  }

  @Get(':id/missing')
  @LockedCacheable({ failureBackoffMs: 0 })
  missing(): unknown {
    count('missing');
    throw new NotFoundException('no such thing');
  }

  @Get(':id/broken')
  @LockedCacheable({ failureBackoffMs: 0 })
  broken(): unknown {
    count('broken');
    throw new TypeError('a mistake');
  }

  @Head(':id/head')
  @LockedCacheable()
  head(): void {
    count('head');
  }
}

@Injectable({ scope: Scope.REQUEST })
class PerRequest {
  readonly id = count('instances');
}

@Controller('scoped')
class ScopedController {
  constructor(readonly perRequest: PerRequest) {}

  @Get()
  @LockedCacheable()
  one(): unknown {
    return { run: count('scoped') };
  }
}

describe.each(PLATFORMS)('answers on %s', (platform) => {
  afterEach(async () => {
    await stopApps();
    runs = {};
  });

  it.each(Object.keys(VALUES))('%s is a value: loaded once, then a hit with the same body', async (name) => {
    const { url } = await startApp({ platform, controllers: [ValuesController] });
    const first = await get(`${url}/values/${name}`);
    const second = await get(`${url}/values/${name}`);
    expect([first.cache, second.cache]).toEqual(['MISS', 'HIT']);
    expect(second.body).toBe(first.body);
    expect(second.status).toBe(first.status);
    expect(second.headers.get('content-type')).toBe(first.headers.get('content-type'));
    expect(runs[name]).toBe(1);
  });

  it('undefined is answered and not stored', async () => {
    const { url, events } = await startApp({ platform, controllers: [ValuesController] });
    expect((await get(`${url}/values/undefined`)).cache).toBe('MISS');
    expect((await get(`${url}/values/undefined`)).cache).toBe('MISS');
    expect(runs['undefined']).toBe(2);
    expect(events).toContainEqual(expect.objectContaining({ type: 'not-stored', reason: 'undefined' }));
  });

  it('headers and status from decorators are there on a hit', async () => {
    const { url } = await startApp({ platform, controllers: [ValuesController] });
    await get(`${url}/values/text`);
    const hit = await get(`${url}/values/text`);
    expect([hit.cache, hit.status, hit.headers.get('x-kind')]).toEqual(['HIT', 203, 'text']);
  });

  it('many at once run the method once, and one of them is the MISS', async () => {
    const { url } = await startApp({ platform, controllers: [ValuesController] });
    const replies = await Promise.all(Array.from({ length: 20 }, () => get(`${url}/values/object`)));
    expect(runs['object']).toBe(1);
    expect(new Set(replies.map(({ body }) => body))).toEqual(new Set(['{"a":1}']));
    expect(replies.filter(({ cache }) => cache === 'MISS')).toHaveLength(1);
  });

  it('params and query make the key, whatever the order of the query', async () => {
    const { url } = await startApp({ platform, controllers: [ThingsController] });
    const caches = [];
    for (const path of ['1', '2', '1?a=1&b=2', '1?b=2&a=1', '1?a=2&b=1', '1?a=1&a=2', '1?a=2&a=1'])
      caches.push((await get(`${url}/things/${path}`)).cache);
    expect(caches).toEqual(['MISS', 'MISS', 'MISS', 'HIT', 'MISS', 'MISS', 'MISS']);
  });

  it('HEAD shares the entry of its GET method', async () => {
    const { url } = await startApp({ platform, controllers: [ThingsController] });
    await get(`${url}/things/1`);
    const head = await get(`${url}/things/1`, { method: 'HEAD' });
    expect([head.cache, head.body]).toEqual(['HIT', '']);
    expect(runs['one']).toBe(1);
  });

  it('other methods pass through', async () => {
    const { url, events } = await startApp({ platform, controllers: [ThingsController] });
    const replies = [
      await get(`${url}/things/1`, { method: 'POST' }),
      await get(`${url}/things/1`, { method: 'POST' }),
    ];
    expect(replies.map(({ cache, body, status }) => [cache, body, status])).toEqual([
      ['BYPASS', '{"run":1}', 201],
      ['BYPASS', '{"run":2}', 201],
    ]);
    expect(events).toContainEqual({ type: 'bypassed', reason: 'method' });
  });

  it("the method's errors reach the client as ever, and are not cached", async () => {
    const { url } = await startApp({ platform, controllers: [ThingsController] });
    for (const _ of [1, 2]) {
      expect(JSON.parse((await get(`${url}/things/1/missing`)).body)).toEqual({
        statusCode: 404,
        error: 'Not Found',
        message: 'no such thing',
      });
      expect((await get(`${url}/things/1/broken`)).status).toBe(500);
    }
    expect([runs['missing'], runs['broken']]).toEqual([2, 2]);
  });

  it('a controller of request scope is served too', async () => {
    const { url } = await startApp({ platform, controllers: [ScopedController], providers: [PerRequest] });
    expect([(await get(`${url}/scoped`)).cache, (await get(`${url}/scoped`)).cache]).toEqual(['MISS', 'HIT']);
    expect(runs['scoped']).toBe(1);
  });

  it('the header can be left out', async () => {
    const { url } = await startApp({ platform, cache: { xCacheHeader: false }, controllers: [ThingsController] });
    expect((await get(`${url}/things/1`)).cache).toBeNull();
  });

  it('disabled: every request runs the method', async () => {
    const { url, app } = await startApp({ platform, cache: { enabled: false }, controllers: [ThingsController] });
    const replies = [await get(`${url}/things/1`), await get(`${url}/things/1`)];
    expect(replies.map(({ cache, body }) => [cache, body])).toEqual([
      ['BYPASS', '{"run":1}'],
      ['BYPASS', '{"run":2}'],
    ]);
    const cache = app.get(DistributedCacheService);
    expect(await cache.getOrLoadWithOutcome(['a'], () => 1)).toEqual({ value: 1, outcome: 'BYPASS' });
    expect(await cache.get(['a'])).toBeUndefined();
    expect(await cache.set(['a'], 1, { version: 1n })).toBe('invalidated');
    await cache.invalidate(['a']);
    await cache.clear();
  });
});
