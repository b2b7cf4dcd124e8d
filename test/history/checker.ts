import type { AnnouncedRecord, HistoryRecord, ReadRecord } from './history.js';

/** A promise that a history shows to be broken. */
export interface Violation {
  readonly promise: 'never backwards' | 'convergence' | 'nothing breaks';
  readonly what: string;
}

type Of<T extends HistoryRecord['t']> = Extract<HistoryRecord, { t: T }>;

/**
 * What in a history breaks a promise. Pure: the same history gives the same answer.
 *
 * - **Never backwards**: no read of a key gives a lower version than one whose announcement had completed before the read began.
 *   That holds through every restart of a Redis that keeps nothing (what is gone takes its leases with it, and a fill that finds nothing is refused), and for reads that
 *   went to the database because the store was down. The one exception is stated with P3: callers that cannot look share the load of their process
 *   ({@link sharesUnseen}).
 * - **Convergence**: a read made when all writers had stopped gives the row.
 */
export function checkHistory(history: readonly HistoryRecord[]): Violation[] {
  const announced = announcementsByKey(history);
  const reads = history.filter((record) => record.t === 'read');
  const leaders = groupBy(reads.filter(leads), shareOf);
  const backwards = reads.flatMap((read) => {
    const before = announced.get(read.key)?.before(read.began);
    if (before === undefined || read.version >= before.version) return [];
    return sharesUnseen(read, leaders.get(shareOf(read)) ?? []) ? [] : [wentBack(read, before)];
  });
  const broken = history.filter((record) => record.t === 'broken').map(({ what }) => violation('nothing breaks', what));
  return [...backwards, ...diverged(history), ...broken];
}

/**
 * The exception: 1. a load begins and reads the row; 2. the row changes, and the change is announced; 3. the store goes away; 4. a caller in the loading
 * process begins, cannot look, and shares the load instead of making one more for each caller while the store is down.
 *
 * It is granted only to a read that could not look *and* joined, and only for what its leader brought: a read of the same process that had begun
 * before it, ended after it began, and gives the same version. The leader itself is held to the promise.
 */
function sharesUnseen(read: ReadRecord, leaders: readonly ReadRecord[]): boolean {
  return read.blind && read.joined && leaders.some(({ began, ended }) => began <= read.began && ended >= read.began);
}

function leads({ joined, outcome }: ReadRecord): boolean {
  return !joined && (outcome === 'MISS' || outcome === 'WAITED');
}

function shareOf({ worker, key, version }: ReadRecord): string {
  return `${worker} ${key} ${version}`;
}

/** The announcements of one key, by the time they completed. */
class Announcements {
  readonly #inOrder: AnnouncedRecord[];
  /** The one of the highest version among the first so many. */
  readonly #highest: AnnouncedRecord[] = [];

  constructor(announcements: readonly AnnouncedRecord[]) {
    this.#inOrder = [...announcements].sort((a, b) => a.ended - b.ended);
    for (const one of this.#inOrder) {
      const before = this.#highest.at(-1);
      this.#highest.push(before === undefined || one.version > before.version ? one : before);
    }
  }

  /** The highest that had completed before `time`. */
  before(time: number): AnnouncedRecord | undefined {
    let [low, high] = [0, this.#inOrder.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#inOrder[middle]!.ended < time) low = middle + 1;
      else high = middle;
    }
    return this.#highest[low - 1];
  }
}

function announcementsByKey(history: readonly HistoryRecord[]): Map<string, Announcements> {
  const byKey = groupBy(
    history.filter((record) => record.t === 'announced'),
    ({ key }) => key,
  );
  return new Map([...byKey].map(([key, announcements]) => [key, new Announcements(announcements)]));
}

function diverged(history: readonly HistoryRecord[]): Violation[] {
  const rows = new Map(
    history.filter((record): record is Of<'row'> => record.t === 'row').map((row) => [row.key, row]),
  );
  return history
    .filter((record) => record.t === 'read')
    .filter(({ last, key, version }) => last === true && rows.get(key)?.version !== version)
    .map(({ worker, key, version }) => {
      const row = rows.get(key)?.version ?? 'unknown';
      return violation('convergence', `${worker} reads version ${version} of ${key} in the end, the row has ${row}`);
    });
}

function groupBy<T>(items: readonly T[], nameOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(nameOf(item));
    if (group === undefined) groups.set(nameOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

function wentBack(read: ReadRecord, before: AnnouncedRecord): Violation {
  const lateMs = ((read.began - before.ended) / 1e6).toFixed(3);
  return violation(
    'never backwards',
    `${read.worker} got version ${read.version} of ${read.key} (${read.outcome}${read.joined ? ', joined' : ''}${read.blind ? ', blind' : ''}) by a read that began at ${read.began}, ` +
      `${lateMs} ms after ${before.worker} had announced version ${before.version} (${before.how})`,
  );
}

function violation(promise: Violation['promise'], what: string): Violation {
  return { promise, what };
}
