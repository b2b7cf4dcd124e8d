import { AsyncLocalStorage } from 'node:async_hooks';
import { openSync, writeSync } from 'node:fs';
import type { CacheEvent, UnsentCount } from 'nestjs-distributed-cache';
import { monotonicNs, type AnnouncedRecord, type HistoryRecord } from './history.js';
import type { WorkerSettings } from './worker-process.js';

/** What happened to the read or write in whose asynchronous context an event was made. */
export interface Fate {
  blind: boolean;
  joined: boolean;
  /** The announcement of a write through TypeORM has failed, and will be made up for. */
  debt?: Debt;
}

/** An announcement that has failed. Which write it was of is known later than that, and maybe later than it is made. */
interface Debt {
  announced?: Omit<AnnouncedRecord, 'ended'>;
  madeAt?: number;
}

/** Those that no record of another kind tells. */
const TOLD: readonly CacheEvent['type'][] = [
  'superseded',
  'flight-superseded',
  'lock-lost',
  'lock-unavailable',
  'store-unavailable',
  'version-regressed',
  'not-stored',
  'eager-refresh',
  'renewed',
  'renewal-refused',
  'announcement-failed',
  'announcement-made-up',
  'announcement-lost',
];

function isNothing({ keys, tags, everything }: UnsentCount): boolean {
  return keys === 0 && tags === 0 && !everything;
}

/** Where a worker records, and what it hears of its cache. */
export class WorkerRecord {
  private readonly output: number;
  private readonly fates = new AsyncLocalStorage<Fate>();
  /** Announcements that are still to be made. */
  private owed: Debt[] = [];
  readonly worker: string;

  constructor({ worker, file }: Pick<WorkerSettings, 'worker' | 'file'>) {
    this.worker = worker;
    this.output = openSync(file, 'a');
  }

  /** Written at once, so that a killed process leaves all that happened. */
  add(entry: HistoryRecord): void {
    writeSync(this.output, `${JSON.stringify(entry)}\n`);
  }

  /** Runs `work`, and notes in its fate what becomes of it. */
  async fated<T>(work: () => Promise<T>): Promise<{ result: T; fate: Fate }> {
    const fate: Fate = { blind: false, joined: false };
    return { result: await this.fates.run(fate, work), fate };
  }

  /** Of this write one announcement has failed; it is recorded as soon as it is made. */
  owe(debt: Debt, announced: Omit<AnnouncedRecord, 'ended'>): void {
    debt.announced = announced;
    this.settle(debt);
  }

  readonly observe = (event: CacheEvent): void => {
    const { worker } = this;
    const fate = this.fates.getStore();
    if (fate !== undefined && event.type === 'store-unavailable' && event.step === 'read') fate.blind = true;
    if (fate !== undefined && event.type === 'joined') fate.joined = true;
    if (fate !== undefined && event.type === 'announcement-failed') this.owed.push((fate.debt = {}));
    if (event.type === 'announcement-made-up' && isNothing(event.unsent)) this.allMade();
    if (!TOLD.includes(event.type)) return;
    this.add({ t: 'event', worker, type: event.type, ...('reason' in event && { reason: event.reason }) });
  };

  /** What is kept is made for certain when nothing is kept any more. A round that makes up for some of it may have begun before the rest was. */
  private allMade(): void {
    const madeAt = monotonicNs();
    for (const debt of this.owed.splice(0)) {
      debt.madeAt = madeAt;
      this.settle(debt);
    }
  }

  private settle({ announced, madeAt }: Debt): void {
    if (announced !== undefined && madeAt !== undefined) this.add({ ...announced, ended: madeAt });
  }
}
