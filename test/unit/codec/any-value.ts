import { inspect } from 'node:util';

import fc from 'fast-check';
import { ClassRegistry } from '../../../lib/codec/class-registry.js';
import { TaggedJsonCodec } from '../../../lib/codec/tagged-json-codec.js';

export class Product {
  constructor(readonly content: unknown) {}
}

/** Has whatever properties come, as an entity's loader may have added some. */
export class Category {
  static of(properties: object): Category {
    return Object.defineProperties(new Category(), Object.getOwnPropertyDescriptors(properties));
  }
}

const classes = new ClassRegistry().register(Product).register(Category);
classes.shape(Product, 'abcdefgh');
export const codec = new TaggedJsonCodec(classes);

export const key = fc.oneof(
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

export const leaf = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.double(),
  fc.boolean(),
  fc.bigInt(),
  fc.constantFrom<unknown>(null, undefined, NaN, -0, Infinity, -Infinity, '\ud800', '2024-01-01T00:00:00.000Z'),
  fc.constant(NaN).map((time) => new Date(time)),
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

/** Any value that can be cached, with these leaves. */
export const valueOf = (leaves: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaves,
      fc.array(tie('value'), { maxLength: 5 }),
      fc.sparseArray(tie('value'), { maxNumElements: 4, maxLength: 8 }),
      fc.array(fc.tuple(key, tie('value')), { maxLength: 5 }).map(ownProperties),
      fc
        .array(fc.tuple(key, tie('value')), { maxLength: 3 })
        .map((entries) => Object.setPrototypeOf(ownProperties(entries), null) as unknown),
      fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 }).map((entries) => new Map(entries)),
      fc.array(tie('value'), { maxLength: 4 }).map((items) => new Set(items)),
      tie('value').map((content) => new Product(content)),
      fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map((entries) => Category.of(ownProperties(entries))),
    ),
  })).value;

export const anyValue = valueOf(leaf);

/** Tells apart whatever can be seen of a value: types, prototypes, holes, -0. Matchers trip over data that is named `constructor`. */
export function shown(value: unknown): string {
  return inspect(value, { depth: Infinity, maxArrayLength: null, maxStringLength: null });
}

export function ownProperties(entries: readonly (readonly [string, unknown])[]): object {
  const object = {};
  for (const [name, value] of entries)
    Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
  return object;
}
