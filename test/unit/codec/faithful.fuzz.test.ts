import { EventEmitter } from 'node:events';
import { isDeepStrictEqual, types } from 'node:util';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UnserializableValueError } from '../../../lib/core/errors.js';
import { codec, key, leaf, ownProperties, Product, shown, valueOf } from './any-value.js';

class Secret {
  #cents = 5;
  get cents(): number {
    return this.#cents;
  }
}

/** Has the name of a built-in type, and is none. */
const named = {
  Map: class Map extends globalThis.Map {},
  Buffer: class Buffer extends Uint8Array {},
  URL: class URL {
    readonly href = 'https://a.example';
    readonly [Symbol.toStringTag] = 'URL';
  },
};

const circle: Record<string, unknown> = {};
circle['self'] = circle;

/** What cannot come back as it went in, or hardly. */
const awkward = fc.constantFrom<() => unknown>(
  () => new Secret(),
  () => new Headers({ a: 'b' }),
  () => new URLSearchParams('a=b'),
  () => new Blob(['a']),
  () => new Error('x'),
  () => new EventEmitter(),
  () => new (class Other {})(),
  () => new named.Map().set(1, 2),
  () => new named.Buffer(),
  () => new named.URL(),
  () => Object(1n) as unknown,
  () => Symbol('s'),
  () => () => 1,
  () => Promise.resolve(1),
  () => new WeakMap(),
  () => circle,
  () => Object.create({ inherited: 1 }) as unknown,
  () => Object.create(Map.prototype) as unknown,
  () => Object.create(Date.prototype) as unknown,
  () => Object.create(DataView.prototype) as unknown,
  () => Object.create(URL.prototype) as unknown,
  () => new Uint8Array(new SharedArrayBuffer(1)),
  () => Object.freeze({ a: Object.freeze([1]) }),
  () => Object.defineProperty([1, 2], 'length', { writable: false }),
  () => Object.assign(/a/g, { lastIndex: NaN }),
  () => Object.assign(/a/g, { lastIndex: '1' }),
  () => Object.assign(/a/g, { lastIndex: {} }),
  () => Object.assign(new Product(1), { constructor: Product }),
  () => Object.assign(new Product(1), { constructor: class Product {} }),
  () => runInNewContext('(function () { return arguments; })(1, 2)') as unknown,
);

const name = fc.oneof(
  key,
  fc.constantFrom<PropertyKey>(
    ...[Symbol('s'), Symbol.iterator, Symbol.toStringTag, 'toISOString', 'getTime', 'entries', 'size', 'href'],
    ...['byteLength', 'buffer', 'lastIndex', 'length', '5', '4294967295'],
  ),
);
const property = fc.record({
  enumerable: fc.boolean(),
  what: fc.constantFrom<(value: unknown) => PropertyDescriptor>(
    (value) => ({ value, writable: true }),
    (value) => ({ get: () => value }),
    (value) => ({ value: () => value }),
  ),
});

/** Any value with a property more. */
const decorated = fc
  .tuple(valueOf(leaf), name, property, leaf)
  .map(([value, named, { enumerable, what }, content]): unknown => {
    try {
      if (typeof value === 'object' && value !== null)
        Reflect.defineProperty(value, named, { ...what(content), enumerable, configurable: true });
    } catch {
      // A list takes not everything as its length, nor a typed array as an element.
    }
    return value;
  });

const anything = valueOf(
  fc.oneof(
    { weight: 6, arbitrary: leaf },
    { weight: 2, arbitrary: decorated },
    { weight: 1, arbitrary: awkward.map((make) => make()) },
  ),
);

/** In a box that shows it: what `fc` itself shows of a counterexample calls methods that the value may have replaced. */
const boxed = anything.map((value) => ({ value, [fc.toStringMethod]: () => shown(value) }));

const PLACE =
  /^value(?:\.[A-Za-z_$][\w$]*|\[\d+\]|\["(?:[^"\\]|\\.)*"\]|\[Symbol\(.*\)\]|<(?:key|entry) \d+>)* (?:is|cannot) /s;

function attempt(value: unknown): { readonly payload: string } | { readonly error: unknown } {
  try {
    return { payload: codec.encode(value) };
  } catch (error) {
    return { error };
  }
}

/** The first place at which two values differ by prototype or own properties. Own are those that hold something: a hidden function or getter does not. */
function difference(was: unknown, is: unknown, place = 'value'): string | undefined {
  if (typeof was !== 'object' || was === null || typeof is !== 'object' || is === null)
    return Object.is(was, is) || typeof was === 'function' ? undefined : `${place}: ${shown(was)}, ${shown(is)}`;
  if (Object.getPrototypeOf(was) !== Object.getPrototypeOf(is)) return `${place}: its prototype`;
  const keys = [was, is].map(contentKeys);
  if (!isDeepStrictEqual(keys[0], keys[1])) return `${place}: ${shown(keys)}`;
  for (const own of keys[0] ?? []) {
    const found = difference(Reflect.get(was, own), Reflect.get(is, own), `${place}.${String(own)}`);
    if (found !== undefined) return found;
  }
  const [before, after] = [contentOf(was), contentOf(is)];
  return before === undefined ? undefined : difference(before, after, place);
}

/** What an object of a built-in type has outside its properties. */
function contentOf(value: object): unknown {
  if (types.isMap(value)) return [...Map.prototype.entries.call(value)];
  if (types.isSet(value)) return [...Set.prototype.values.call(value)];
  if (types.isDate(value)) return Date.prototype.getTime.call(value);
  if (types.isRegExp(value)) return [value.source, value.flags];
  if (types.isDataView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (types.isAnyArrayBuffer(value)) return Buffer.from(value);
  return value instanceof URL ? value.href : undefined;
}

function contentKeys(value: object): PropertyKey[] {
  return Reflect.ownKeys(value).filter((own) => {
    const { enumerable, ...rest } = Object.getOwnPropertyDescriptor(value, own) ?? {};
    // What TypeORM is about to load for a lazy relation is left out on purpose.
    if (own === '__promise_owner__' && types.isPromise(Reflect.get(value, own))) return false;
    const isItem = Array.isArray(value) && String(Number(own.toString()) >>> 0) === own && own !== '4294967295';
    return isItem || enumerable === true || ('value' in rest && typeof rest.value !== 'function');
  });
}

describe('TaggedJsonCodec, anything at all', () => {
  it('comes back equal, with the same prototypes and own properties, or is refused with its place', () => {
    const seen = { back: 0, refused: 0 };
    fc.assert(
      fc.property(boxed, ({ value }) => {
        const written = attempt(value);
        if ('error' in written) {
          seen.refused++;
          expect(written.error).toBeInstanceOf(UnserializableValueError);
          expect((written.error as Error).message).toMatch(PLACE);
          return;
        }
        seen.back++;
        const back = codec.decode(written.payload);
        expect(difference(value, back)).toBeUndefined();
      }),
      { numRuns: 4_000 },
    );
    expect(Math.min(seen.back, seen.refused)).toBeGreaterThan(500);
  });

  it.each(['refused', 'kept'])('has values that are %s among those with one property more', (fate) => {
    const fates = fc.sample(decorated, 500).map((value) => ('error' in attempt(value) ? 'refused' : 'kept'));
    expect(fates.filter((one) => one === fate).length).toBeGreaterThan(20);
  });
});

describe('a toJSON on the prototype of a built-in type', () => {
  const prototypes: Record<string, object> = {
    Object: Object.prototype,
    Array: Array.prototype,
    String: String.prototype,
    Number: Number.prototype,
    Boolean: Boolean.prototype,
    BigInt: BigInt.prototype,
    Date: Date.prototype,
    Map: Map.prototype,
    Set: Set.prototype,
    RegExp: RegExp.prototype,
    URL: URL.prototype,
    Uint8Array: Uint8Array.prototype,
    Buffer: Buffer.prototype,
    Function: Function.prototype,
  };

  it.each(Object.entries(prototypes))('(%s) changes nothing', (_, prototype) => {
    const before = Object.getOwnPropertyDescriptor(prototype, 'toJSON');
    const failures: string[] = [];
    for (const value of fc.sample(valueOf(leaf), 300)) {
      const was = codec.encode(value);
      Object.defineProperty(prototype, 'toJSON', { value: () => 'changed', configurable: true, writable: true });
      const written = attempt(value);
      if (before === undefined) Reflect.deleteProperty(prototype, 'toJSON');
      else Object.defineProperty(prototype, 'toJSON', before);
      if (!('payload' in written) || written.payload !== was) failures.push(shown(value));
    }
    expect(failures).toStrictEqual([]);
  });

  it('of another realm changes nothing either', () => {
    const list = Object.setPrototypeOf(ownProperties([]), null) as Record<string, unknown>;
    list['rows'] = Object.defineProperty([1, 2], 'toJSON', { value: () => 'changed' });
    expect(codec.decode(codec.encode(list))).toEqual({ rows: [1, 2] });
  });
});
