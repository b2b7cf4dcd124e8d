import { runInNewContext } from 'node:vm';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ClassRegistry } from '../../../lib/codec/class-registry.js';
import { TaggedJsonCodec } from '../../../lib/codec/tagged-json-codec.js';
import { CorruptEntryError, OtherShapeError, UnserializableValueError } from '../../../lib/core/errors.js';

type ViewConstructor = new (buffer: ArrayBuffer, offset?: number, length?: number) => unknown;

class Money {
  constructor(
    readonly amount: bigint,
    readonly currency: string,
  ) {}

  get text(): string {
    return `${this.amount} ${this.currency}`;
  }
}

class Foo {}

const codec = new TaggedJsonCodec();

function roundTrip(value: unknown, by = codec): unknown {
  return by.decode(by.encode(value));
}

function hollow(length: number, items: Record<number, unknown>): unknown[] {
  const list: unknown[] = [];
  list.length = length;
  return Object.assign(list, items);
}

describe('what is written', () => {
  const written: [unknown, string][] = [
    [{ id: 1, tags: ['a', null, false] }, '{"json":{"id":1,"tags":["a",null,false]}}'],
    [null, '{"json":null}'],
    ['', '{"json":""}'],
    [0, '{"json":0}'],
    [undefined, '{"tagged":{"$undefined":true}}'],
    [{ at: new Date(0) }, '{"tagged":{"at":{"$Date":"1970-01-01T00:00:00.000Z"}}}'],
    [[12n, -0, NaN], '{"tagged":[{"$bigint":"12"},{"$number":"-0"},{"$number":"NaN"}]}'],
    [Buffer.from('hi'), '{"tagged":{"$Buffer":"aGk="}}'],
    [new Map([['a', 1]]), '{"tagged":{"$Map":[["a",1]]}}'],
    [{ $Date: 'x' }, '{"tagged":{"$$Date":"x"}}'],
    [{ $Date: 'x', more: 1 }, '{"json":{"$Date":"x","more":1}}'],
    [hollow(3, { 1: 'b' }), '{"tagged":{"$SparseArray":[3,[1,"b"]]}}'],
  ];

  it.each(written.map(([value, payload]) => ({ value, payload })))('is $payload', ({ value, payload }) => {
    expect(codec.encode(value)).toBe(payload);
    expect(codec.decode(payload)).toStrictEqual(value);
  });

  it('is valid JSON, tags or not', () => {
    expect(JSON.parse(codec.encode({ at: new Date(0), 'it"s': '\ud800' }))).toBeTypeOf('object');
  });
});

describe('what comes back', () => {
  it.each<[string, unknown]>([
    ['infinities', [Infinity, -Infinity]],
    ['undefined in an object and in a list', { a: undefined, b: [undefined, 1] }],
    ['an invalid date', new Date(NaN)],
    ['a date before the common era', new Date(-1e14)],
    ['bigints beyond 64 bits', [2n ** 200n, -(2n ** 64n)]],
    [
      'nested maps and sets',
      new Map<unknown, unknown>([[{ a: new Date(1) }, new Set([1n, new Map([[undefined, NaN]])])]]),
    ],
    ['a regular expression', { pattern: /a"\/b/giu }],
    ['an ArrayBuffer and a DataView', [new Uint8Array([1, 2]).buffer, new DataView(new Uint8Array([3, 4]).buffer)]],
    ['an empty list with a length', hollow(4, {})],
    ['a list with holes and tags', hollow(5, { 0: undefined, 3: new Date(3) })],
    ['lone surrogates and separators', ['\ud800', '\udfff', '\u2028', '\u0000']],
    [
      'text that looks like a date, a number or a tag',
      ['2024-01-01T00:00:00.000Z', 'NaN', '$Date', '{"$Date":"x"}', '1n'],
    ],
    [
      'objects that look like tags',
      [
        { $Date: 1 },
        { $$Date: 1 },
        { $: 1 },
        { $class: ['Money', {}] },
        { $undefined: true },
        { $x: { $y: new Date(1) } },
      ],
    ],
  ])('%s', (_, value) => {
    expect(roundTrip(value)).toStrictEqual(value);
  });

  const views = [
    'Int8Array',
    'Uint8Array',
    'Uint8ClampedArray',
    'Int16Array',
    'Uint16Array',
    'Int32Array',
    'Uint32Array',
    'Float32Array',
    'Float64Array',
    'BigInt64Array',
    'BigUint64Array',
  ];

  it.each(views)('%s', (name) => {
    const View = (globalThis as unknown as Record<string, ViewConstructor>)[name] as ViewConstructor;
    const memory = Uint8Array.from({ length: 32 }, (_, index) => index * 7).buffer;
    expect(roundTrip(new View(memory, 8, 1))).toStrictEqual(new View(memory.slice(8), 0, 1));
    expect(roundTrip(new View(new ArrayBuffer(0)))).toStrictEqual(new View(new ArrayBuffer(0)));
  });

  it('a Buffer as a Buffer, a Uint8Array as a Uint8Array', () => {
    expect(Buffer.isBuffer(roundTrip(Buffer.from('ü')))).toBe(true);
    expect(Buffer.isBuffer(roundTrip(new Uint8Array([1])))).toBe(false);
  });

  it('a URL', () => {
    const back = roundTrip({ url: new URL('https://a.example/?q=ü') }) as { url: URL };
    expect(back.url).toBeInstanceOf(URL);
    expect(back.url.href).toBe('https://a.example/?q=%C3%BC');
  });

  it('the place a regular expression stands at', () => {
    const pattern = /a/g;
    pattern.lastIndex = 3;
    expect((roundTrip(pattern) as RegExp).lastIndex).toBe(3);
  });

  it('the same object twice, as two copies', () => {
    const shared = { at: new Date(1) };
    const [first, second] = roundTrip([shared, shared]) as object[];
    expect(first).toStrictEqual(second);
    expect(first).not.toBe(second);
  });

  it('values of another realm, as test runners hand them out', () => {
    const value: unknown = runInNewContext('({ at: new Date(5), list: [new Set([1])], bytes: new Uint8Array([1]) })');
    expect(roundTrip(value)).toStrictEqual({ at: new Date(5), list: [new Set([1])], bytes: new Uint8Array([1]) });
  });

  it('leaves the value it was given as it was', () => {
    const value = { list: [new Date(1), { n: 1n }], $x: 1 };
    const before = structuredClone(value);
    codec.encode(value);
    expect(value).toStrictEqual(before);
  });

  it('data named like the machinery, with and without tags beside it, and pollutes nothing', () => {
    const text =
      '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}},"prototype":1,"toJSON":"x","hasOwnProperty":2}';
    for (const extra of [{}, { at: new Date(1) }]) {
      const value: unknown = Object.assign(JSON.parse(text) as object, extra);
      const back = roundTrip(value) as object;
      expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
      expect(Object.getOwnPropertyDescriptor(back, '__proto__')?.value).toStrictEqual({ admin: true });
      expect(Object.keys(back)).toStrictEqual(Object.keys(value as object));
      expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
    }
    expect(roundTrip(JSON.parse('{"$__proto__":1}'))).toStrictEqual({ $__proto__: 1 });
    expect(roundTrip(JSON.parse('{"__proto__":{"$Date":1}}'))).toStrictEqual(JSON.parse('{"__proto__":{"$Date":1}}'));
  });

  it('data, not what a hidden toJSON would make of it', () => {
    const value = Object.defineProperty({ a: 1 }, 'toJSON', { value: () => 'other' });
    expect(codec.encode(value)).toBe('{"json":{"a":1}}');
  });
});

describe('what is refused', () => {
  const circular: Record<string, unknown> = { items: [] };
  circular['items'] = [1, { parent: circular }];
  const deep = JSON.parse('['.repeat(501) + ']'.repeat(501)) as unknown;

  it.each<[string, unknown, string]>([
    [
      'an instance of an unknown class',
      { items: [0, 1, 2, { owner: new Foo() }] },
      'value.items[3].owner is a Foo and cannot be cached',
    ],
    [
      'an instance at the root',
      new Foo(),
      'value is a Foo and cannot be cached. Cache a plain object instead, or, if its own properties are all it has, register its class: classes: [Foo].',
    ],
    ['an instance behind what was looked at before', { a: { b: 1 }, c: new Foo() }, 'value.c is a Foo'],
    ['a function', { 'on change': () => 1 }, 'value["on change"] is a function and cannot be cached. Leave it out'],
    ['a class', [Foo], 'value[0] is the class Foo'],
    ['a toJSON function', { toJSON: () => 1 }, 'value.toJSON is a function'],
    ['a symbol', [Symbol('s')], 'value[0] is a symbol and cannot be cached. Use a text'],
    ['a property named by a symbol', { a: { [Symbol('s')]: 1 } }, 'value.a[Symbol(s)] is a symbol'],
    ['a promise', { owner: Promise.resolve(1) }, 'value.owner is a Promise and cannot be cached. Await it'],
    ['a stream', Readable.from([]), 'value is a Readable and cannot be cached. Read the stream to its end'],
    ['a WeakMap', [new WeakMap()], 'value[0] is a WeakMap and cannot be cached. Its content cannot be listed'],
    ['an error', new Error('x'), 'value is an Error'],
    ['a boxed number', Object(1), 'value is a Number'],
    ['a subclass of a built-in type', new (class Stamp extends Date {})(), 'value is a Stamp'],
    ['a subclass of Array', new (class Rows extends Array {})(), 'value is a Rows'],
    ['shared memory', new Uint8Array(new SharedArrayBuffer(1)), 'value is a Uint8Array'],
    [
      'a list with a named property',
      { rows: Object.assign([1], { total: 1 }) },
      'value.rows is an Array and cannot be cached. It has a property "total"',
    ],
    [
      'something circular',
      { a: circular },
      'value.a.items[1].parent is an Object and cannot be cached. It contains itself (it is also value.a)',
    ],
    ['something too deep', deep, 'It is nested deeper than 500 levels'],
    [
      'an instance inside a map',
      new Map([
        ['a', 1],
        ['b', new Foo()],
      ] as [string, unknown][]),
      'value<entry 1> is a Foo',
    ],
    ['an instance inside a set', { s: new Set([new Foo()]) }, 'value.s<entry 0> is a Foo'],
    ['an instance inside a list with holes', hollow(4, { 2: new Foo() }), 'value[2] is a Foo'],
  ])('%s', (_, value, message) => {
    expect(() => codec.encode(value)).toThrow(UnserializableValueError);
    expect(() => codec.encode(value)).toThrow(message);
  });

  it('a getter that fails, with its error as the cause', () => {
    const cause = new Error('no connection');
    const value = {
      get rows(): never {
        throw cause;
      },
    };
    expect(() => codec.encode(value)).toThrow(expect.objectContaining({ name: 'UnserializableValueError', cause }));
  });

  it('takes exactly 500 levels', () => {
    expect(codec.encode((deep as unknown[])[0])).toMatch(/^\{"json":\[\[/);
  });
});

describe('instances of registered classes', () => {
  const classes = new ClassRegistry().register(Money);
  const withMoney = new TaggedJsonCodec(classes);

  it('come back as instances, wherever they are', () => {
    const value = {
      price: new Money(3n, 'EUR'),
      all: [new Money(1n, 'CHF')],
      by: new Map([['x', new Money(2n, 'USD')]]),
    };
    const back = roundTrip(value, withMoney) as typeof value;
    expect(back).toStrictEqual(value);
    expect(back.price).toBeInstanceOf(Money);
    expect(back.price.text).toBe('3 EUR');
  });

  it('are written by name', () => {
    expect(withMoney.encode(new Money(3n, 'EUR'))).toBe(
      '{"tagged":{"$class":["Money",{"amount":{"$bigint":"3"},"currency":"EUR"}]}}',
    );
  });

  it('are made without a constructor, a setter or a method of the class', () => {
    const ran: string[] = [];
    class Guarded {
      [key: string]: unknown;
      constructor() {
        ran.push('constructor');
      }
      set name(value: string) {
        ran.push(`set ${value}`);
      }
      toJSON(): unknown {
        ran.push('toJSON');
        return {};
      }
      load(): void {
        ran.push('load');
      }
    }
    const value = Object.create(Guarded.prototype, {
      name: { value: 'n', enumerable: true },
      load: { value: 'own', enumerable: true },
      ['__proto__']: { value: { x: 1 }, enumerable: true },
      hidden: { get: () => ran.push('get hidden'), enumerable: false },
    }) as Guarded;
    const back = roundTrip(value, new TaggedJsonCodec(new ClassRegistry().register(Guarded))) as Guarded;
    expect(ran).toStrictEqual([]);
    expect(back).toBeInstanceOf(Guarded);
    expect(Object.getOwnPropertyDescriptor(back, 'name')).toStrictEqual({
      value: 'n',
      enumerable: true,
      writable: true,
      configurable: true,
    });
    expect(back['load']).toBe('own');
    expect(Object.keys(back)).toStrictEqual(['name', 'load', '__proto__']);
  });

  it('need their own class registered, not only the one it extends', () => {
    class Discount extends Money {}
    expect(() => withMoney.encode(new Discount(1n, 'EUR'))).toThrow('value is a Discount');
  });

  it('of a class that is not known here are of another shape, and the message says which', () => {
    const payload = withMoney.encode({ price: new Money(3n, 'EUR') });
    expect(() => codec.decode(payload)).toThrow(OtherShapeError);
    expect(() => codec.decode(payload)).toThrow(/"Money".*classes: \[Money\]/);
  });

  it.each(['constructor', '__proto__', 'Money#', '#', '', '#constructor', 'x'.repeat(10_000)])(
    'written as "%.20s" are of another shape',
    (name) => {
      const refusal = (): unknown => withMoney.decode(JSON.stringify({ tagged: { $class: [name, {}] } }));
      expect(refusal).toThrow(OtherShapeError);
      expect(refusal).toThrow(/^.{0,500}$/);
    },
  );

  it('with something beside name and properties are corrupt', () => {
    expect(() => withMoney.decode('{"tagged":{"$class":["Money",{},1]}}')).toThrow(CorruptEntryError);
  });

  it('leave out a lazy relation that is being loaded, and never touch its getter', () => {
    class Order {
      id = 1;
    }
    const order = new Order();
    Object.defineProperty(order, 'owner', {
      get: () => {
        throw new Error('triggered');
      },
      enumerable: false,
    });
    Object.assign(order, { __promise_owner__: Promise.resolve(1), __lines__: [{ id: 2 }], __has_lines__: true });
    const back = roundTrip(order, new TaggedJsonCodec(new ClassRegistry().register(Order)));
    expect({ ...(back as object) }).toStrictEqual({ id: 1, __lines__: [{ id: 2 }], __has_lines__: true });
  });
});

describe('what was not written here', () => {
  it.each([
    '',
    '{',
    'null',
    '1',
    '{"a":1}',
    '[]',
    '"json"',
    '{"json":',
    '{"json":1',
    '{"json":1}}',
    '{"json":1,"more":2}',
    '{"tagged":1,"json":2}',
    ' {"json":1}',
    '\ufeff{"json":1}',
    '{"tagged":{"$Nothing":1}}',
    '{"tagged":{"$toString":1}}',
    '{"tagged":{"$__proto__":1}}',
    '{"tagged":{"$Date":"x"}}',
    '{"tagged":{"$Date":5}}',
    '{"tagged":{"$bigint":"1.5"}}',
    '{"tagged":{"$bigint":""}}',
    '{"tagged":{"$bigint":1}}',
    '{"tagged":{"$number":"toString"}}',
    '{"tagged":{"$number":1}}',
    '{"tagged":{"$Map":1}}',
    '{"tagged":{"$Map":[1]}}',
    '{"tagged":{"$Map":[[1]]}}',
    '{"tagged":{"$Map":[[1,2,3]]}}',
    '{"tagged":{"$Set":{}}}',
    '{"tagged":{"$RegExp":["(","",0]}}',
    '{"tagged":{"$RegExp":["a","zz",0]}}',
    '{"tagged":{"$RegExp":["a"]}}',
    '{"tagged":{"$URL":"no url"}}',
    '{"tagged":{"$URL":1}}',
    '{"tagged":{"$Buffer":"aGk"}}',
    '{"tagged":{"$Buffer":"a*k="}}',
    '{"tagged":{"$Buffer":1}}',
    '{"tagged":{"$Float64Array":"aGk="}}',
    '{"tagged":{"$ArrayBuffer":[]}}',
    '{"tagged":{"$SparseArray":[-1]}}',
    '{"tagged":{"$SparseArray":[1e99]}}',
    '{"tagged":{"$SparseArray":[1,[1,2]]}}',
    '{"tagged":{"$SparseArray":[1,["length",2]]}}',
    '{"tagged":{"$SparseArray":{}}}',
    '{"tagged":{"$class":"Foo"}}',
    '{"tagged":{"$class":["Foo"]}}',
    '{"tagged":{"$class":["Foo",[]]}}',
    '{"tagged":{"$class":[1,{}]}}',
    `{"tagged":${'['.repeat(200_000)}${']'.repeat(200_000)}}`,
  ])('%.60s', (payload) => {
    expect(() => codec.decode(payload)).toThrow(CorruptEntryError);
  });
});
