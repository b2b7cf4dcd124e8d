import { describe, expect, it } from 'vitest';
import { MAX_BIGINT_DIGITS, MAX_HOLES } from '../../../lib/codec/tags.js';
import { TaggedJsonCodec } from '../../../lib/codec/tagged-json-codec.js';
import { CorruptEntryError, UnserializableValueError } from '../../../lib/core/errors.js';

const codec = new TaggedJsonCodec();
/** Of the processor's time; without bounds each of these takes minutes, or all memory. */
const BOUND_MS = 20_000;

function spentMs(work: () => void): number {
  const { user, system } = process.cpuUsage();
  work();
  const after = process.cpuUsage();
  return (after.user - user + after.system - system) / 1_000;
}

function nested(levels: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = wrap(value);
  return value;
}

function hollow(length: number): unknown[] {
  const list: unknown[] = [];
  list.length = length;
  return list;
}

const twice: Record<string, (inner: unknown) => unknown> = {
  lists: (inner) => [inner, inner],
  objects: (inner) => ({ a: inner, b: inner }),
  maps: (inner) => new Map([[inner, inner]]),
  sets: (inner) => new Set([[inner], [inner]]),
  'lists with holes': (inner) => Object.assign(hollow(3), { 0: inner, 2: inner }),
  'objects without a prototype': (inner) => Object.assign(Object.create(null) as object, { a: inner, b: inner }),
};

describe('what would be written without end', () => {
  const long = 'x'.repeat(2 ** 20);
  const bytes = new Uint8Array(2 ** 20);
  const tooMuch: Record<string, () => unknown> = {
    ...Object.fromEntries(
      Object.entries(twice).map(([name, wrap]) => [`shared ${name}`, () => ({ deep: nested(60, wrap) })]),
    ),
    'a long text in many places': () => ({ deep: Array.from({ length: 1_000 }, () => long) }),
    'bytes in many places': () => ({ deep: Array.from({ length: 1_000 }, () => bytes) }),
    'a bigint of millions of digits': () => ({ deep: 1n << 20_000_000n }),
    'a negative bigint of millions of digits': () => ({ deep: -(1n << 20_000_000n) }),
    'the smallest bigint that is too long': () => ({ deep: 10n ** BigInt(MAX_BIGINT_DIGITS) }),
    'a list of 300 million holes': () => ({ deep: hollow(300_000_000) }),
    'lists of many holes together': () => ({ deep: [hollow(MAX_HOLES), hollow(1)] }),
    lists: () => ({ deep: nested(100_000, (inner) => [inner]) }),
    objects: () => ({ deep: nested(100_000, (inner) => ({ inner })) }),
    maps: () => ({ deep: nested(100_000, (inner) => new Map([[1, inner]])) }),
  };

  it.each(Object.entries(tooMuch))('is refused with its place, after bounded work: %s', (_, make) => {
    const value = make();
    let refusal: unknown;
    const work = spentMs(() => {
      try {
        codec.encode(value);
      } catch (error) {
        refusal = error;
      }
    });
    expect(refusal).toBeInstanceOf(UnserializableValueError);
    expect((refusal as Error).message).toMatch(/^value\.deep.* cannot be cached\. /s);
    expect(work).toBeLessThan(BOUND_MS);
  });

  it.each<[string, () => unknown]>([
    ['the longest bigint', () => 10n ** BigInt(MAX_BIGINT_DIGITS) - 1n],
    ['the longest negative bigint', () => 1n - 10n ** BigInt(MAX_BIGINT_DIGITS)],
    ['as many holes as may be', () => [hollow(MAX_HOLES - 1), hollow(1)]],
    ['a million numbers', () => Array.from({ length: 1_000_000 }, (_, index) => index)],
    ['sixteen levels of shared lists', () => nested(16, (inner) => [inner, inner])],
    ['500 levels of maps', () => nested(500, (inner) => new Map([[1, inner]]))],
    ['500 levels of lists with holes', () => nested(500, (inner) => Object.assign(hollow(2), { 1: inner }))],
  ])('is not %s', (_, make) => {
    const value = make();
    const payload = codec.encode(value);
    expect(codec.encode(codec.decode(payload))).toBe(payload);
  });
});

describe('what the store has, and nobody has written', () => {
  const digits = '9'.repeat(5_000_000);
  const hostile: Record<string, string> = {
    'a bigint of millions of digits': `{"tagged":{"$bigint":"${digits}"}}`,
    'a bigint one digit too long': `{"tagged":{"$bigint":"-${'9'.repeat(MAX_BIGINT_DIGITS + 1)}"}}`,
    'a list of 300 million holes': '{"tagged":{"$SparseArray":[300000000]}}',
    'many lists of holes': `{"tagged":[${Array.from({ length: 50_000 }, () => '{"$SparseArray":[99999]}').join()}]}`,
    'a list of fewer holes than items, and more holes than may be': `{"tagged":[{"$SparseArray":[1,[0,1],[0,2]]},{"$SparseArray":[${MAX_HOLES + 1}]}]}`,
    'lists, nested 100,000 levels deep': `{"json":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
    'objects, nested 100,000 levels deep': `{"json":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`,
    'both, with brackets in texts and others beside them': `{"json":${'[{"]}\\"":"]}","b":1},{"a":'.repeat(3_000)}1${'},[]]'.repeat(3_000)}}`,
    'the deep one last of many': `{"json":[${'[1],'.repeat(5_000)}${'['.repeat(3_000)}${']'.repeat(3_000)}]}`,
    'tags, nested 100,000 levels deep': `{"tagged":${'{"$Set":['.repeat(100_000)}${']}'.repeat(100_000)}}`,
  };

  it.each(Object.entries(hostile))('is corrupt, after bounded work: %s', (_, payload) => {
    const work = spentMs(() => {
      expect(() => codec.decode(payload)).toThrow(CorruptEntryError);
    });
    expect(work).toBeLessThan(BOUND_MS);
  });

  it('is not a long list of flat rows', () => {
    const rows = Array.from({ length: 20_000 }, (_, id) => ({ id, tags: ['[[[', '{{{'] }));
    expect(codec.decode(codec.encode(rows))).toEqual(rows);
  });
});
