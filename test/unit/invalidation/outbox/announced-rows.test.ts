import { describe, expect, it } from 'vitest';
import { AnnouncedRows } from '../../../../lib/invalidation/outbox/announced-rows.js';
import { ManualClock } from '../../../../lib/testing/manual-clock.js';
import { Gate } from '../../../support/gate.js';

function setUp() {
  const clock = new ManualClock();
  const removed: number[] = [];
  const database = { down: false, gate: undefined as Gate | undefined };
  const rows = new AnnouncedRows(clock, async (ids) => {
    await database.gate?.pass();
    if (database.down) throw new Error('away');
    removed.push(ids.length);
  });
  const add = (count: number) => {
    for (let index = 0; index < count; index++) rows.add(`${removed.length}/${index}`);
  };
  return { add, clock, database, removed, rows };
}

describe('AnnouncedRows', () => {
  it('removes together what comes within a moment, in pieces that a statement can hold', async () => {
    const { add, clock, removed } = setUp();
    add(1_100);
    await clock.advance(99);
    expect(removed).toEqual([]);
    await clock.advance(1);
    expect(removed).toEqual([500, 500, 100]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('keeps no more than it may, however long the database takes: the rest is drained', async () => {
    const { add, clock, database, removed } = setUp();
    database.gate = new Gate();
    add(1);
    await clock.advance(100);
    add(100_000);
    database.gate.open();
    await clock.advance(100);
    expect(removed.reduce((sum, count) => sum + count)).toBe(10_001);
  });

  it('forgets what could not be removed: whoever drains finds it', async () => {
    const { add, clock, database, removed } = setUp();
    database.down = true;
    add(3);
    await clock.advance(100);
    database.down = false;
    add(2);
    await clock.advance(100);
    expect(removed).toEqual([2]);
  });

  it('sets no timer any more when it shall not gather, and still removes', async () => {
    const { add, clock, removed, rows } = setUp();
    add(3);
    rows.stopGathering();
    await rows.settled();
    expect([removed, clock.pendingTimers]).toEqual([[3], 0]);
    add(2);
    expect(clock.pendingTimers).toBe(0);
    await rows.settled();
    expect(removed.reduce((sum, count) => sum + count)).toBe(5);
  });
});
