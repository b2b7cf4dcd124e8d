import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { ClassRegistry, type ClassReference } from '../../../lib/codec/class-registry.js';
import { EntityCatalog } from '../../../lib/codec/entity-metadata.js';
import { TaggedJsonCodec } from '../../../lib/codec/tagged-json-codec.js';
import { UnserializableValueError } from '../../../lib/core/errors.js';

interface DecimalLike {
  readonly constructor: unknown;
  toString(): string;
}
type DecimalClass = ClassReference & { new (text: string): DecimalLike; clone(): DecimalClass };

/**
 * As decimal.js 10 makes its classes: by functions, all of which share one prototype; an instance has its own class as a property.
 *
 * @param onPrototype what its two builds differ in
 */
function decimalJs(onPrototype: boolean): DecimalClass {
  const P = {
    toString(this: { s: number; e: number; d: number[] }): string {
      return `${this.s < 0 ? '-' : ''}${this.d.join('')}e${this.e}`;
    },
  };
  Object.assign(P, { [Symbol.for('nodejs.util.inspect.custom')]: P.toString, [Symbol.toStringTag]: 'Decimal' });
  function clone(): DecimalClass {
    function Decimal(this: Record<string, unknown>, text: string): void {
      this['constructor'] = Decimal;
      this['s'] = text === 'NaN' ? NaN : text.startsWith('-') ? -1 : 1;
      this['e'] = /^-?\d/.test(text) ? text.replace('-', '').indexOf('.') - 1 : NaN;
      this['d'] = /^-?\d/.test(text) ? text.replace('-', '').split('.').map(Number) : null;
    }
    Decimal.prototype = P;
    Decimal.clone = clone;
    return Decimal as unknown as DecimalClass;
  }
  const Decimal = clone();
  if (onPrototype) Object.assign(P, { constructor: Decimal });
  return Decimal;
}

/** As big.js 6: the same with other names, and a last property. */
function bigJs(): DecimalClass {
  const P = {
    toString(this: { s: number; e: number; c: number[] }): string {
      return `${this.s < 0 ? '-' : ''}${this.c.join('')}e${this.e}`;
    },
  };
  function clone(): DecimalClass {
    function Big(this: Record<string, unknown>, text: string): void {
      this['s'] = text.startsWith('-') ? -1 : 1;
      this['e'] = text.replace('-', '').indexOf('.') - 1;
      this['c'] = Array.from(text.replace(/[-.]/g, ''), Number);
      this['constructor'] = Big;
    }
    Big.prototype = P;
    Big.clone = clone;
    return Big as unknown as DecimalClass;
  }
  return clone();
}

const PACKAGES: [string, DecimalClass, readonly string[]][] = [
  ['decimal.js', decimalJs(true), ['1.10', '-123.45', 'NaN', 'Infinity']],
  ['decimal.js, with no class on its prototype', decimalJs(false), ['1.10', '-123.45', 'NaN', 'Infinity']],
  ['big.js', bigJs(), ['1.10', '-123.45']],
];

describe.each(PACKAGES)('a number of %s', (_, Class, texts) => {
  const codec = new TaggedJsonCodec(new ClassRegistry().register(Class));

  it.each(texts)('comes back as it was: %s', (text) => {
    const value = { prices: [new Class(text)] };
    const back = codec.decode(codec.encode(value)) as typeof value;
    const [price] = back.prices;
    expect(price).toBeInstanceOf(Class);
    expect(price?.constructor).toBe(Class);
    expect(Object.keys(price as object)).toStrictEqual(Object.keys(new Class(text)));
    expect(isDeepStrictEqual(back, value)).toBe(true);
  });

  it('of a clone with other settings is refused, for it would come back with those of the first', () => {
    const Clone = Class.clone();
    const write = (): unknown => codec.encode({ price: new Clone('1.10') });
    expect(write).toThrow(UnserializableValueError);
    expect(write).toThrow(/^value\.price\.constructor is a function .* It is not the (Decimal|Big) that is registered/);
    const its = new TaggedJsonCodec(new ClassRegistry().register(Clone));
    expect((its.decode(its.encode(new Clone('1.10'))) as DecimalLike).constructor).toBe(Clone);
  });

  it('is advised to be registered, where it is not', () => {
    expect(() => new TaggedJsonCodec().encode([new Class('1.10')])).toThrow(`classes: [${Class.name}]`);
  });
});

describe('a property `constructor` that is data', () => {
  class Building {
    constructor(readonly by: string) {}
  }
  const codec = new TaggedJsonCodec(new ClassRegistry().register(Building));

  it.each([
    { constructor: 'Bauhaus' },
    { constructor: undefined },
    { constructor: { $constructor: true } },
    { constructor: { name: 'x' } },
  ])('comes back as data: %j', (more) => {
    const back = codec.decode(codec.encode([Object.assign(new Building('x'), more), more]));
    expect(isDeepStrictEqual(back, [Object.assign(new Building('x'), more), more])).toBe(true);
  });

  it('of a plain object may be no class', () => {
    expect(() => codec.encode({ constructor: Building })).toThrow('value.constructor is the class Building');
  });
});

describe("PostgreSQL's interval", () => {
  const interval = (text: string): object =>
    (pg.types.getTypeParser(pg.types.builtins.INTERVAL) as (text: string) => object)(text);
  const open = (driver: object): TaggedJsonCodec => {
    const classes = new ClassRegistry();
    const catalog = new EntityCatalog().add({ entityMetadatas: [], driver });
    catalog.registerClasses(classes);
    catalog.registerClasses(classes);
    return new TaggedJsonCodec(classes);
  };

  it.each(['1 year 2 mons 3 days 04:05:06.789', '-1 days -00:00:01', '00:00:00', '1 mon'])(
    'is cached where the data source is PostgreSQL: %s',
    (text) => {
      const codec = open({ postgres: pg });
      const value = { lasts: interval(text) };
      const back = open({ postgres: pg }).decode(codec.encode(value)) as { lasts: { toPostgres(): string } };
      expect(back).toStrictEqual(value);
      expect(back.lasts.toPostgres()).toBe((value.lasts as typeof back.lasts).toPostgres());
    },
  );

  it.each<[string, object]>([
    ['another driver', {}],
    ['a driver without types', { postgres: {} }],
    ['a parser that throws', { postgres: { types: { getTypeParser: () => () => expect.unreachable() } } }],
    ['a parser of the application', { postgres: { types: { getTypeParser: () => (text: string) => ({ text }) } } }],
    ['a parser of the application that gives texts', { postgres: { types: { getTypeParser: () => String } } }],
  ])('is an unknown class with %s', (_, driver) => {
    expect(() => open(driver).encode({ lasts: interval('1 day') })).toThrow(
      /^value\.lasts is a PostgresInterval .*classes: \[PostgresInterval\]/,
    );
  });

  it('gives way to a class of the application that has its name', () => {
    class PostgresInterval {
      readonly days = 1;
    }
    const classes = new ClassRegistry().register(PostgresInterval);
    new EntityCatalog().add({ entityMetadatas: [], driver: { postgres: pg } }).registerClasses(classes);
    expect(classes.stored('PostgresInterval')?.target).toBe(PostgresInterval);
  });
});
