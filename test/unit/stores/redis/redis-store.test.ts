import { describe, expect, it } from 'vitest';
import { CorruptEntryError, InvalidOptionsError } from '../../../../lib/core/errors.js';
import { redisStore } from '../../../../lib/stores/redis/redis-store.js';
import { parseBegin, parseFill, parseRead, parseSet } from '../../../../lib/stores/redis/state-reply.js';
import { IMPOSSIBLE_MARKS } from '../../../support/impossible-marks.js';

describe('redisStore', () => {
  it('describes itself without credentials', () => {
    expect(redisStore({ url: 'rediss://me:secret@h:7/1' }).description).toBe('redis h:7/1 (TLS)');
  });

  it.each<[unknown, RegExp]>([
    [undefined, /got undefined/],
    ['redis://h', /write redisStore\({ url }\)/],
    [{}, /got neither/],
    [{ url: 'redis://h', client: {} }, /got both/],
    [{ url: 'redis://h', ttl: 1 }, /"ttl"/],
    [{ url: 'h:6379' }, /redis:\/\//],
    [{ client: 5 }, /got number/],
  ])('refuses %j', (options, message) => {
    expect(() => redisStore(options as never)).toThrow(InvalidOptionsError);
    expect(() => redisStore(options as never)).toThrow(message);
  });
});

describe('replies', () => {
  const fields = ['x', '2000', '3000', 'row', '0000000000000000009', null, null, null, null, null];

  it('may be buffers', () => {
    const buffers = fields.map((field) => (field === null ? null : Buffer.from(field)));
    const value = { payload: 'x', version: { kind: 'row', order: 9n }, freshForMs: 1_000, staleSinceMs: 0 };
    expect(parseRead([Buffer.from('1'), Buffer.from('999'), buffers])).toEqual({ value, loading: false });
  });

  it('tell a stale value, and hide what has ended', () => {
    expect(parseRead(['2', '500000', fields]).value).toMatchObject({ freshForMs: -500, staleSinceMs: 500 });
    expect(parseRead(['3', '0', fields])).toEqual({ loading: false });
  });

  it.each<[string, () => unknown]>([
    ['nothing', () => parseRead(undefined)],
    ['too few fields', () => parseRead(['1', '0', []])],
    ['a value without payload', () => parseRead(['1', '0', [null, ...fields.slice(1)]])],
    ['a version without order', () => parseRead(['1', '0', ['x', '2000', '3000', 'row', ...fields.slice(5), null]])],
    ['a mark that is no JSON', () => parseRead(['1', '0', [...fields.slice(0, 8), '{', '9000']])],
    ['a begin of another kind', () => parseBegin(['maybe'])],
    ['a fill with an unknown reason', () => parseFill(['superseded', 'bored'])],
    ['a set with a number', () => parseSet(1)],
  ])('that are malformed are errors: %s', (_name, parse) => {
    expect(parse).toThrow(CorruptEntryError);
  });

  it.each(Object.entries(IMPOSSIBLE_MARKS))('with a mark that nobody has left are errors: %s', (_, written) => {
    expect(() => parseRead(['1', '0', [...fields.slice(0, 8), written, '9000']])).toThrow(CorruptEntryError);
    expect(() => parseBegin(['failed', written])).toThrow(CorruptEntryError);
  });
});
