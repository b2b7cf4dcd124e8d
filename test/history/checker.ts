import { Announcements, announcementsByKey, groupBy, type Announcement } from './announcements.js';
import type { HistoryRecord, ReadRecord, WritingRecord } from './history.js';

/** A promise that a history shows to be broken. */
export interface Violation {
  readonly promise: 'never backwards' | 'only what was committed' | 'convergence' | 'nothing breaks';
  readonly what: string;
}

type Of<T extends HistoryRecord['t']> = Extract<HistoryRecord, { t: T }>;

/**
 * What in a history breaks a promise. Pure: the same history gives the same answer.
 *
 * - **Never backwards**: no read shows a row in an older state than one whose announcement had completed before the read began; a list is held to that for each row that it
 *   shows or could show. That a row is missing is a state like others: it must not be told any more when the row's birth was announced, nor the row when its removal
 *   was. `clear()` announces whatever was committed before it was called.
 *   That holds through every restart of a Redis that keeps nothing (what is gone takes its leases with it, and a fill that finds nothing is refused), for reads that
 *   went to the database because the store was down, and for **stale** answers: what is served stale is old by time, and nobody has announced that it changed, since an announcement
 *   takes the value away. The one exception is stated with P3: callers that cannot look share the load of their process ({@link sharesUnseen}).
 * - **Only what was committed**: no read shows what a transaction had written that was rolled back, or a removal that never was.
 * - **Convergence**: a read made when all writers had stopped gives the row, or tells that there is none.
 */
export function checkHistory(history: readonly HistoryRecord[]): Violation[] {
  const announced = announcementsByKey(history);
  const removals = groupBy(
    history.filter((record) => record.t === 'writing').filter(({ removes }) => removes),
    ({ key }) => key,
  );
  const reads = history.filter((record) => record.t === 'read');
  const leaders = groupBy(reads.filter(leads), shareOf);
  const backwards = reads.flatMap((read) => {
    const violations = Object.keys(read.seen).flatMap((key) =>
      older(read, key, announced.get(key) ?? Announcements.NONE, removals.get(key) ?? []),
    );
    return violations.length > 0 && sharesUnseen(read, leaders.get(shareOf(read)) ?? []) ? [] : violations;
  });
  const broken = history.filter((record) => record.t === 'broken').map(({ what }) => violation('nothing breaks', what));
  return [...backwards, ...uncommitted(history), ...diverged(history), ...broken];
}

/** What a read says of one row that it must not say. */
function older(
  read: ReadRecord,
  key: string,
  announced: Announcements,
  removals: readonly WritingRecord[],
): Violation[] {
  const before = announced.before(read.began);
  const stamp = read.seen[key]!;
  if (typeof stamp === 'number') {
    return before !== undefined && stamp < before.stamp ? [wentBack(read, key, before)] : [];
  }
  // Which removal it speaks of is not told: the latest that it can have seen.
  const seen = removals.filter(({ at }) => at <= read.ended);
  if (seen.some((removal) => removal.stamp >= (before?.stamp ?? 0))) return [];
  if (before !== undefined) return [wentBack(read, key, before)];
  return [violation('only what was committed', `${read.worker} found no ${key}, which nobody had removed`)];
}

/**
 * The exception: 1. a load begins and reads the row; 2. the row changes, and the change is announced; 3. the store goes away; 4. a caller in the loading
 * process begins, cannot look, and shares the load instead of making one more for each caller while the store is down.
 *
 * It is granted only to a read that could not look *and* joined, and only for what its leader brought: a read of the same process that had begun
 * before it, ended after it began, and shows the same. The leader itself is held to the promise.
 */
function sharesUnseen(read: ReadRecord, leaders: readonly ReadRecord[]): boolean {
  return read.blind && read.joined && leaders.some(({ began, ended }) => began <= read.began && ended >= read.began);
}

function leads({ joined, outcome }: ReadRecord): boolean {
  return !joined && (outcome === 'MISS' || outcome === 'WAITED');
}

function shareOf({ worker, entry, seen }: ReadRecord): string {
  return `${worker} ${entry} ${JSON.stringify(seen)}`;
}

function uncommitted(history: readonly HistoryRecord[]): Violation[] {
  const rolledBack = new Set(history.filter((record) => record.t === 'rolled-back').map(({ stamp }) => stamp));
  return history
    .filter((record) => record.t === 'read')
    .flatMap((read) =>
      Object.entries(read.seen)
        .filter(([, stamp]) => stamp !== null && rolledBack.has(stamp))
        .map(([key, stamp]) =>
          violation('only what was committed', `${read.worker} got ${key} at ${String(stamp)}, which was rolled back`),
        ),
    );
}

function diverged(history: readonly HistoryRecord[]): Violation[] {
  const rows = new Map(
    history.filter((record): record is Of<'row'> => record.t === 'row').map((row) => [row.key, row]),
  );
  return history
    .filter((record) => record.t === 'read')
    .filter(({ last }) => last === true)
    .flatMap((read) =>
      Object.entries(read.seen)
        .filter(([key, stamp]) => rows.get(key)?.stamp !== stamp)
        .map(([key, stamp]) => {
          const row = rows.get(key);
          const is = row === undefined ? 'unknown' : told(row.stamp);
          return violation('convergence', `${read.worker} finds ${key} ${told(stamp)} in the end, the row is ${is}`);
        }),
    );
}

function wentBack(read: ReadRecord, key: string, before: Announcement): Violation {
  const lateMs = ((read.began - before.ended) / 1e6).toFixed(3);
  return violation(
    'never backwards',
    `${read.worker} got ${key} ${told(read.seen[key]!)} (${read.outcome}${read.joined ? ', joined' : ''}${read.blind ? ', blind' : ''}) by a read of "${read.entry}" ` +
      `that began at ${read.began}, ${lateMs} ms after ${before.worker} had announced ${key} at ${before.stamp} (${before.how})`,
  );
}

function told(stamp: number | null): string {
  return stamp === null ? 'missing' : `at ${stamp}`;
}

function violation(promise: Violation['promise'], what: string): Violation {
  return { promise, what };
}
