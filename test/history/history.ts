import { readFileSync } from 'node:fs';

/**
 * What was recorded of a run, one line of JSON each. Times are nanoseconds of the machine's monotonic clock, which all its processes share: a number
 * holds them exactly for the first hundred days after the machine was started, and in order after that.
 *
 * A *stamp* is the place of a row's state among all changes of the run; each change takes the next one, a removal and the birth after it too.
 */
export type HistoryRecord =
  | ReadRecord
  | AnnouncedRecord
  | { readonly t: 'read-failed'; readonly worker: string; readonly entry: string; readonly error: string }
  | { readonly t: 'loaded'; readonly worker: string; readonly entry: string }
  | WritingRecord
  /** The change was committed at that time or before; its announcement comes after that, if it comes. */
  | {
      readonly t: 'committed';
      readonly worker: string;
      readonly key: string;
      readonly stamp: number;
      readonly at: number;
    }
  | { readonly t: 'rolled-back'; readonly worker: string; readonly key: string; readonly stamp: number }
  /** One attempt to announce a change was answered by an error. It is tried again. */
  | { readonly t: 'announce-failed'; readonly worker: string; readonly key: string; readonly error: string }
  | ClearedRecord
  | { readonly t: 'clear-failed'; readonly worker: string; readonly error: string }
  /** Something else that was heard of a worker's cache. */
  | { readonly t: 'event'; readonly worker: string; readonly type: string; readonly reason?: string }
  | { readonly t: 'fault'; readonly at: number; readonly kind: string }
  /** The row when everything was over; null: there is none. */
  | { readonly t: 'row'; readonly key: string; readonly stamp: number | null }
  /** The run itself went wrong: a worker that hangs, or a rejection that nobody handled. */
  | { readonly t: 'broken'; readonly what: string };

export interface ReadRecord {
  readonly t: 'read';
  readonly worker: string;
  /** What was asked for: a row or a list. */
  readonly entry: string;
  readonly began: number;
  readonly ended: number;
  /** What the answer says of each row that it could show: its stamp; null: that there is no such row. */
  readonly seen: Readonly<Record<string, number | null>>;
  /** How the answer came about; `GET` when it was only looked up. */
  readonly outcome: 'HIT' | 'STALE' | 'MISS' | 'WAITED' | 'GET';
  /** It shared a load that was under way in its process. */
  readonly joined: boolean;
  /** The store did not answer when it looked. */
  readonly blind: boolean;
  /** Made when all writers had stopped. */
  readonly last?: boolean;
}

/** Made inside a transaction: from here on the change may be committed, and seen. */
export interface WritingRecord {
  readonly t: 'writing';
  readonly worker: string;
  readonly key: string;
  readonly stamp: number;
  readonly at: number;
  readonly removes: boolean;
}

export interface AnnouncedRecord {
  readonly t: 'announced';
  readonly worker: string;
  readonly key: string;
  readonly stamp: number;
  readonly began: number;
  /** When the promise that announces had resolved. */
  readonly ended: number;
  readonly how: Notice;
  readonly what: 'changed' | 'removed' | 'inserted';
}

export interface ClearedRecord {
  readonly t: 'cleared';
  readonly worker: string;
  readonly began: number;
  readonly ended: number;
}

/**
 * How a writer tells of its change: not at all, since TypeORM does (`typeorm`); the row's version with it, no version, or the value itself by `set`. All but the first
 * also announce the tags of the lists.
 */
export type Notice = 'typeorm' | 'versioned' | 'bare' | 'set';

export function monotonicNs(): number {
  return Number(process.hrtime.bigint());
}

/** A recorded history. A last line that is cut short was written by a process that was killed at that moment. */
export function readHistory(path: string): HistoryRecord[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as HistoryRecord);
}
