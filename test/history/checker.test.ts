import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkHistory } from './checker.js';
import { readHistory, type AnnouncedRecord, type HistoryRecord, type ReadRecord } from './history.js';

const read = (version: number, began: number, ended: number, more: Partial<ReadRecord> = {}): ReadRecord => ({
  t: 'read',
  worker: 'a',
  key: 'k',
  began,
  ended,
  version,
  outcome: 'HIT',
  joined: false,
  blind: false,
  ...more,
});

const announced = (version: number, began: number, ended: number, key = 'k'): AnnouncedRecord => ({
  t: 'announced',
  worker: 'w',
  key,
  version,
  began,
  ended,
  how: 'bare',
});

const row = (version: number): HistoryRecord => ({ t: 'row', key: 'k', version });
const promises = (...history: HistoryRecord[]): string[] => checkHistory(history).map(({ promise }) => promise);

describe('the checker: never backwards', () => {
  it('finds a read of a lower version than one announced before it began, and says who and what', () => {
    const [violation, ...others] = checkHistory([announced(2, 1, 10), read(1, 11, 12)]);
    expect(others).toEqual([]);
    expect(violation?.promise).toBe('never backwards');
    expect(violation?.what).toMatch(/a got version 1 of k .* after w had announced version 2/);
  });

  it.each<[string, HistoryRecord[]]>([
    ['a read of the announced version', [announced(2, 1, 10), read(2, 11, 12)]],
    ['a read of a higher version, which is not announced yet', [announced(2, 1, 10), read(3, 11, 12)]],
    ['a read that began before the announcement completed', [announced(2, 1, 10), read(1, 10, 20)]],
    ['a read of another key', [announced(2, 1, 10, 'other'), read(1, 11, 12)]],
    ['a change that was committed and not announced', [committed(2), read(1, 11, 12)]],
    ['a lower version seen after a higher one that nobody has announced', [read(2, 1, 2), read(1, 3, 4)]],
  ])('allows %s', (_, history) => {
    expect(checkHistory(history)).toEqual([]);
  });

  it('holds a read to the highest announcement, not to the latest', () => {
    // The notice of version 3 is through before that of version 2.
    expect(promises(announced(3, 1, 10), announced(2, 2, 20), read(2, 21, 22))).toEqual(['never backwards']);
    expect(promises(announced(3, 1, 10), announced(2, 2, 20), read(3, 21, 22))).toEqual([]);
  });

  it('takes the records in any order, and finds every read that went back', () => {
    const history = [read(1, 31, 32), announced(3, 1, 30), read(1, 5, 6), announced(2, 1, 10), read(1, 11, 12)];
    expect(promises(...history)).toEqual(['never backwards', 'never backwards']);
  });

  it('does not excuse a read that found the store away: the database is the newest', () => {
    expect(promises(announced(2, 1, 10), read(1, 11, 12, { outcome: 'MISS', blind: true }))).toHaveLength(1);
  });
});

describe('the checker: callers that cannot look share the load of their process', () => {
  const change = announced(2, 1, 10);
  const leader = read(1, 5, 20, { outcome: 'MISS' });
  const follower = read(1, 15, 20, { outcome: 'WAITED', joined: true, blind: true });

  it('allows what the load brings that began before them', () => {
    expect(promises(change, leader, follower)).toEqual([]);
  });

  it.each<[string, HistoryRecord[]]>([
    ['whose look was answered', [leader, { ...follower, blind: false }]],
    ['who did not join', [leader, { ...follower, joined: false }]],
    ['with nobody to join', [follower]],
    ['of another process', [{ ...leader, worker: 'b' }, follower]],
    ['with a value that the load did not bring', [{ ...leader, version: 2 }, follower]],
    ['after the load had ended', [{ ...leader, ended: 14 }, follower]],
    ['whose leader went back itself', [{ ...leader, began: 11 }, { ...leader, version: 2 }, follower]],
  ])('finds one %s', (_, history) => {
    expect(promises(change, ...history)).toContain('never backwards');
  });
});

describe('the checker: convergence, and nothing breaks', () => {
  it('finds a last read that is not the row, lower or higher', () => {
    expect(promises(read(1, 1, 2, { last: true }), read(3, 1, 2, { last: true }), row(2))).toEqual([
      'convergence',
      'convergence',
    ]);
    expect(promises(read(2, 1, 2, { last: true }), read(1, 1, 2), row(2))).toEqual([]);
  });

  it('finds a last read of a row that nobody knows', () => {
    expect(promises(read(1, 1, 2, { last: true }))).toEqual(['convergence']);
  });

  it('tells what broke', () => {
    expect(promises({ t: 'broken', what: 'a worker hangs' })).toEqual(['nothing breaks']);
  });
});

describe('a recorded history', () => {
  it('is read back, without the line that a killed process did not finish', () => {
    const directory = mkdtempSync(join(tmpdir(), 'distributed-cache-history-'));
    const file = join(directory, 'worker.jsonl');
    const history = [announced(2, 1, 10), read(1, 11, 12)];
    writeFileSync(file, `${history.map((entry) => JSON.stringify(entry)).join('\n')}\n{"t":"read","worker":"a","ke`);
    expect(readHistory(file)).toEqual(history);
    expect(checkHistory(readHistory(file))).toHaveLength(1);
    rmSync(directory, { recursive: true });
  });
});

function committed(version: number): HistoryRecord {
  return { t: 'committed', worker: 'w', key: 'k', version };
}
