import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkHistory } from './checker.js';
import { readHistory, type AnnouncedRecord, type HistoryRecord, type ReadRecord } from './history.js';

const read = (stamp: number | null, began: number, ended: number, more: Partial<ReadRecord> = {}): ReadRecord => ({
  t: 'read',
  worker: 'a',
  entry: 'row k',
  began,
  ended,
  seen: { k: stamp },
  outcome: 'HIT',
  joined: false,
  blind: false,
  ...more,
});

const announced = (stamp: number, began: number, ended: number, key = 'k'): AnnouncedRecord => ({
  t: 'announced',
  worker: 'w',
  key,
  stamp,
  began,
  ended,
  how: 'bare',
  what: 'changed',
});

const removal = (stamp: number, at: number): HistoryRecord => ({
  t: 'writing',
  worker: 'w',
  key: 'k',
  stamp,
  at,
  removes: true,
});
const committed = (stamp: number, at: number): HistoryRecord => ({ t: 'committed', worker: 'w', key: 'k', stamp, at });
const cleared = (began: number, ended: number): HistoryRecord => ({ t: 'cleared', worker: 'w', began, ended });
const rolledBack = (stamp: number): HistoryRecord => ({ t: 'rolled-back', worker: 'w', key: 'k', stamp });
const row = (stamp: number | null): HistoryRecord => ({ t: 'row', key: 'k', stamp });
const promises = (...history: HistoryRecord[]): string[] => checkHistory(history).map(({ promise }) => promise);

describe('the checker: never backwards', () => {
  it('finds a read of an older state than one announced before it began, and says who and what', () => {
    const [violation, ...others] = checkHistory([announced(2, 1, 10), read(1, 11, 12)]);
    expect(others).toEqual([]);
    expect(violation?.promise).toBe('never backwards');
    expect(violation?.what).toMatch(/a got k at 1 .* after w had announced k at 2/);
  });

  it.each<[string, HistoryRecord[]]>([
    ['a read of the announced state', [announced(2, 1, 10), read(2, 11, 12)]],
    ['a read of a newer one, which is not announced yet', [announced(2, 1, 10), read(3, 11, 12)]],
    ['a read that began before the announcement completed', [announced(2, 1, 10), read(1, 10, 20)]],
    ['a read of another row', [announced(2, 1, 10, 'other'), read(1, 11, 12)]],
    ['a change that was committed and not announced', [committed(2, 1), read(1, 11, 12)]],
    ['an older state seen after a newer one that nobody has announced', [read(2, 1, 2), read(1, 3, 4)]],
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

describe('the checker: stale answers', () => {
  it('holds them to the same: a value may be old by time, but not by an announced change', () => {
    expect(promises(announced(2, 1, 10), read(1, 11, 12, { outcome: 'STALE' }))).toEqual(['never backwards']);
    expect(promises(announced(2, 1, 10), read(2, 11, 12, { outcome: 'STALE' }), committed(3, 5))).toEqual([]);
  });
});

describe('the checker: lists', () => {
  const list = (seen: ReadRecord['seen']): ReadRecord => ({ ...read(1, 11, 12), entry: 'list', seen });

  it('finds each row that is older than what was announced of it', () => {
    const changes = [announced(5, 1, 10, 'a'), announced(6, 1, 10, 'b'), announced(7, 1, 10, 'c')];
    expect(promises(...changes, list({ a: 5, b: 6, c: 9 }))).toEqual([]);
    expect(promises(...changes, list({ a: 5, b: 4, c: 6 }))).toEqual(['never backwards', 'never backwards']);
    expect(checkHistory([...changes, list({ a: 5, b: 4, c: 9 })])[0]?.what).toMatch(/got b at 4 .* of "list"/);
  });

  it('excuses a caller that could not look only for the very list that its leader brought', () => {
    const change = announced(5, 1, 10, 'a');
    const leader: ReadRecord = { ...list({ a: 1, b: 1 }), began: 5, ended: 20, outcome: 'MISS' };
    const follower: ReadRecord = { ...leader, began: 15, outcome: 'WAITED', joined: true, blind: true };
    expect(promises(change, leader, follower)).toEqual([]);
    expect(promises(change, leader, { ...follower, seen: { a: 1, b: 2 } })).toEqual(['never backwards']);
    expect(promises(change, leader, { ...follower, entry: 'another list' })).toEqual(['never backwards']);
  });
});

describe('the checker: rows that come and go', () => {
  const gone = { ...announced(4, 2, 10), what: 'removed' } as const;
  const born = { ...announced(5, 2, 20), what: 'inserted' } as const;

  it('finds a row whose removal was announced', () => {
    expect(promises(removal(4, 2), gone, read(3, 11, 12))).toEqual(['never backwards']);
    expect(promises(removal(4, 2), gone, read(null, 11, 12))).toEqual([]);
  });

  it('finds a row missing whose birth was announced', () => {
    expect(promises(removal(4, 2), gone, born, read(null, 21, 22))).toEqual(['never backwards']);
    expect(promises(removal(4, 2), gone, born, read(5, 21, 22))).toEqual([]);
  });

  it('allows that it is missing again, and before its birth was announced', () => {
    expect(promises(removal(4, 2), gone, born, removal(6, 21), read(null, 22, 23))).toEqual([]);
    expect(promises(removal(4, 2), gone, born, read(null, 19, 25))).toEqual([]);
  });

  it('does not take a removal for an excuse that came after the read', () => {
    expect(promises(removal(4, 2), gone, born, removal(6, 23), read(null, 21, 22))).toEqual(['never backwards']);
  });

  it('finds a row missing that nobody has ever removed', () => {
    expect(promises(read(null, 1, 2))).toEqual(['only what was committed']);
  });
});

describe('the checker: clear() announces whatever was committed before it', () => {
  it('finds what is older', () => {
    const [violation] = checkHistory([committed(2, 3), cleared(4, 10), read(1, 11, 12)]);
    expect(violation?.promise).toBe('never backwards');
    expect(violation?.what).toMatch(/after w had announced k at 2 \(clear\)/);
  });

  it.each<[string, HistoryRecord[]]>([
    ['what was committed while it ran', [committed(2, 5), cleared(4, 10), read(1, 11, 12)]],
    ['who began before it was done', [committed(2, 3), cleared(4, 10), read(1, 9, 12)]],
    ['what is newer', [committed(2, 3), cleared(4, 10), read(3, 11, 12)]],
  ])('allows %s', (_, history) => {
    expect(checkHistory(history)).toEqual([]);
  });
});

describe('the checker: only what was committed', () => {
  it('finds a read of what was rolled back', () => {
    expect(promises(rolledBack(3), read(3, 1, 2))).toEqual(['only what was committed']);
    expect(promises(rolledBack(3), read(2, 1, 2))).toEqual([]);
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
    ['with a value that the load did not bring', [{ ...leader, seen: { k: 2 } }, follower]],
    ['after the load had ended', [{ ...leader, ended: 14 }, follower]],
    ['whose leader went back itself', [{ ...leader, began: 11 }, { ...leader, seen: { k: 2 } }, follower]],
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

  it('finds a last read of a row that is gone, and one that finds none where there is one', () => {
    expect(promises(read(1, 3, 4, { last: true }), row(null))).toEqual(['convergence']);
    expect(promises(removal(1, 1), read(null, 3, 4, { last: true }), row(2))).toEqual(['convergence']);
    expect(promises(removal(1, 1), read(null, 3, 4, { last: true }), row(null))).toEqual([]);
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
