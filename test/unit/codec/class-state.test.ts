import { Script } from 'node:vm';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { ClassRegistry, type ClassReference } from '../../../lib/codec/class-registry.js';
import { TaggedJsonCodec } from '../../../lib/codec/tagged-json-codec.js';
import { InvalidOptionsError, OtherShapeError, UnserializableValueError } from '../../../lib/core/errors.js';

/** The class that a program ends with, as it runs: the tests' own compiler may rewrite what is written here. */
function run(program: string): ClassReference {
  return new Script(`{ ${program} }`).runInThisContext() as ClassReference;
}

const WITH_PRIVATE_MEMBERS: Record<string, string> = {
  'a field': '(class Money { #cents = 5; get cents() { return this.#cents; } })',
  'a field that only its constructor sets': '(class Money { #cents; constructor(cents) { this.#cents = cents; } })',
  'a method': '(class Money { #round() { return 5; } get cents() { return this.#round(); } })',
  'a getter and a setter': '(class Money { get #a() { return 5; } set #a(v) {} get cents() { return this.#a; } })',
  'an asynchronous generator': '(class Money { async *#each() {} all() { return this.#each(); } })',
  'a name of other letters': '(class Money { #größe$ = 5; get cents() { return this.#größe$; } })',
  'a brand': '(class Money { #is; static is(x) { return #is in x; } })',
  'a class that it extends':
    'class Base { #cents = 5; get cents() { return this.#cents; } } (class Money extends Base {})',
  'a class that a function makes it extend':
    'const with_ = (Base) => class extends Base { #at = 5; get at() { return this.#at; } }; class Root {} (class Money extends with_(Root) {})',
  'a static one of another name beside it':
    '(class Money { static #made = 0; #cents = 5; get cents() { return this.#cents; } })',
  'text that looks like comments and strings around it':
    '(class Money { static a = /["\'`]/; static b = `//${"`"}`; #cents = 5; /* } */ get cents() { return this.#cents; } // }\n})',
};

const WITHOUT: Record<string, string> = {
  'no # at all': '(class Money { cents = 5; })',
  'a # in a string, a comment and a pattern':
    '(class Money { color = "#fff"; /* #cents, this.#cents */ at = /#cents/; t = `#cents`; // #cents\n})',
  'a static field': '(class Money { static #made = 0; static count() { return Money.#made++; } })',
  'static methods':
    '(class Money { static #a() {} static get #b() { return 1; } static async *#c() {} static x() { return Money.#a(); } })',
  'a class inside a method that has one':
    '(class Money { a() { return new (class { #inner = 1; get x() { return this.#inner; } })().x; } })',
  'a function': '(function Money() { this.cents = "#cents"; })',
};

/** Compilers for engines without private members. */
const compiled: Record<string, string> = {
  TypeScript: ts.transpile('(class Money { #cents = 5; get cents() { return this.#cents; } })', {
    target: ts.ScriptTarget.ES2021,
  }),
  'TypeScript, a method': ts.transpile(
    '(class Money { #round() { return 5; } get cents() { return this.#round(); } })',
    {
      target: ts.ScriptTarget.ES2021,
    },
  ),
  'TypeScript, an accessor': ts.transpile('(class Money { accessor cents = 5; })', { target: ts.ScriptTarget.ES2021 }),
  Babel:
    'function _classPrivateFieldInitSpec(e, t, a) { t.set(e, a); } var _cents = new WeakMap(); (class Money { constructor() { _classPrivateFieldInitSpec(this, _cents, 5); } })',
  'Babel, to functions':
    'var _cents = new WeakMap(), _classPrivateFieldInitSpec2 = { default(e, t, a) { t.set(e, a); } }; (function Money() { (0, _classPrivateFieldInitSpec2.default)(this, _cents, 5); })',
  SWC: 'function _class_private_method_init(o, s) { s.add(o); } var _round = new WeakSet(); (class Money { constructor() { _class_private_method_init(this, _round); } })',
  esbuild:
    'var _cents = new WeakMap(), __privateAdd = (o, m, v) => m.set(o, v); (class Money { constructor() { __privateAdd(this, _cents, 5); } })',
};

describe('a class with #private members', () => {
  it.each(Object.entries({ ...WITH_PRIVATE_MEMBERS, ...compiled }))('(%s) cannot be registered', (_, program) => {
    const Money = run(program);
    expect(() => new ClassRegistry().register(Money)).toThrow(InvalidOptionsError);
    expect(() => new ClassRegistry().register(Money)).toThrow(
      /^Expected a class .* but Money has (#\S+|a #private member), which/,
    );
  });

  it.each(Object.entries(WITHOUT))('is not one with %s', (_, program) => {
    const Money = run(program);
    expect(new ClassRegistry().register(Money).stored('Money')?.prototype).toBe(Money.prototype);
  });

  it.each([
    ['TypeScript', '(class Money { static #made = 5; static get made() { return Money.#made; } })'],
    ['TypeScript', '(class Money { private cents = 5; })'],
  ])('is not one that %s has compiled from %s', (_, program) => {
    const target = { target: ts.ScriptTarget.ES2021 };
    expect(() => new ClassRegistry().register(run(ts.transpile(program, target)))).not.toThrow();
  });

  it.each(Object.entries(WITH_PRIVATE_MEMBERS))(
    '(%s) that is an entity is refused when it is written',
    (_, program) => {
      const Money = run(program) as ClassReference & (new () => object);
      const codec = new TaggedJsonCodec(new ClassRegistry().admit(Money));
      const write = (): unknown => codec.encode({ rows: [new Money()] });
      expect(write).toThrow(UnserializableValueError);
      expect(write).toThrow(/^value\.rows\[0\] is a Money and cannot be cached\. It has #\S+, which nobody can read/);
    },
  );

  it('is told where it is not registered at all, instead of the advice to register it', () => {
    const Money = run('(class Money { #cents = 5; })') as ClassReference & (new () => object);
    expect(() => new TaggedJsonCodec().encode([new Money()])).toThrow(/^value\[0\] is a Money .* It has #cents/);
  });

  it('in this release only: what an older one wrote is of another shape', () => {
    const [before, now] = ['(class Money { cents = 5; })', '(class Money { #cents = 5; })'].map(run) as [
      ClassReference & (new () => object),
      ClassReference,
    ];
    const payload = new TaggedJsonCodec(new ClassRegistry().admit(before)).encode(new before());
    const read = (): unknown => new TaggedJsonCodec(new ClassRegistry().admit(now)).decode(payload);
    expect(read).toThrow(OtherShapeError);
    expect(read).toThrow(/"Money", which has #cents here/);
  });
});

describe('a class of the platform', () => {
  const globals: (readonly [string, ClassReference])[] = Object.entries(
    Object.getOwnPropertyDescriptors(globalThis),
  ).flatMap(([name, { enumerable }]) => {
    const value = (globalThis as Record<string, unknown>)[name];
    const isClass = typeof value === 'function' && typeof value.prototype === 'object' && /^[A-Z]/.test(name);
    return isClass && enumerable === false ? [[name, value] as const] : [];
  });

  it('is each that there is', () => {
    expect(globals.map(([name]) => name)).toEqual(
      expect.arrayContaining(['Map', 'URLSearchParams', 'Headers', 'Blob', 'Response', 'FormData', 'AbortController']),
    );
  });

  it.each(globals)('(%s) cannot be registered, nor one that extends it', (name, builtIn) => {
    expect(() => new ClassRegistry().register(builtIn)).toThrow(InvalidOptionsError);
    if (name === 'Object') return;
    class Own {}
    Object.setPrototypeOf(Own.prototype, builtIn.prototype);
    expect(() => new ClassRegistry().register(Own)).toThrow(/The class Own is or extends \w+/);
  });

  it.each([new URLSearchParams('a=b'), new Headers({ a: 'b' }), new Blob(['a']), new AbortController()])(
    'is named by its instance, and not advised to be registered (%s)',
    (value) => {
      const write = (): unknown => new TaggedJsonCodec().encode({ of: [value] });
      expect(write).toThrow(`value.of[0] is a`);
      expect(write).toThrow(`${value.constructor.name} and cannot be cached. Its content is not in its properties`);
      expect(write).not.toThrow('register');
    },
  );

  it('is not a global of the application', () => {
    class AppWide {
      readonly id = 1;
    }
    Object.assign(globalThis, { AppWide });
    expect(() => new ClassRegistry().register(AppWide)).not.toThrow();
    Reflect.deleteProperty(globalThis, 'AppWide');
  });
});
