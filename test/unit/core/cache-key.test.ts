import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeKey, MAX_READABLE_KEY_LENGTH } from '../../../lib/core/cache-key.js';
import { InvalidKeyError } from '../../../lib/core/errors.js';
import { readKey } from './read-key.js';

class Product {
  id = 7;
}

function circular(): unknown {
  const part: Record<string, unknown> = {};
  part['self'] = part;
  return part;
}

function withHole(list: unknown[], index: number): unknown[] {
  Reflect.deleteProperty(list, index);
  return list;
}

function nestedTo(levels: number): unknown {
  let part: unknown = 1;
  for (let level = 0; level < levels; level++) part = [part];
  return part;
}

describe('encodeKey', () => {
  const written: [unknown[], string][] = [
    [['product', '42'], 'product:42'],
    [['product', 42], 'product:#42'],
    [['GET', '/products/:id'], 'GET:"/products/:id"'],
    [['a:b', 'c'], '"a:b":c'],
    [[''], '""'],
    [['#1'], '"#1"'],
    [['müller'], '"müller"'],
    [['{slot}'], '"\\u007bslot\\u007d"'],
    [[1.5, -0, 0, NaN, Infinity, -Infinity, 1e300], '#1.5:#-0:#0:#NaN:#Infinity:#-Infinity:#1e+300'],
    [[42n, -1n], '#42n:#-1n'],
    [[true, false, null, undefined], '#true:#false:#null:#undefined'],
    [[new Date(0), new Date(NaN)], 'Date(1970-01-01T00:00:00.000Z):Date(#NaN)'],
    [[['a', 1, []], {}], '[a,#1,[]]:()'],
    [[{ page: 2, 'sort by': 'name' }], '("sort by"=name,page=#2)'],
    [
      [
        new Map<unknown, unknown>([
          [1, 'a'],
          ['1', 'b'],
        ]),
      ],
      'Map(#1=a,1=b)',
    ],
    [[new Set(['b', 'a'])], 'Set(a,b)'],
    [
      [Buffer.from([0, 255]), new Uint8Array([1]), new Uint8Array([1]).buffer],
      'Buffer(00ff):Uint8Array(01):ArrayBuffer(01)',
    ],
    [[/a:b/gi, new URL('http://x/?q=1')], 'RegExp("a:b","gi"):URL("http://x/?q=1")'],
  ];

  it.each(written.map(([parts, key]) => ({ parts, key })))('writes $key', ({ parts, key }) => {
    expect(encodeKey(parts)).toBe(key);
  });

  it('gives no two of these lists one key', () => {
    const nfc = '\u00e9';
    const lists: unknown[][] = [
      ['a:b', 'c'],
      ['a', 'b:c'],
      ['a', 'b', 'c'],
      ['a:b:c'],
      [['a', 'b', 'c']],
      ['a,b,c'],
      [['a,b', 'c']],
      ['[a,b,c]'],
      [1],
      ['1'],
      [1n],
      ['#1'],
      [true],
      ['true'],
      [null],
      ['null'],
      [undefined],
      ['undefined'],
      [0],
      [-0],
      [NaN],
      ['NaN'],
      [[]],
      [{}],
      [''],
      [[[]]],
      [new Map()],
      [new Set()],
      [new Map([['a', 1]])],
      [{ a: 1 }],
      [{ a: '1' }],
      [{ a: undefined }],
      [{ b: 1 }],
      [[['a', 1]]],
      [new Date(1)],
      [1, ''],
      ['1970-01-01T00:00:00.001Z'],
      [new Date(NaN)],
      [nfc],
      [nfc.normalize('NFD')],
      ['\ud800'],
      ['\udc00'],
      ['\\ud800'],
      ['\ufffd'],
      [Buffer.from('a')],
      [new Uint8Array([97])],
      [new Int8Array([97])],
      [/a/],
      [/a/g],
      ['/a/'],
      [new URL('http://a/')],
      ['http://a/'],
      [JSON.parse('{"__proto__":1}')],
      [JSON.parse('{"__proto__":2}')],
      ['x'.repeat(500)],
      ['x'.repeat(501)],
      [['x'.repeat(500)]],
      ['x'.repeat(500), ''],
    ];
    const keys = lists.map((parts) => encodeKey(parts));
    expect(new Set(keys).size).toBe(lists.length);
  });

  it('is injective: a reader brings back exactly what was written', () => {
    const part = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withNullPrototype: false,
      key: fc.oneof(fc.string({ unit: 'binary', maxLength: 4 }), fc.constant('__proto__')),
      values: [
        fc.string({ unit: 'binary', maxLength: 6 }),
        fc.string({ maxLength: 6 }),
        fc.double(),
        fc.integer(),
        fc.bigInt(),
        fc.boolean(),
        fc.constantFrom(null, undefined, '\ud800', '\udfff\ud800'),
      ],
      maxDepth: 3,
      maxKeys: 3,
      size: '-1',
    });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
        const key = encodeKey(parts);
        fc.pre(key.length <= MAX_READABLE_KEY_LENGTH && !/~[0-9a-f]{64}$/.test(key));
        expect(encodeKey(readKey(key))).toBe(key);
        expect(normalized(readKey(key))).toStrictEqual(normalized(parts));
      }),
      { numRuns: 2_000 },
    );
  });

  it('takes Map, Set and objects of the same content for the same, whatever the order', () => {
    expect(encodeKey([{ a: 1, b: { c: 2, d: 3 } }])).toBe(encodeKey([{ b: { d: 3, c: 2 }, a: 1 }]));
    expect(
      encodeKey([
        new Map<unknown, unknown>([
          ['a', 1],
          [{ x: 1, y: 2 }, 2],
        ]),
      ]),
    ).toBe(
      encodeKey([
        new Map<unknown, unknown>([
          [{ y: 2, x: 1 }, 2],
          ['a', 1],
        ]),
      ]),
    );
    expect(encodeKey([new Set([1, [2], 'c'])])).toBe(encodeKey([new Set(['c', 1, [2]])]));
    expect(encodeKey([Object.assign(Object.create(null) as object, { a: 1 })])).toBe(encodeKey([{ a: 1 }]));
    expect(encodeKey([[1, 2]])).not.toBe(encodeKey([[2, 1]]));
  });

  it('has an own property named __proto__ in the key, and pollutes nothing', () => {
    const part: unknown = JSON.parse('{"__proto__":{"admin":true}}');
    expect(encodeKey([part])).toBe('(__proto__=(admin=#true))');
    expect(encodeKey([{}])).toBe('()');
  });

  it('takes the same object twice, side by side', () => {
    const shared = { a: 1 };
    expect(encodeKey([[shared, shared]])).toBe('[(a=#1),(a=#1)]');
  });

  it('takes built-in objects of another realm, as test runners hand them out', () => {
    expect(encodeKey(runInNewContext(`['a', { b: [1] }, new Date(0), new Map([[1, 2]])]`) as unknown[])).toBe(
      'a:(b=[#1]):Date(1970-01-01T00:00:00.000Z):Map(#1=#2)',
    );
  });

  it('cuts what is longer than the bound and ends it in a hash, with a readable beginning', () => {
    const longest = encodeKey(['x'.repeat(MAX_READABLE_KEY_LENGTH)]);
    expect(longest).toBe('x'.repeat(MAX_READABLE_KEY_LENGTH));
    const hashed = encodeKey(['product', 'x'.repeat(10_000)]);
    expect(hashed).toMatch(/^product:x+~[0-9a-f]{64}$/);
    expect(hashed).toHaveLength(MAX_READABLE_KEY_LENGTH);
    expect(encodeKey(['product', 'x'.repeat(10_000)])).toBe(hashed);
    expect(encodeKey(['product', `${'x'.repeat(9_999)}y`])).not.toBe(hashed);
  });

  it('never gives a readable key the look of a hashed one', () => {
    const hashed = encodeKey(['x'.repeat(1_000)]);
    const [prefix, hash] = hashed.split('~') as [string, string];
    for (const parts of [
      [hashed],
      [`${prefix}~${hash}`],
      [prefix, `~${hash}`],
      [`~${hash}`],
      [[`~${hash}`]],
      [{ [`~${hash}`]: 1 }],
    ]) {
      expect(encodeKey(parts)).not.toBe(hashed);
      expect(encodeKey([`~${hash}`])).not.toMatch(/~[0-9a-f]{64}$/);
    }
  });

  it('is well-formed text, wherever it is cut', () => {
    for (let shift = 0; shift < 4; shift++) {
      expect(encodeKey(['a'.repeat(shift), '🦊'.repeat(500)])).not.toMatch(/\p{Surrogate}/u);
    }
    expect(encodeKey(['\ud800'])).toBe('"\\ud800"');
  });

  it.each<[string, unknown[], RegExp]>([
    ['an empty list', [], /at least one part.*empty list/],
    ['a function', ['a', () => 1], /Part 2 of the key is a function.*names it/],
    ['a symbol', [Symbol('s')], /Part 1 of the key is a symbol/],
    ['an instance of a class', ['a', 'b', new Product()], /Part 3 of the key is a Product.*a Product's id/],
    ['an instance inside', [{ product: new Product() }], /Part 1 of the key contains a Product/],
    ['a subclass of a built-in type', [new (class Stamp extends Date {})()], /Part 1 of the key is a Stamp/],
    ['an object of an anonymous class', [new (class {})()], /a class without a name/],
    ['an error', [new Error('x')], /is an Error/],
    ['a boxed text', [Object('x')], /is a String/],
    ['a promise', [Promise.resolve(1)], /is a Promise.*Await it/],
    ['a WeakMap', [new WeakMap()], /is a WeakMap/],
    ['something circular', ['a', circular()], /Part 2 of the key is an Object.*contains itself/],
    ['something too deep', [nestedTo(101)], /deeper than 100 levels/],
    ['a list with a hole', [withHole([1, 2, 3], 1)], /holes or named properties/],
    [
      'a list with a hole at its end and a named property',
      [Object.assign(withHole([1, 2], 1), { x: 1 })],
      /holes or named properties/,
    ],
    ['a list with a named property', [Object.assign([1], { x: 1 })], /holes or named properties/],
    ['a property named by a symbol', [{ [Symbol('s')]: 1 }], /contains a symbol/],
  ])('refuses %s', (_, parts, message) => {
    expect(() => encodeKey(parts)).toThrow(InvalidKeyError);
    expect(() => encodeKey(parts)).toThrow(message);
  });

  it('refuses what is not a list', () => {
    expect(() => encodeKey('product' as unknown as unknown[])).toThrow(/list of at least one part, but got a string/);
  });

  it('takes exactly 100 levels', () => {
    expect(encodeKey([nestedTo(100)])).toMatch(/~[0-9a-f]{64}$/);
  });
});

/** Content without the order of insertion, as the key sees it. */
function normalized(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normalized);
  if (value instanceof Map)
    return { map: Array.from(value, ([key, item]) => [encodeKey([key]), normalized(item)]).sort(byFirst) };
  if (value instanceof Set) return { set: Array.from(value, (item) => encodeKey([item])).sort() };
  if (ArrayBuffer.isView(value)) return { bytes: encodeKey([value]) };
  if (typeof value === 'object' && value !== null && !(value instanceof Date)) {
    return {
      object: Object.entries(value)
        .map(([key, item]) => [key, normalized(item)])
        .sort(byFirst),
    };
  }
  return value;
}

function byFirst(left: unknown[], right: unknown[]): number {
  return String(left[0]) < String(right[0]) ? -1 : 1;
}
