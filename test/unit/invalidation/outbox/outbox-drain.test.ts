import { describe, expect, it } from 'vitest';
import type { CacheEvent } from '../../../../lib/core/cache-event.js';
import { OutboxDrain } from '../../../../lib/invalidation/outbox/outbox-drain.js';
import type { LeftRow } from '../../../../lib/invalidation/outbox/outbox-row.js';
import { ManualClock } from '../../../../lib/testing/manual-clock.js';
import { Gate } from '../../../support/gate.js';

function setUp({ rows = 0, seed = 1 } = {}) {
  const clock = new ManualClock({ seed });
  const events: CacheEvent[] = [];
  const table = { rows, down: false, gate: undefined as Gate | undefined };
  const looks: { at: number; atMost: number }[] = [];
  const drain = new OutboxDrain({
    clock,
    intervalMs: 1_000,
    batchSize: 100,
    olderThanMs: 3_000,
    report: (event) => void events.push(event),
    announce: () => Promise.resolve(),
    take: async ({ atMost, olderThanMs }, announce) => {
      expect(olderThanMs).toBe(3_000);
      looks.push({ at: clock.elapsedMs(), atMost });
      await table.gate?.pass();
      if (table.down) throw new Error('away');
      const taken = Math.min(atMost, table.rows);
      const left: LeftRow[] = Array.from({ length: taken }, (_, id) => ({ id: String(id), changes: [] }));
      await announce(left);
      table.rows -= taken;
      return taken;
    },
  });
  return { clock, drain, events, looks, table };
}

describe('OutboxDrain', () => {
  it('looks once in an interval, give or take a quarter, and says nothing when there is nothing', async () => {
    const { clock, drain, events, looks } = setUp();
    drain.start();
    drain.start();
    await clock.advance(100_000);
    expect(looks.length).toBeGreaterThan(75);
    expect(looks.length).toBeLessThan(135);
    const pauses = looks.slice(1).map(({ at }, index) => at - (looks[index]?.at ?? 0));
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(750);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(1_250);
    expect(new Set(pauses).size).toBeGreaterThan(10);
    expect(events).toEqual([]);
  });

  it('takes a backlog in bounded pieces, one after the other, until nothing is left', async () => {
    const { clock, drain, events, looks } = setUp({ rows: 250 });
    drain.start();
    await clock.advance(1_250);
    expect(looks.map(({ atMost }) => atMost)).toEqual([100, 100, 100]);
    expect(events).toEqual([100, 100, 50].map((rows) => ({ type: 'outbox-drained', rows })));
  });

  it('looks less often, and at less, while it fails; and as before when that is over', async () => {
    const { clock, drain, events, looks, table } = setUp({ rows: 30 });
    table.down = true;
    drain.start();
    await clock.advance(300_000);
    expect(looks.length).toBeLessThan(20);
    expect(looks.slice(0, 8).map(({ atMost }) => atMost)).toEqual([100, 50, 25, 12, 6, 3, 1, 1]);
    const pauses = looks.slice(1).map(({ at }, index) => at - (looks[index]?.at ?? 0));
    expect(Math.max(...pauses)).toBeLessThanOrEqual(37_500);
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['outbox-failing']));
    table.down = false;
    await clock.advance(40_000);
    expect(table.rows).toBe(0);
    expect(looks.at(-1)?.atMost).toBe(100);
    expect(looks.at(-1)!.at - looks.at(-2)!.at).toBeLessThanOrEqual(1_250);
  });

  it('has one look under way at most, and when it stops waits for that and leaves no timer', async () => {
    const { clock, drain, looks, table } = setUp({ rows: 300 });
    table.gate = new Gate();
    drain.start();
    await clock.advance(60_000);
    expect(looks).toHaveLength(1);
    let stopped = false;
    const stopping = drain.stop().then(() => (stopped = true));
    await clock.settle();
    expect(stopped).toBe(false);
    table.gate.open();
    await stopping;
    await clock.advance(60_000);
    expect([looks.length, table.rows, clock.pendingTimers]).toEqual([1, 200, 0]);
  });

  it('that is stopped before its first look never looks', async () => {
    const { clock, drain, looks } = setUp();
    drain.start();
    await drain.stop();
    await clock.advance(60_000);
    expect([looks, clock.pendingTimers]).toEqual([[], 0]);
  });
});
