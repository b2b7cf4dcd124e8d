import { describe, expect, it } from 'vitest';
import { invalidateState } from '../../../lib/core/entry-change.js';
import type { EntryState } from '../../../lib/core/cache-entry.js';
import type { KeyChange } from '../../../lib/core/tagging.js';
import { merged, UnsentChanges, type Words } from '../../../lib/core/unsent-changes.js';

const at = (order: number, change?: KeyChange['change'], kind = 'version'): KeyChange => ({
  version: { kind, order: BigInt(order) },
  ...(change !== undefined && { change }),
});
const mergedAll = (changes: readonly KeyChange[]) =>
  changes.reduce<Words | undefined>((words, change) => merged(words, change), undefined) ?? [];

describe('merged', () => {
  it.each<[string, KeyChange[], KeyChange[]]>([
    ['one is told as it is', [at(1)], [at(1)]],
    ['the highest version wins', [at(3), at(2)], [at(3, 'changed')]],
    ['in either order', [at(2), at(3)], [at(3, 'changed')]],
    ['a version is not lost to a change without one', [at(3), {}], [at(3, 'changed')]],
    ['nor by a change with one', [{}, at(3)], [at(3, 'changed')]],
    [
      'of two kinds, the later',
      [at(9, 'changed', 'version'), at(1, 'changed', 'updated-at')],
      [at(1, 'changed', 'updated-at')],
    ],
    ['a removal stays one', [at(3, 'removed'), at(3)], [at(3, 'removed')]],
    ['until the row is seen with a higher version', [at(3, 'removed'), at(4)], [at(4, 'changed')]],
    [
      'a birth after a removal is told beside it',
      [at(5, 'removed'), at(1, 'inserted')],
      [at(5, 'removed'), at(1, 'inserted')],
    ],
    [
      'and takes up what comes after it',
      [at(5, 'removed'), at(1, 'inserted'), at(2)],
      [at(5, 'removed'), at(2, 'inserted')],
    ],
    [
      'two words at most',
      [at(5, 'removed'), at(1, 'inserted'), at(2, 'removed'), at(1, 'inserted')],
      [at(5, 'removed'), at(1, 'inserted')],
    ],
  ])('%s', (_, changes, words) => {
    expect(mergedAll(changes)).toEqual(words);
  });

  it('leaves a floor that is no lower than that of all the changes, one after the other, and lets a row that was born again in', () => {
    const kinds = ['changed', 'removed', 'inserted'] as const;
    const choices = kinds.flatMap((change) => [1, 2, 3].map((order) => at(order, change)));
    const tell = (changes: readonly KeyChange[]): EntryState | undefined =>
      changes.reduce<EntryState | undefined>(
        (state, change) => invalidateState(state, 0, { ...change, floorMs: 1_000 }).state,
        undefined,
      );
    let cases = 0;
    for (const first of choices)
      for (const second of choices)
        for (const third of choices) {
          const all = [first, second, third];
          const [inFull, inShort] = [tell(all)?.floor, tell(mergedAll(all))?.floor];
          const why = JSON.stringify([all, mergedAll(all)], (_, value: unknown) =>
            typeof value === 'bigint' ? Number(value) : value,
          );
          if (third.change === 'inserted') expect(inShort, why).toEqual(inFull);
          expect(inShort?.version.order, why).toBeGreaterThanOrEqual(inFull?.version.order ?? 99n);
          cases++;
        }
    expect(cases).toBe(729);
  });
});

describe('UnsentChanges', () => {
  it('concerns a key that has changed; every key, where a tag has or everything', () => {
    const unsent = new UnsentChanges(10);
    expect([unsent.concerns('a'), unsent.isEmpty]).toEqual([false, true]);
    unsent.addKey('a', {});
    expect([unsent.concerns('a'), unsent.concerns('b')]).toEqual([true, false]);
    unsent.addTag({ tag: 't' });
    expect(unsent.concerns('b')).toBe(true);
    for (const [tag, words] of unsent.tags) unsent.tagSent(tag, words);
    expect([unsent.concerns('a'), unsent.concerns('b')]).toEqual([true, false]);
    unsent.addEverything();
    expect([unsent.concerns('b'), unsent.count]).toEqual([true, { keys: 0, tags: 0, everything: true }]);
  });

  it('is bounded: what would be too much becomes everything, and stays that', () => {
    const unsent = new UnsentChanges(3);
    expect([unsent.addKey('a', {}), unsent.addKey('a', {}), unsent.addTag({ tag: 'a' })]).toEqual([true, true, true]);
    expect([unsent.addKey('b', {}), unsent.addTag({ tag: 'b' })]).toEqual([true, false]);
    expect(unsent.count).toEqual({ keys: 0, tags: 0, everything: true });
    expect(unsent.addKey('c', {})).toBe(true);
    expect(unsent.count).toEqual({ keys: 0, tags: 0, everything: true });
  });

  it('keeps what was added while the rest was on its way', () => {
    const unsent = new UnsentChanges(3);
    unsent.addKey('a', {});
    const [[, words] = ['', []]] = unsent.keys;
    unsent.addKey('a', {});
    unsent.keySent('a', words);
    expect(unsent.concerns('a')).toBe(true);
    unsent.addEverything();
    const all = unsent.everything ?? {};
    unsent.addKey('b', {});
    unsent.everythingSent(all);
    expect(unsent.concerns('b')).toBe(true);
    unsent.everythingSent(unsent.everything ?? {});
    expect(unsent.isEmpty).toBe(true);
  });
});
