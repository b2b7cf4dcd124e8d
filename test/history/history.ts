import { readFileSync } from 'node:fs';

/**
 * What was recorded of a run, one line of JSON each. Times are nanoseconds of the machine's monotonic clock, which all its processes share: a number
 * holds them exactly for the first hundred days after the machine was started, and in order after that.
 */
export type HistoryRecord =
  | ReadRecord
  | AnnouncedRecord
  | { readonly t: 'read-failed'; readonly worker: string; readonly key: string; readonly error: string }
  | { readonly t: 'loaded'; readonly worker: string; readonly key: string; readonly version: number }
  /** A change was committed; its announcement comes after that, if it comes. */
  | { readonly t: 'committed'; readonly worker: string; readonly key: string; readonly version: number }
  /** One attempt to announce a change was answered by an error. The writer tries again. */
  | { readonly t: 'announce-failed'; readonly worker: string; readonly key: string; readonly error: string }
  /** Something else that was heard of a worker's cache. */
  | { readonly t: 'event'; readonly worker: string; readonly type: string; readonly reason?: string }
  | { readonly t: 'fault'; readonly at: number; readonly kind: string }
  /** The row when everything was over. */
  | { readonly t: 'row'; readonly key: string; readonly version: number }
  /** The run itself went wrong: a worker that hangs, or a rejection that nobody handled. */
  | { readonly t: 'broken'; readonly what: string };

export interface ReadRecord {
  readonly t: 'read';
  readonly worker: string;
  readonly key: string;
  readonly began: number;
  readonly ended: number;
  readonly version: number;
  /** How the answer came about; `GET` when it was only looked up. */
  readonly outcome: 'HIT' | 'STALE' | 'MISS' | 'WAITED' | 'GET';
  /** It shared a load that was under way in its process. */
  readonly joined: boolean;
  /** The store did not answer when it looked. */
  readonly blind: boolean;
  /** Made when all writers had stopped. */
  readonly last?: boolean;
}

export interface AnnouncedRecord {
  readonly t: 'announced';
  readonly worker: string;
  readonly key: string;
  readonly version: number;
  readonly began: number;
  /** When the promise that announces had resolved. */
  readonly ended: number;
  readonly how: Notice;
}

/** How a writer tells of its change: the version with it, no version, or the value itself by `set`. */
export type Notice = 'versioned' | 'bare' | 'set';

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
