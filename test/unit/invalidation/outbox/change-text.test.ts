import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TagChange } from '../../../../lib/core/tagging.js';
import { MAX_VERSION_ORDER } from '../../../../lib/core/version.js';
import { readChanges, writeChanges } from '../../../../lib/invalidation/outbox/change-text.js';

describe('the text of a row of the outbox', () => {
  it('gives back every change as it was written', () => {
    const change = fc.record(
      {
        tag: fc.string({ unit: 'grapheme' }),
        change: fc.constantFrom('changed', 'removed', 'inserted'),
        version: fc.record({
          kind: fc.constantFrom('version', 'updated-at'),
          order: fc.bigInt({ min: 0n, max: MAX_VERSION_ORDER }),
        }),
      },
      { requiredKeys: ['tag'], noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        expect(readChanges(writeChanges(changes as TagChange[]))).toEqual(changes);
      }),
    );
  });

  it.each([
    '',
    'x',
    '{}',
    'null',
    '[1]',
    '[[]]',
    '[["t","reborn",null,null]]',
    '[["t",null,"version","x"]]',
    undefined,
  ])('tells that %j is none', (text) => {
    expect(readChanges(text)).toBeUndefined();
  });
});
