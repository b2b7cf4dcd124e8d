import type { HistoryRecord } from './history.js';

/** From the moment it ended no reader may be shown anything older of the row. */
export interface Announcement {
  readonly worker: string;
  readonly stamp: number;
  readonly ended: number;
  readonly how: string;
}

/** The announcements of one key, by the time they completed. */
export class Announcements {
  static readonly NONE = new Announcements([]);
  readonly #inOrder: readonly Announcement[];
  /** The one of the highest stamp among the first so many. */
  readonly #highest: Announcement[] = [];

  constructor(announcements: readonly Announcement[]) {
    this.#inOrder = [...announcements].sort((a, b) => a.ended - b.ended);
    for (const one of this.#inOrder) {
      const before = this.#highest.at(-1);
      this.#highest.push(before === undefined || one.stamp > before.stamp ? one : before);
    }
  }

  /** The highest that had completed before `time`. */
  before(time: number): Announcement | undefined {
    let [low, high] = [0, this.#inOrder.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#inOrder[middle]!.ended < time) low = middle + 1;
      else high = middle;
    }
    return this.#highest[low - 1];
  }
}

/** What was announced of each key; `clear()` announces of every key whatever was committed before it was called. */
export function announcementsByKey(history: readonly HistoryRecord[]): Map<string, Announcements> {
  const announced = groupBy(
    history.filter((record) => record.t === 'announced'),
    ({ key }) => key,
  );
  const committed = groupBy(
    history.filter((record) => record.t === 'committed'),
    ({ key }) => key,
  );
  const cleared = history.filter((record) => record.t === 'cleared');
  const keys = new Set([...announced.keys(), ...committed.keys()]);
  return new Map(
    [...keys].map((key) => {
      const commits = new Announcements((committed.get(key) ?? []).map((one) => ({ ...one, ended: one.at, how: '' })));
      const byClear = cleared.flatMap(({ worker, began, ended }): Announcement[] => {
        const latest = commits.before(began);
        return latest === undefined ? [] : [{ worker, stamp: latest.stamp, ended, how: 'clear' }];
      });
      return [key, new Announcements([...(announced.get(key) ?? []), ...byClear])];
    }),
  );
}

export function groupBy<T>(items: readonly T[], nameOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(nameOf(item));
    if (group === undefined) groups.set(nameOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
