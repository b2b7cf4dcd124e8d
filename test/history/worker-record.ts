import { AsyncLocalStorage } from 'node:async_hooks';
import { openSync, writeSync } from 'node:fs';
import type { CacheEvent } from 'nestjs-distributed-cache';
import { monotonicNs, type AnnouncedRecord, type HistoryRecord } from './history.js';
import type { WorkerSettings } from './worker-process.js';

/** What happened to the read or write in whose asynchronous context an event was made. */
export interface Fate {
  blind: boolean;
  joined: boolean;
  /** The announcement of a write through TypeORM has failed, and will be made up for. */
  owes: boolean;
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
  'announcement-failed',
  'announcement-made-up',
  'announcement-lost',
];

/** Where a worker records, and what it hears of its cache. */
export class WorkerRecord {
  private readonly output: number;
  private readonly fates = new AsyncLocalStorage<Fate>();
  /** Announcements that are still to be made, and by how many more rounds they certainly are. */
  private owed: { readonly announced: Omit<AnnouncedRecord, 'ended'>; rounds: number }[] = [];
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
    const fate = { blind: false, joined: false, owes: false };
    return { result: await this.fates.run(fate, work), fate };
  }

  /**
   * One announcement has failed and is to be made up for. A round that makes up may have begun before that, but not if nothing else was owed: then the next one that is over
   * has made it, otherwise the one after that.
   */
  owe(announced: Omit<AnnouncedRecord, 'ended'>): void {
    this.owed.push({ announced, rounds: this.owed.length === 0 ? 1 : 2 });
  }

  readonly observe = (event: CacheEvent): void => {
    const { worker } = this;
    const fate = this.fates.getStore();
    if (fate !== undefined && event.type === 'store-unavailable' && event.step === 'read') fate.blind = true;
    if (fate !== undefined && event.type === 'joined') fate.joined = true;
    if (fate !== undefined && event.type === 'announcement-failed') fate.owes = true;
    if (event.type === 'announcement-made-up') this.roundOver();
    if (!TOLD.includes(event.type)) return;
    this.add({ t: 'event', worker, type: event.type, ...('reason' in event && { reason: event.reason }) });
  };

  private roundOver(): void {
    for (const debt of this.owed) debt.rounds -= 1;
    const ended = monotonicNs();
    for (const { announced, rounds } of this.owed) if (rounds === 0) this.add({ ...announced, ended });
    this.owed = this.owed.filter(({ rounds }) => rounds > 0);
  }
}
