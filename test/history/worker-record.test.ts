import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CacheEvent } from '../../lib/core/cache-event.js';
import { monotonicNs, readHistory, type AnnouncedRecord } from './history.js';
import { WorkerRecord } from './worker-record.js';

const failed: CacheEvent = {
  type: 'announcement-failed',
  keys: 0,
  tags: 1,
  everything: false,
  unsent: { keys: 0, tags: 1, everything: false },
  error: new Error('down'),
};
const madeUp = (keys: number, tags: number, everything = false): CacheEvent => ({
  type: 'announcement-made-up',
  keys: 0,
  tags: 1,
  everything: false,
  unsent: { keys, tags, everything },
});

describe('announcements that a worker owes', () => {
  let directory: string;
  let record: WorkerRecord;
  const announced = (): AnnouncedRecord[] =>
    readHistory(join(directory, 'w')).filter((entry) => entry.t === 'announced');
  const write = (stamp: number) =>
    ({ t: 'announced', worker: 'w', key: 'k', stamp, began: 1, how: 'typeorm', what: 'changed' }) as const;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'distributed-cache-record-'));
    record = new WorkerRecord({ worker: 'w', file: join(directory, 'w') });
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  const fail = async (): Promise<NonNullable<Awaited<ReturnType<WorkerRecord['fated']>>['fate']['debt']>> => {
    const { fate } = await record.fated(() => {
      record.observe(failed);
      return Promise.resolve();
    });
    return fate.debt!;
  };

  it('are made when nothing is kept any more, and not by a round that may have begun before', async () => {
    // 1. A round is under way that makes up for something else. 2. An announcement fails. 3. The round is over.
    record.owe(await fail(), write(1));
    for (const [keys, tags, everything] of [
      [0, 1],
      [1, 0],
      [0, 0, true],
    ] as const) {
      record.observe(madeUp(keys, tags, everything));
      expect(announced()).toEqual([]);
    }
    const before = monotonicNs();
    record.observe(madeUp(0, 0));
    expect(announced()).toMatchObject([{ stamp: 1 }]);
    expect(announced()[0]!.ended).toBeGreaterThanOrEqual(before);
    record.observe(madeUp(0, 0));
    expect(announced()).toHaveLength(1);
  });

  it('are not forgotten where they are made before their write has ended', async () => {
    const debt = await fail();
    record.observe(madeUp(0, 0));
    const made = monotonicNs();
    record.owe(debt, write(2));
    expect(announced()).toMatchObject([{ stamp: 2 }]);
    expect(announced()[0]!.ended).toBeLessThanOrEqual(made);
  });

  it('are none where nothing has failed', async () => {
    const { fate } = await record.fated(() => Promise.resolve());
    expect(fate.debt).toBeUndefined();
  });
});
