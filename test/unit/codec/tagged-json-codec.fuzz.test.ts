import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TAGS } from '../../../lib/codec/tags.js';
import { CorruptEntryError, OtherShapeError } from '../../../lib/core/errors.js';
import { anyValue, codec, ownProperties, shown } from './any-value.js';

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
    expect([...TAGS.keys(), 'class', 'null'].filter((tag) => !seen.has(tag))).toStrictEqual([]);
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
    const name = fc.constantFrom(
      ...[...TAGS.keys(), 'class', 'null', 'constructor'].map((tag) => `$${tag}`),
      '$$x',
      '__proto__',
    );
    const { node } = fc.letrec<{ node: unknown }>((tie) => ({
      node: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom<unknown>(
          null,
          1,
          -1,
          'Product',
          'Product#abcdefgh',
          'Category',
          'constructor',
          '',
          '1',
          'AAA=',
          2 ** 31,
        ),
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

function expectDecodedOrCorrupt(payload: string): void {
  try {
    codec.decode(payload);
  } catch (error) {
    if (!(error instanceof OtherShapeError)) expect(error).toBeInstanceOf(CorruptEntryError);
  }
  expect(Object.keys(Object.prototype)).toStrictEqual([]);
}
