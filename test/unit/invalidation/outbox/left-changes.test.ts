import { describe, expect, it } from 'vitest';
import type { ChangeKind } from '../../../../lib/core/versioned-store.js';
import { leftChanges } from '../../../../lib/invalidation/outbox/left-changes.js';

const change = (tag: string, order: bigint, kind: ChangeKind = 'changed') => ({
  tag,
  version: { kind: 'version' as const, order },
  change: kind,
});

describe('leftChanges()', () => {
  it('keeps the highest version of a row, whatever order the clocks of the writers have made', () => {
    expect(leftChanges([change('a', 6n), change('b', 1n), change('a', 5n)])).toEqual([
      [change('a', 6n), change('b', 1n)],
    ]);
  });

  it('tells a birth after the removal before it', () => {
    expect(leftChanges([change('a', 5n, 'removed'), change('b', 2n), change('a', 1n, 'inserted')])).toEqual([
      [change('a', 5n, 'removed'), change('b', 2n)],
      [change('a', 1n, 'inserted')],
    ]);
  });

  it('has nothing to tell of nothing', () => {
    expect(leftChanges([])).toEqual([]);
  });
});
