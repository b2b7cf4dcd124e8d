import { randomUUID } from 'node:crypto';
import { ClassSerializerInterceptor, Controller, Get, Param, SerializeOptions } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { DistributedCacheService, inProcessLock, LockedCacheable, type CacheKey } from 'nestjs-distributed-cache';
import { redisStore } from 'nestjs-distributed-cache/redis';
import { DataSource } from 'typeorm';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { Book, closeLibrary, LOADS, Money, openLibrary } from '../support/entity-kinds.js';
import { get, PLATFORMS, startApp, stopApps, type Platform, type RunningApp } from './support/app.js';

const schema = `serialized_${randomUUID().replaceAll('-', '')}`;
let source: DataSource;
let queries: string[];

const load = (name: string): Promise<unknown> => (LOADS[name] ?? expect.fail(`no case ${name}`))(source);

@Controller()
class LibraryController {
  @Get('plain/:name')
  plain(@Param('name') name: string): Promise<unknown> {
    return load(name);
  }

  @Get('cached/:name')
  @LockedCacheable()
  cached(@Param('name') name: string): Promise<unknown> {
    return load(name);
  }

  @Get('frozen/:name')
  @LockedCacheable({ share: 'frozen' })
  frozen(@Param('name') name: string): Promise<unknown> {
    return load(name);
  }

  @Get('plain-staff/:name')
  @SerializeOptions({ groups: ['staff'] })
  plainStaff(@Param('name') name: string): Promise<unknown> {
    return load(name);
  }

  @Get('cached-staff/:name')
  @SerializeOptions({ groups: ['staff'] })
  @LockedCacheable()
  staff(@Param('name') name: string): Promise<unknown> {
    return load(name);
  }
}

const CASES = Object.keys(LOADS);

beforeAll(async () => {
  ({ source, queries } = await openLibrary(inject('postgresUrl'), schema));
});

afterAll(() => closeLibrary(source, schema));

function start(platform: Platform, namespace: string): Promise<RunningApp> {
  return startApp({
    platform,
    controllers: [LibraryController],
    providers: [{ provide: DataSource, useValue: source }],
    cache: { namespace, store: redisStore({ url: inject('redisUrl') }), lock: inProcessLock(), classes: [Money] },
    configure: (app) => app.useGlobalInterceptors(new ClassSerializerInterceptor(app.get(Reflector))),
  });
}

describe.each(PLATFORMS)('entities of every kind on %s', (platform) => {
  let a: RunningApp;
  let b: RunningApp;

  beforeAll(async () => {
    const namespace = `serialized-${randomUUID()}`;
    [a, b] = [await start(platform, namespace), await start(platform, namespace)];
  });

  afterAll(stopApps);

  it.each(CASES)(
    '%s: the same bytes on a miss, on a hit, and on a hit of what another instance filled',
    async (name) => {
      const path = encodeURIComponent(name);
      const plain = await get(`${a.url}/plain/${path}`);
      const answers = [`${a.url}/cached`, `${a.url}/cached`, `${b.url}/cached`, `${b.url}/frozen`, `${a.url}/frozen`];
      queries.length = 0;
      const replies = [];
      for (const url of answers) replies.push(await get(`${url}/${path}`));
      expect(replies.map(({ cache }) => cache)).toEqual(['MISS', 'HIT', 'HIT', 'MISS', 'HIT']);
      for (const { body, headers, status } of replies) {
        expect(body).toBe(plain.body);
        expect(status).toBe(200);
        expect(headers.get('content-type')).toBe(plain.headers.get('content-type'));
        expect(headers.get('etag')).toBe(plain.headers.get('etag'));
      }
    },
  );

  it('groups: what only some may see is in their answers and in no other, on a hit too', async () => {
    const path = encodeURIComponent('nested relations');
    const plain = await get(`${a.url}/plain-staff/${path}`);
    expect(plain.body).toContain('ann@example.org');
    for (const [url, cache] of [
      [a.url, 'MISS'],
      [b.url, 'HIT'],
    ] as const) {
      expect(await get(`${url}/cached-staff/${path}`)).toMatchObject({ body: plain.body, cache });
      expect((await get(`${url}/cached/${path}`)).body).not.toContain('ann@example.org');
    }
  });

  it('through the service: what another instance filled is an instance, and its lazy relation still loads', async () => {
    const key: CacheKey = ['book', platform];
    const ask = ({ app }: RunningApp): Promise<unknown> =>
      app.get(DistributedCacheService).getOrLoad(key, () => load('lazy relation that is not loaded'), { entity: Book });
    await ask(a);
    queries.length = 0;
    const book = (await ask(b)) as Book;
    expect(book).toBeInstanceOf(Book);
    expect(queries).toEqual([]);
    expect((await book.translator)?.name).toBe('Bob');
    expect(queries).toHaveLength(1);
  });

  it('frozen: a lazy relation that is not loaded cannot be, one that is loaded is there', async () => {
    const cache = b.app.get(DistributedCacheService);
    const read = (name: string): Promise<Book> =>
      cache.getOrLoad(['frozen', platform, name], () => load(name), { share: 'frozen' }) as Promise<Book>;
    const unloaded = await read('lazy relation that is not loaded');
    expect(() => unloaded.translator).toThrow(TypeError);
    expect((await (await read('lazy relation that is loaded')).translator)?.name).toBe('Bob');
  });
});

describe('a transformed class that is not registered', () => {
  afterEach(stopApps);

  it('is answered, not stored, and the event names the place and the cure', async () => {
    const { url, events } = await startApp({
      controllers: [LibraryController],
      providers: [{ provide: DataSource, useValue: source }],
    });
    const path = encodeURIComponent('composite key and transformed class');
    const replies = [await get(`${url}/cached/${path}`), await get(`${url}/cached/${path}`)];
    expect(replies.map(({ cache }) => cache)).toEqual(['MISS', 'MISS']);
    expect(replies[1]?.body).toBe(replies[0]?.body);
    const detail = expect.stringMatching(/value\[0\]\.price is a Money.*classes: \[Money\]/) as string;
    expect(events).toContainEqual(expect.objectContaining({ type: 'not-stored', reason: 'unserializable', detail }));
  });
});
