import { runInNewContext } from 'node:vm';

import { describe, expect, it } from 'vitest';

import { versionOf, type VersionReading, type VersionSource } from '../../../lib/codec/entity-version.js';
import type { EntityMetadata } from '../../../lib/codec/entity-metadata.js';
import { MAX_VERSION_ORDER } from '../../../lib/core/version.js';

class Product {
  constructor(
    readonly version?: unknown,
    readonly updatedAt?: unknown,
  ) {}
}
class Book extends Product {}

const both: EntityMetadata = {
  name: 'Product',
  target: Product,
  versionPath: ['version'],
  updateDatePath: ['updatedAt'],
  embeddedClasses: [],
};
const dated: EntityMetadata = { name: 'Product', target: Product, updateDatePath: ['updatedAt'], embeddedClasses: [] };
const at = new Date('2024-01-31T12:00:00.123Z');

function version(kind: string, order: bigint): VersionReading {
  return { version: { kind, order } };
}

describe('versionOf, best source first', () => {
  it.each<[string, unknown, VersionSource, VersionReading]>([
    ['the version column', new Product(3, at), { entity: both, extractor: () => 9 }, version('version', 3n)],
    ['a version column of zero', new Product(0, at), { entity: both }, version('version', 0n)],
    [
      'a bigint version column, as drivers give it',
      new Product('9223372036854775807', at),
      { entity: both },
      version('version', MAX_VERSION_ORDER),
    ],
    [
      'the update date, when the version was not selected',
      new Product(undefined, at),
      { entity: both },
      version('updated-at', 1706702400123n),
    ],
    [
      'the update date',
      new Product(3, at),
      { entity: dated, extractor: () => 9 },
      version('updated-at', 1706702400123n),
    ],
    [
      'a date of another realm',
      new Product(null, runInNewContext('new Date(5)')),
      { entity: both },
      version('updated-at', 5n),
    ],
    [
      'the extractor, when no column is there',
      new Product(undefined, null),
      { entity: both, extractor: () => 9n },
      version('extracted', 9n),
    ],
    [
      'the extractor, without an entity',
      { rev: 4 },
      { extractor: (value: { rev: number }) => value.rev },
      version('extracted', 4n),
    ],
    ['a date from the extractor', {}, { extractor: () => at }, version('extracted', 1706702400123n)],
    ['an instance of a subclass', new Book(3), { entity: both }, version('version', 3n)],
    [
      'a column of an embedded object',
      Object.assign(new Product(), { audit: { at } }),
      { entity: { ...dated, updateDatePath: ['audit', 'at'] } },
      version('updated-at', 1706702400123n),
    ],
    [
      'no embedded object',
      Object.assign(new Product(), { audit: null }),
      { entity: { ...dated, updateDatePath: ['audit', 'at'] } },
      {},
    ],
    ['a plain object, whose version may mean anything', { version: 3 }, { entity: both }, {}],
    ['no source', new Product(3), {}, {}],
    ['an extractor that knows none', {}, { extractor: () => undefined }, {}],
    ['a list', [new Product(3, at)], { entity: both, extractor: () => 9 }, {}],
    ['null', null, { entity: both, extractor: () => 9 }, {}],
    ['undefined', undefined, { entity: both, extractor: () => 9 }, {}],
  ])('%s', (_, value, source, expected) => {
    expect(versionOf(value, source)).toStrictEqual(expected);
  });
});

describe('versionOf, a stamp that is none', () => {
  it.each<[string, unknown, VersionSource, RegExp]>([
    ['a fraction', new Product(1.5), { entity: both }, /@VersionColumn of Product gave the number 1\.5, but/],
    [
      'a number that has lost digits',
      new Product(2 ** 60),
      { entity: both },
      /the number 1152921504606847000 \(beyond 2\^53, where digits are lost/,
    ],
    [
      'a negative number',
      new Product(-1),
      { entity: both },
      /gave -1, but a version is a whole number or a date from 0/,
    ],
    ['more than 2^63-1', {}, { extractor: () => 2n ** 63n }, /extractor gave 9223372036854775808/],
    ['NaN', {}, { extractor: () => NaN }, /the number NaN/],
    [
      'an invalid date',
      new Product(undefined, new Date(NaN)),
      { entity: both },
      /@UpdateDateColumn of Product gave an invalid Date/,
    ],
    ['a date before 1970', new Product(undefined, new Date(-1)), { entity: both }, /gave -1/],
    [
      'a text for a date',
      new Product(undefined, '2024-01-01 00:00:00'),
      { entity: both },
      /the text "2024-01-01 00:00:00"/,
    ],
    ['an object', {}, { extractor: () => ({}) as Date }, /a value of type object/],
    ['null from the extractor', {}, { extractor: () => null as never }, /a value of type null/],
    [
      'an extractor that throws',
      {},
      {
        extractor: () => {
          throw new Error('no rev');
        },
      },
      /extractor failed \(no rev\)/,
    ],
    [
      'a column that throws',
      Object.defineProperty(new Product(), 'version', {
        get: () => {
          throw new Error('lazy');
        },
      }),
      { entity: both },
      /Reading the version of Product failed \(lazy\)/,
    ],
  ])('%s is a problem that is told, not an error', (_, value, source, problem) => {
    const reading = versionOf(value, source);
    expect(reading.version).toBeUndefined();
    expect(reading.problem).toMatch(problem);
  });

  it('hears out a promise that fails, so that nobody else has to', async () => {
    const unhandled: unknown[] = [];
    const listen = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', listen);
    const { problem } = versionOf({}, { extractor: () => Promise.reject(new Error('late')) as never });
    await new Promise(setImmediate);
    process.off('unhandledRejection', listen);
    expect(problem).toMatch(/returned a promise/);
    expect(unhandled).toStrictEqual([]);
  });
});
