import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { DistributedCacheService, encodeKey, inProcessLock } from 'nestjs-distributed-cache';
import { redisStore } from 'nestjs-distributed-cache/redis';
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { extent } from '../support/extent.js';
import { startApp, stopApps, type RunningApp } from './support/app.js';

const namespace = `hostile-${randomUUID()}`;
let key: readonly unknown[] = [];
let entry = '';
const VALUE = { name: 'Käse', at: new Date(0), stock: 2n ** 60n };
/** The entry is replaced, and nothing else said that something was wrong. */
const TROUBLE = ['corrupt-entry', 'other-shape', 'store-unavailable', 'lock-unavailable'];

let redis: ReturnType<typeof createClient>;
let running: RunningApp;
let cache: DistributedCacheService;

beforeAll(async () => {
  redis = createClient({ url: inject('redisUrl') });
  await redis.connect();
  running = await startApp({
    cache: { namespace, store: redisStore({ url: inject('redisUrl') }), lock: inProcessLock(), storeTimeoutMs: 30_000 },
  });
  cache = running.app.get(DistributedCacheService);
});

beforeEach(() => {
  key = ['product', randomUUID()];
  entry = `${namespace}:cache:1:${encodeKey(key)}`;
});

afterEach(async () => {
  await redis.del(entry);
});

afterAll(async () => {
  await stopApps();
  // It is `disconnect` in node-redis 4.
  const { destroy, disconnect } = redis as Record<string, (() => unknown) | undefined>;
  await (destroy ?? disconnect)?.call(redis);
});

async function read(): Promise<string> {
  const { value, outcome } = await cache.getOrLoadWithOutcome(key, () => VALUE);
  expect(value).toStrictEqual(VALUE);
  return outcome;
}

function troubles(): string[] {
  return running.events.splice(0).flatMap(({ type }) => (TROUBLE.includes(type) ? [type] : []));
}

/** The entry as we write it, with some fields changed; null takes one away. */
async function entryWith(changes: Record<string, string | null>): Promise<void> {
  await read();
  for (const [field, value] of Object.entries(changes)) {
    if (value === null) await redis.hDel(entry, field);
    else await redis.hSet(entry, field, value);
  }
  running.events.length = 0;
}

const TYPES: [string, () => Promise<unknown>][] = [
  ['a text', () => redis.set(entry, '{"json":1}')],
  ['a list', () => redis.lPush(entry, 'x')],
  ['a set', () => redis.sAdd(entry, 'x')],
  ['a sorted set', () => redis.zAdd(entry, { score: 1, value: 'x' })],
  ['a stream', () => redis.xAdd(entry, '*', { a: 'b' })],
];

const FAR = '9999999999999999999999';
const PAYLOADS: Record<string, string> = {
  'no JSON': 'not ours',
  nothing: '',
  'JSON of another program': '{"value":{"id":1},"expires":1}',
  'an entry of a later format': '{"v2":{"id":1}}',
  'an unknown tag': '{"tagged":{"$Temporal":"2024"}}',
  'a cut entry': '{"tagged":{"name":"K',
  'more behind the entry': '{"json":1}{"json":2}',
  'a prototype': '{"tagged":{"$class":["Object",{"__proto__":{"admin":true}}]}}',
  'an unknown class': '{"tagged":{"$class":["Foo#12345678",{}]}}',
  'half a character': '{"json":"\ud800"',
  'brackets without end': `{"tagged":${'['.repeat(100_000)}`,
  'too deep a list': `{"tagged":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
  'zero bytes': '\0\0\0\0',
};

const CHANGES: [string, Record<string, string | null>][] = [
  ...Object.entries(PAYLOADS).map(([name, payload]): [string, Record<string, string>] => [name, { payload }]),
  ['no payload', { payload: null }],
  ['a version without a number', { kind: 'version', order: 'abc' }],
  ['a version with a huge number', { kind: 'version', order: FAR }],
  ['a version without an order', { kind: 'version' }],
  ['a payload that stays fresh for ever, and is not ours', { payload: 'x', 'fresh-until': FAR, 'kept-until': FAR }],
  ['a payload that is fresh for infinity', { payload: 'x', 'fresh-until': '1e400', 'kept-until': 'inf' }],
];

describe('what is under our key in Redis, and is not ours', () => {
  it.each(TYPES)('%s: the loaded value, an event, and then a hit', async (_, write) => {
    await write();
    running.events.length = 0;
    expect(await read()).toBe('MISS');
    expect(troubles()).toEqual(['corrupt-entry']);
    expect([await read(), troubles()]).toEqual(['HIT', []]);
  });

  it.each(CHANGES)('a hash with %s: the loaded value, an event, and then a hit', async (name, changes) => {
    await entryWith(changes);
    expect(await read()).toBe('MISS');
    expect(new Set(troubles())).toEqual(
      new Set([name === 'an unknown class' || name === 'a prototype' ? 'other-shape' : 'corrupt-entry']),
    );
    expect([await read(), troubles()]).toEqual(['HIT', []]);
    expect(await redis.pTTL(entry)).toBeGreaterThan(0);
  });

  it('get finds nothing in it, and does not throw', async () => {
    await entryWith({ payload: 'not ours' });
    expect(await cache.get(key)).toBeUndefined();
    expect(troubles()).toEqual(['corrupt-entry']);
  });

  it.each([
    ['a lease without end', { lease: 'theirs', 'lease-until': FAR, loading: '1' }],
    ['a lease for infinity', { lease: 'theirs', 'lease-until': '1e400' }],
    ['a lease without a token', { 'lease-until': '99999999999999' }],
    ['a floor without end', { 'floor-kind': 'x', 'floor-order': FAR, 'floor-until': FAR }],
    ['a floor for infinity', { 'floor-until': '1e400' }],
    ['a tombstone without end', { 'tombstone-until': '1e400' }],
    ['a mark without end', { mark: '{"kind":"failed"', 'mark-kind': 'failed', 'mark-until': FAR }],
    ['a failure mark that is none', { mark: '{', 'mark-kind': 'failed', 'mark-until': String(Date.now() + 600_000) }],
    ['a lease of ten minutes without a token', { 'lease-until': String(Date.now() + 600_000) }],
    ['a mark that is none', { mark: '{}', 'mark-kind': 'x', 'mark-until': '99999999999999' }],
    ['times that are none', { 'fresh-until': 'soon', 'kept-until': '', 'lease-until': '-', 'floor-until': 'NaN' }],
  ])('no value and %s: the loaded value, and then a hit', async (_, changes) => {
    await entryWith({
      ...changes,
      payload: null,
      ...('fresh-until' in changes ? {} : { 'fresh-until': null, 'kept-until': null }),
    });
    expect(['MISS', 'WAITED']).toContain(await read());
    expect([await read(), await redis.pTTL(entry)]).toEqual(['HIT', expect.any(Number)]);
    expect(await redis.pTTL(entry)).toBeGreaterThan(0);
  });

  it('any fields and any bytes: the loaded value, and in the end a hit', async () => {
    const fields = [
      'payload',
      'fresh-until',
      'kept-until',
      'fill',
      'kind',
      'order',
      'lease',
      'lease-until',
      'loading',
      'mark',
    ];
    fields.push(
      'mark-kind',
      'mark-until',
      'floor-kind',
      'floor-order',
      'floor-exclusive',
      'floor-until',
      'tombstone-until',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '',
        '0',
        '1',
        '-1',
        '1e400',
        'inf',
        'nan',
        FAR,
        '99999999999999',
        '{"json":1',
        'failed',
        'unstored',
      ),
      fc.integer({ min: -2_000_000, max: 2_000_000 }).map((offset) => String(Date.now() + offset)),
    );
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.constantFrom(...fields), text, { minKeys: 1 }), async (hash) => {
        await redis.del(entry);
        await redis.hSet(entry, hash);
        await read();
        running.events.length = 0;
        expect([await read(), troubles()]).toEqual(['HIT', []]);
      }),
      extent({ numRuns: 60, seed: 1 }, { numRuns: 300 }),
    );
  });
});
