import { describe, expect, it } from 'vitest';
import { TagState } from '../../../lib/core/tag-state.js';
import { InProcessVersionedStore } from '../../../lib/stores/in-process-versioned-store.js';
import { TagTable } from '../../../lib/stores/tag-table.js';
import { tagFromText, tagToText } from '../../../lib/stores/tag-text.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';

const PARTS = { begunAt: '10', forMs: 100, maxKeys: 10, memoryMs: 50 };

describe('TagTable', () => {
  it('forgets a key in all its tags, and tags of which nothing is left', () => {
    const table = new TagTable();
    for (const tag of ['a', 'b']) for (const key of ['k', 'l']) table.register(tag, 11, { key, ...PARTS });
    table.announce('c', 11, 50);
    table.forget('k');
    expect([table.announce('a', 12, 50), table.announce('b', 12, 1)]).toEqual([['l'], ['l']]);
    table.forget('l');
    table.sweep(20);
    expect(table.size).toBe(2);
    table.sweep(62);
    expect(table.size).toBe(0);
  });

  it('remembers so many announcements and no more, and refuses what may be older than one that it has forgotten', () => {
    const table = new TagTable(1_000);
    const at = (now: number) => ({ ...PARTS, forMs: 1_000_000, memoryMs: 1_000_000, begunAt: String(now), key: 'k' });
    // 1. A load begins at 5, and reads a row. 2. The row changes: its tag is announced. 3. Very many others are. 4. The load registers.
    table.register('with a key', 1, at(1));
    table.announce('tag', 6, 1_000_000);
    for (let now = 7; now < 100_000; now++) table.announce(`other ${now}`, now, 1_000_000);
    expect(table.size).toBeLessThanOrEqual(1_001);
    expect(table.register('tag', 100_000, at(5))).toEqual({ registered: false, reason: 'announced' });
    // So may be what was read nobody knows when, as long as it would be remembered.
    const unknown = { key: 'k', forMs: 1, maxKeys: 10 };
    expect(table.register('new', 100_000, { ...unknown, memoryMs: 99_990 })).toEqual({
      registered: false,
      reason: 'announced',
    });
    expect(table.register('new', 100_000, { ...unknown, memoryMs: 1 })).toEqual({ registered: true });
    // What is remembered is told as ever, and who began after all of it comes in.
    expect(table.register('other 99999', 100_000, at(99_998))).toEqual({ registered: false, reason: 'announced' });
    expect(table.register('tag', 100_000, at(99_999)).registered).toBe(true);
    expect(table.announce('with a key', 100_001, 1)).toEqual(['k']);
  });

  it('keeps no tags of earlier loads of a key that lives on, such as a list whose rows come and go', () => {
    const table = new TagTable();
    for (let now = 0; now < 10_000; now++) {
      table.register(`row ${now}`, now, { ...PARTS, key: 'latest', begunAt: String(now) });
      table.sweep(now);
    }
    expect(table.size).toBeLessThan(3 * PARTS.forMs);
    expect(table.announce('row 9999', 10_000, 50)).toEqual(['latest']);
    expect(table.announce('row 9950', 10_000, 50)).toEqual(['latest']);
  });
});

describe('tags of the memory store', () => {
  it('are freed with the keys that are driven out or have ended: nothing piles up', async () => {
    const clock = new ManualClock();
    const store = new InProcessVersionedStore({ clock, maxEntries: 2 });
    for (const key of ['a', 'b', 'c']) {
      const begun = await store.begin(key, { lease: key, leaseMs: 100 });
      const begunAt = begun.kind === 'lease' ? begun.begunAt : '';
      await store.register('tag', { key, ...PARTS, begunAt });
    }
    expect(await store.announce('tag', 50)).toEqual(['b', 'c']);
    await clock.advance(5_000);
    expect(await store.announce('tag', 50)).toEqual([]);
    await clock.advance(5_000);
    expect(clock.pendingTimers).toBe(0);
    await store.close();
  });
});

describe('a tag as text', () => {
  it('comes back as it was; what is no tag of ours is a new one', () => {
    const state = new TagState(new Map([['k', 5]]), { at: 1.5, until: 9 });
    expect(tagFromText(tagToText(state))).toEqual(state);
    for (const text of [undefined, 'no JSON', '{}', '{"format":"tag-state-1","keys":3}'])
      expect(tagFromText(text)).toEqual(new TagState());
  });
});
