import { inspect } from 'node:util';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClassRegistry } from '../../../lib/codec/class-registry.js';
import { TAGS } from '../../../lib/codec/tags.js';
import { TaggedJsonCodec } from '../../../lib/codec/tagged-json-codec.js';
import { CorruptEntryError, OtherShapeError } from '../../../lib/core/errors.js';

class Product {
  constructor(readonly content: unknown) {}
}

/** Has whatever properties come, as an entity's loader may have added some. */
class Category {
  static of(properties: object): Category {
    return Object.defineProperties(new Category(), Object.getOwnPropertyDescriptors(properties));
  }
}

const classes = new ClassRegistry().register(Product).register(Category);
classes.shape(Product, 'abcdefgh');
const codec = new TaggedJsonCodec(classes);

const key = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 5 }),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'prototype',
    'toJSON',
    '$Date',
    '$$Date',
    '$class',
    '$',
    '$undefined',
    '$x',
    '__promise_owner__',
    '__has_owner__',
    'then',
    'valueOf',
    'hasOwnProperty',
    '0',
    '-1',
    'length',
  ),
);

const Float16 = (globalThis as unknown as { Float16Array: new (buffer: ArrayBuffer) => unknown }).Float16Array;

const leaf = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.double(),
  fc.boolean(),
  fc.bigInt(),
  fc.constantFrom<unknown>(
    null,
    undefined,
    NaN,
    -0,
    Infinity,
    -Infinity,
    '\ud800',
    '2024-01-01T00:00:00.000Z',
    new Date(NaN),
  ),
  fc.date(),
  fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes)),
  fc.uint8Array({ maxLength: 9 }).map((bytes) => bytes.slice().buffer),
  fc.uint8Array({ maxLength: 9 }).map((bytes) => new DataView(bytes.slice().buffer)),
  fc.uint8Array(),
  fc.uint8ClampedArray(),
  fc.int8Array(),
  fc.int16Array(),
  fc.uint16Array(),
  fc.int32Array(),
  fc.uint32Array(),
  fc.float32Array(),
  fc.float64Array(),
  fc.bigInt64Array(),
  fc.bigUint64Array(),
  fc
    .tuple(fc.constantFrom(/a"b/gi, /\//u, /\u{1f600}/uy), fc.nat(9))
    .map(([{ source, flags }, lastIndex]) => Object.assign(new RegExp(source, flags), { lastIndex })),
  fc.webUrl({ withQueryParameters: true, withFragments: true }).map((text) => new URL(text)),
  ...('Float16Array' in globalThis
    ? [fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => new Float16(bytes.slice().buffer))]
    : []),
);

const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.sparseArray(tie('value'), { maxNumElements: 4, maxLength: 8 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 5 }).map(ownProperties),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 }).map((entries) => new Map(entries)),
    fc.array(tie('value'), { maxLength: 4 }).map((items) => new Set(items)),
    tie('value').map((content) => new Product(content)),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map((entries) => Category.of(ownProperties(entries))),
  ),
}));

describe('TaggedJsonCodec, any value', () => {
  it('comes back deeply equal', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(shown(codec.decode(codec.encode(value)))).toBe(shown(value));
      }),
      { numRuns: 2_000 },
    );
  });

  it('stands for every tag there is: none is left out of these tests', () => {
    const seen = new Set<string>();
    for (const value of fc.sample(anyValue, 3_000)) {
      for (const [, tag = ''] of codec.encode(value).matchAll(/\{"\$([A-Za-z0-9]+)":/g)) seen.add(tag);
    }
    expect([...TAGS.keys(), 'class'].filter((tag) => !seen.has(tag))).toStrictEqual([]);
  });

  it('without tags is decoded by JSON.parse alone', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const plain: unknown = JSON.parse(JSON.stringify(value));
        const payload = codec.encode(plain);
        fc.pre(payload.startsWith('{"json":'));
        expect(payload).toBe(`{"json":${JSON.stringify(plain)}}`);
        expect(codec.decode(payload)).toStrictEqual(plain);
      }),
    );
  });
});

describe('TaggedJsonCodec, hostile bytes', () => {
  it('cut anywhere are corrupt', () => {
    fc.assert(
      fc.property(anyValue, fc.nat(), (value, seed) => {
        const bytes = Buffer.from(codec.encode(value));
        const cut = bytes.subarray(0, seed % bytes.length).toString();
        expect(() => codec.decode(cut)).toThrow(CorruptEntryError);
      }),
      { numRuns: 2_000 },
    );
  });

  it('with flipped bits decode or are corrupt, and nothing else', () => {
    fc.assert(
      fc.property(
        anyValue,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 7 })), { minLength: 1, maxLength: 4 }),
        (value, flips) => {
          const bytes = Buffer.from(codec.encode(value));
          for (const [position, bit] of flips) {
            const index = position % bytes.length;
            bytes.writeUInt8(bytes.readUInt8(index) ^ (1 << bit), index);
          }
          expectDecodedOrCorrupt(bytes.toString());
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it('made of tags and any content decode or are corrupt, and nothing else', () => {
    const name = fc.constantFrom(...[...TAGS.keys(), 'class'].map((tag) => `$${tag}`), '$$x', '__proto__');
    const { node } = fc.letrec<{ node: unknown }>((tie) => ({
      node: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom<unknown>(null, 1, -1, 'Product', '', '1', 'AAA=', 2 ** 31),
        fc.array(tie('node'), { maxLength: 3 }),
        fc.tuple(name, tie('node')).map((entry) => ownProperties([entry])),
      ),
    }));
    fc.assert(
      fc.property(node, (hostile) => {
        expectDecodedOrCorrupt(`{"tagged":${JSON.stringify(hostile)}}`);
      }),
      { numRuns: 5_000 },
    );
  });
});

/** Tells apart whatever can be seen of a value: types, prototypes, holes, -0. Matchers trip over data that is named `constructor`. */
function shown(value: unknown): string {
  return inspect(value, { depth: Infinity, maxArrayLength: null, maxStringLength: null });
}

function expectDecodedOrCorrupt(payload: string): void {
  try {
    codec.decode(payload);
  } catch (error) {
    if (!(error instanceof OtherShapeError)) expect(error).toBeInstanceOf(CorruptEntryError);
  }
  expect(Object.keys(Object.prototype)).toStrictEqual([]);
}

function ownProperties(entries: readonly (readonly [string, unknown])[]): object {
  const object = {};
  for (const [name, value] of entries)
    Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
  return object;
}
