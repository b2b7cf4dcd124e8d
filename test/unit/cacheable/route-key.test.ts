import 'reflect-metadata';
import {
  Controller,
  Get,
  RequestMethod,
  Version,
  VERSION_NEUTRAL,
  type ExecutionContext,
  type Type,
} from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { LockedCacheable, type LockedCacheableOptions } from '../../../lib/cacheable/locked-cacheable.decorator.js';
import type { CacheableRequest, HttpRequestSlice } from '../../../lib/cacheable/cacheable-request.js';
import { routeKey } from '../../../lib/cacheable/route-key.js';
import { planRoute, type RoutePlan } from '../../../lib/cacheable/route-plan.js';
import { encodeKey } from '../../../lib/core/cache-key.js';
import { resolveOptions } from '../../../lib/distributed-cache.options.js';

function plan(options: LockedCacheableOptions = {}, version?: string | string[] | typeof VERSION_NEUTRAL): RoutePlan {
  @Controller('products')
  class ProductsController {
    @Get(':id')
    @LockedCacheable(options)
    findOne(): unknown {
      return 1;
    }
  }
  if (version !== undefined)
    Version(version)(
      ProductsController.prototype,
      'findOne',
      Object.getOwnPropertyDescriptor(ProductsController.prototype, 'findOne') as TypedPropertyDescriptor<unknown>,
    );
  const found = planRoute(ProductsController as Type, ProductsController.prototype.findOne, resolveOptions());
  if (found === undefined) throw new Error('not planned');
  return found;
}

function request(parts: Partial<HttpRequestSlice> = {}): CacheableRequest {
  const slice: HttpRequestSlice = {
    method: 'GET',
    headers: {},
    route: { path: '/products/:id' },
    params: { id: '1' },
    query: {},
    ...parts,
  };
  return {
    params: { ...slice.params },
    query: { ...slice.query },
    headers: slice.headers,
    body: undefined,
    user: slice.user,
    request: slice,
    context: {} as ExecutionContext,
  };
}

function key(
  options: LockedCacheableOptions = {},
  parts: Partial<HttpRequestSlice> = {},
  version?: Parameters<typeof plan>[1],
): string {
  const found = routeKey(plan(options, version), request(parts));
  return found.parts === undefined ? `refused: ${found.credential}` : encodeKey(found.parts);
}

describe('the default key', () => {
  it('is readable: handler, version, method, route, params, hosts, query', () => {
    expect(key({}, { query: { b: '2', a: ['1', '3'] } })).toBe(
      'route:ProductsController.findOne:undefined:GET:"/products/:id":(id=1):():(a=[1,3],b=2)',
    );
  });

  it('takes the pattern from either platform, with the mount of the router', () => {
    expect(key({}, { route: { path: '/x' }, baseUrl: '/api' })).toContain('/api/x');
    const { route: _route, ...fastify } = {
      ...request(),
      method: 'GET',
      headers: {},
      params: { id: '1' },
      routeOptions: { url: '/products/:id' },
      route: undefined,
    };
    expect(encodeKey(routeKey(plan(), { ...request(), request: fastify }).parts ?? [])).toContain('/products/:id');
  });

  it.each<[string, Partial<HttpRequestSlice>, Partial<HttpRequestSlice>]>([
    ['params', { params: { id: '1' } }, { params: { id: '2' } }],
    ['route', { route: { path: '/a' } }, { route: { path: '/b' } }],
    ['query', { query: { a: '1' } }, { query: { a: '2' } }],
    ['hosts', { hosts: { tenant: 'a' } }, { hosts: { tenant: 'b' } }],
    ['method', { method: 'GET' }, { method: 'OPTIONS' }],
    [
      'what is in params and what is in the query',
      { params: { a: '1' }, query: {} },
      { params: {}, query: { a: '1' } },
    ],
  ])('differs by %s', (_name, one, other) => {
    expect(key({}, one)).not.toBe(key({}, other));
  });

  it('differs by version, which a header may choose on one path', () => {
    const keys = [key({}, {}, '1'), key({}, {}, '2'), key({}, {}, ['1', '2']), key({}, {}, VERSION_NEUTRAL), key()];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('is one for HEAD and GET of a @Get() method', () => {
    expect(key({}, { method: 'HEAD' })).toBe(key({}, { method: 'GET' }));
    expect(routeKey({ ...plan(), headIsGet: false }, request({ method: 'HEAD' })).parts).toContain('HEAD');
    expect(RequestMethod.GET).toBe(0);
  });
});

describe('credentials', () => {
  const [authorization, cookie] = [{ authorization: 'Bearer a' }, { cookie: 'a=1' }];

  it.each<[string, LockedCacheableOptions, Partial<HttpRequestSlice>, string]>([
    ['authorization', {}, { headers: authorization }, 'refused: authorization'],
    ['a cookie', {}, { headers: cookie }, 'refused: cookie'],
    ['an empty cookie', {}, { headers: { cookie: '' } }, 'refused: cookie'],
    ['a user of a guard', {}, { user: { id: 1 } }, 'refused: user'],
    ['shared: false', { shared: false }, { headers: cookie }, 'refused: cookie'],
    ['a header that tells no users apart', { varyBy: ['accept'] }, { headers: cookie }, 'refused: cookie'],
    ['a header, and a user of a guard', { varyBy: ['x-key'] }, { user: { id: 1 } }, 'refused: user'],
    [
      'one of two named',
      { varyBy: ['Cookie'] },
      { headers: { ...cookie, ...authorization } },
      'refused: authorization',
    ],
  ])('%s keeps a request from the default key', (_name, options, parts, expected) => {
    expect(key(options, parts)).toBe(expected);
  });

  it.each<[string, LockedCacheableOptions, Partial<HttpRequestSlice>]>([
    ['shared', { shared: true }, { headers: cookie, user: {} }],
    ['a function', { varyBy: () => [] }, { headers: cookie, user: {} }],
    [
      'all of them named',
      { varyBy: ['COOKIE', 'Authorization'] },
      { headers: { ...cookie, ...authorization }, user: {} },
    ],
    ['an own key', { key: () => ['k'] }, { headers: cookie, user: {} }],
  ])('%s admits it', (_name, options, parts) => {
    expect(key(options, parts)).not.toContain('refused');
  });
});

describe('varyBy', () => {
  it('adds headers, in its own order, missing ones too, to a default key and to an own one', () => {
    const headers = { 'accept-language': 'en' };
    expect(key({ key: () => ['k'], varyBy: ['Accept-Language', 'X-Tenant'] }, { headers })).toBe(
      'k:vary:[accept-language,en]:[x-tenant,#undefined]',
    );
    expect(key({ varyBy: ['accept-language'] }, { headers })).toMatch(/^route:.*:vary:\[accept-language,en\]$/);
  });

  it('hashes what is secret', () => {
    for (const name of ['authorization', 'cookie', 'x-api-key', 'x-auth-token']) {
      const text = key({ key: () => ['k'], varyBy: [name] }, { headers: { [name]: 'hunter2' } });
      expect(text).not.toContain('hunter2');
      expect(text).not.toBe(key({ key: () => ['k'], varyBy: [name] }, { headers: { [name]: 'hunter3' } }));
    }
  });

  it('adds what a function returns', () => {
    expect(key({ key: () => ['k'], varyBy: ({ user }) => [(user as { id: number }).id] }, { user: { id: 7 } })).toBe(
      'k:vary:#7',
    );
  });

  it.each([{ key: () => 'k' }, { key: () => undefined }, { varyBy: () => null }])(
    'refuses functions that return no array',
    (options) => {
      expect(() => key(options as unknown as LockedCacheableOptions)).toThrow(
        /@LockedCacheable\(\) on ProductsController\.findOne: expected (key|varyBy) to return an array/,
      );
    },
  );
});

describe('@LockedCacheable()', () => {
  it.each([
    [{ ttl: 1 }, /@LockedCacheable\(\): there is no option "ttl"; known are .*Did you mean ttlMs\?/],
    [{ key: ['a'] }, /key: expected a function that returns an array/],
    [{ varyBy: 'cookie' }, /varyBy: expected an array of header names or a function/],
    [{ varyBy: [] }, /varyBy/],
    [{ varyBy: ['not a header'] }, /varyBy/],
    [{ methods: ['get'] }, /methods: expected an array of HTTP methods/],
    [{ methods: [] }, /methods/],
    [{ shared: 'yes' }, /shared: expected true or false/],
    [{ entity: {} }, /entity: expected a class/],
    [{ version: 1 }, /version: expected a function/],
  ])('refuses %j when the class is defined', (options, message) => {
    expect(() => LockedCacheable(options as unknown as LockedCacheableOptions)).toThrow(message);
  });

  it('refuses anything but a method', () => {
    expect(() => {
      (LockedCacheable() as (target: object, name: string) => void)({}, 'field');
    }).toThrow('@LockedCacheable() on field: expected a method of a controller');
  });
});
