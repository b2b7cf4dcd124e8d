import { Controller, Get, Injectable, UseGuards, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { encodeKey, LockedCacheable, type CacheableRequest } from 'nestjs-distributed-cache';
import { afterEach, describe, expect, it } from 'vitest';
import { get, PLATFORMS, startApp, stopApps } from './support/app.js';

let runs = 0;

/** Knows users by a header of its own, as a gateway might. */
@Injectable()
class ApiKeyGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ headers: Record<string, string>; user?: unknown }>();
    const apiKey = request.headers['x-api-key'];
    if (apiKey !== undefined) request.user = { id: apiKey };
    return apiKey !== 'forbidden';
  }
}

@Controller('who')
@UseGuards(ApiKeyGuard)
class WhoController {
  @Get('default')
  @LockedCacheable()
  byDefault(): unknown {
    return { run: ++runs };
  }

  @Get('shared')
  @LockedCacheable({ shared: true })
  shared(): unknown {
    return { run: ++runs };
  }

  @Get('language')
  @LockedCacheable({ varyBy: ['Accept-Language'] })
  language(): unknown {
    return { run: ++runs };
  }

  @Get('authorization')
  @LockedCacheable({ varyBy: ['Authorization'] })
  authorization(): unknown {
    return { run: ++runs };
  }

  @Get('user')
  @LockedCacheable({ varyBy: ({ user }: CacheableRequest<{ user: { id: string } | undefined }>) => [user?.id] })
  user(): unknown {
    return { run: ++runs };
  }

  @Get('own/:id')
  @LockedCacheable({ key: ({ params }: CacheableRequest<{ params: { id: string } }>) => ['own', params.id] })
  own(): unknown {
    return { run: ++runs };
  }

  @Get('throwing')
  @LockedCacheable({
    key: () => {
      throw new RangeError('no key today');
    },
  })
  throwing(): unknown {
    return { run: ++runs };
  }

  @Get('promise')
  @LockedCacheable({ key: (() => Promise.resolve(['a'])) as unknown as () => unknown[] })
  promise(): unknown {
    return { run: ++runs };
  }
}

/** The outcomes of requests that differ in their headers only. */
async function outcomes(url: string, ...headers: Record<string, string>[]): Promise<(string | null)[]> {
  const caches = [];
  for (const each of headers) caches.push((await get(url, { headers: each })).cache);
  return caches;
}

describe.each(PLATFORMS)('nobody gets another one’s answer on %s', (platform) => {
  afterEach(async () => {
    await stopApps();
    runs = 0;
  });

  const start = async (): ReturnType<typeof startApp> => startApp({ platform, controllers: [WhoController] });
  const alice = { authorization: 'Bearer alice' };
  const bob = { authorization: 'Bearer bob' };

  it.each([
    ['authorization', alice],
    ['cookie', { cookie: 'session=1' }],
    ['a user of a guard', { 'x-api-key': 'k1' }],
  ])('under a default key a request with %s is not cached, and this is said once per route', async (_what, headers) => {
    const { url, lines, events } = await start();
    expect(await outcomes(`${url}/who/default`, headers, headers)).toEqual(['BYPASS', 'BYPASS']);
    expect(runs).toBe(2);
    expect(lines.filter((line) => line.startsWith('warn @LockedCacheable() on WhoController.byDefault'))).toHaveLength(
      1,
    );
    expect(events.filter(({ type }) => type === 'bypassed')).toEqual([
      { type: 'bypassed', reason: 'credentials' },
      { type: 'bypassed', reason: 'credentials' },
    ]);
  });

  it('and it gets nothing that was cached for others, nor the other way round', async () => {
    const { url } = await start();
    expect(await outcomes(`${url}/who/default`, {}, alice, {})).toEqual(['MISS', 'BYPASS', 'HIT']);
  });

  it('shared: true says that everybody gets the same', async () => {
    const { url } = await start();
    expect(await outcomes(`${url}/who/shared`, alice, bob, {})).toEqual(['MISS', 'HIT', 'HIT']);
  });

  it('a header that tells no users apart makes variants, but does not admit credentials', async () => {
    const { url } = await start();
    const [en, de] = [{ 'accept-language': 'en' }, { 'accept-language': 'de' }];
    expect(await outcomes(`${url}/who/language`, en, de, en, { ...en, ...alice })).toEqual([
      'MISS',
      'MISS',
      'HIT',
      'BYPASS',
    ]);
  });

  it('every credential that is carried has to be named', async () => {
    const { url } = await start();
    expect(await outcomes(`${url}/who/authorization`, alice, bob, alice, { ...alice, cookie: 'a=1' })).toEqual([
      'MISS',
      'MISS',
      'HIT',
      'BYPASS',
    ]);
  });

  it('a named credential is not readable in the key', async () => {
    const { url, events } = await start();
    await outcomes(`${url}/who/authorization`, alice);
    expect(
      JSON.stringify(events, (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
    ).not.toContain('alice');
  });

  it('a function tells users apart by what a guard knows, and guards run on hits', async () => {
    const { url } = await start();
    const [k1, k2] = [{ 'x-api-key': 'k1' }, { 'x-api-key': 'k2' }];
    expect(await outcomes(`${url}/who/user`, k1, k2, k1, { 'x-api-key': 'forbidden' })).toEqual([
      'MISS',
      'MISS',
      'HIT',
      null,
    ]);
  });

  it('an own key is taken at its word', async () => {
    const { url, events } = await start();
    expect(await outcomes(`${url}/who/own/7`, alice, bob)).toEqual(['MISS', 'HIT']);
    expect(events.find(({ type }) => type === 'hit')).toMatchObject({ key: encodeKey(['own', '7']) });
  });

  it('a key function that throws or is asynchronous fails its request, and the method does not run', async () => {
    const { url, lines } = await start();
    expect((await get(`${url}/who/throwing`)).status).toBe(500);
    expect((await get(`${url}/who/promise`)).status).toBe(500);
    expect(runs).toBe(0);
    expect(lines.join('\n')).toContain('no key today');
    expect(lines.join('\n')).toContain(
      'WhoController.promise: expected key to return an array of parts at once, got a promise',
    );
  });
});
