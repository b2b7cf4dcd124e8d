import { setTimeout as rest } from 'node:timers/promises';
import type { DistributedCacheService } from 'nestjs-distributed-cache';
import { cacheKeyOf, entryName, keysOf, rowTag, shelfTag, type Entry } from './entries.js';
import { HistoryRow } from './history-row.js';
import type { HistoryTable } from './history-table.js';
import { monotonicNs, type ReadRecord } from './history.js';
import type { Operation } from './plan.js';
import type { WorkerRecord } from './worker-record.js';

type ReadPlan = Omit<Operation & { do: 'read' }, 'do' | 'restMs'>;
type Answer = HistoryRow | HistoryRow[] | null;

/** What a worker reads, and what it saw. */
export class WorkerReads {
  constructor(
    private readonly cache: DistributedCacheService,
    private readonly rows: HistoryTable,
    private readonly record: WorkerRecord,
  ) {}

  /** Resolves with whether there was an answer. */
  async read(plan: ReadPlan, last = false): Promise<boolean> {
    const { eagerRefresh, entry, negativeTtlMs, renews, ttlMs } = plan;
    const { worker } = this.record;
    const began = monotonicNs();
    try {
      const { result, fate } = await this.record.fated(() =>
        this.cache.getOrLoadWithOutcome<Answer>(cacheKeyOf(entry), () => this.load(plan), {
          entity: HistoryRow,
          ttlMs,
          eagerRefresh,
          ...(negativeTtlMs !== undefined && { negativeTtlMs }),
          ...(renews && entry.of === 'row' && { currentVersion: () => this.rows.version(entry.key) }),
          ...(entry.of === 'list' && { tags: (answer) => tagsOf(entry.shelf, answer), ...listOptions(entry.shelf) }),
        }),
      );
      const ended = monotonicNs();
      const { value, outcome } = result;
      if (outcome === 'BYPASS') throw new Error('The cache was passed by');
      const { blind, joined } = fate;
      this.add({ entry: entryName(entry), began, ended, seen: seenIn(entry, value), outcome, blind, joined }, last);
      return true;
    } catch (error) {
      this.record.add({ t: 'read-failed', worker, entry: entryName(entry), error: String(error) });
      return false;
    }
  }

  async get(entry: Entry): Promise<void> {
    const began = monotonicNs();
    const value = (await this.cache.get(cacheKeyOf(entry))) as Answer | undefined;
    if (value === undefined) return;
    const ended = monotonicNs();
    const seen = seenIn(entry, value);
    this.add({ entry: entryName(entry), began, ended, seen, outcome: 'GET', joined: false, blind: false });
  }

  private async load({ entry, loadMs, fails }: ReadPlan): Promise<Answer> {
    const answer = await (entry.of === 'row' ? this.rows.read(entry.key) : this.rows.list(entry.shelf));
    if (loadMs > 0) await rest(loadMs);
    if (fails) throw new Error('A load failed, as planned');
    this.record.add({ t: 'loaded', worker: this.record.worker, entry: entryName(entry) });
    return answer;
  }

  private add(read: Omit<ReadRecord, 't' | 'worker'>, last = false): void {
    this.record.add({ t: 'read', worker: this.record.worker, ...read, ...(last && { last }) });
  }
}

/** Every way to say what outdates a list. */
function listOptions(shelf: number): { listInvalidation: 'any-change' | 'membership' } {
  return { listInvalidation: shelf === 0 ? 'any-change' : 'membership' };
}

function tagsOf(shelf: number, answer: Answer | undefined): string[] {
  return [shelfTag(shelf), ...(Array.isArray(answer) ? answer.map(({ key }) => rowTag(key)) : [])];
}

function seenIn(entry: Entry, answer: Answer): Record<string, number | null> {
  const rows = Array.isArray(answer) ? answer : answer === null ? [] : [answer];
  for (const row of rows) if (!(row instanceof HistoryRow)) throw new Error('What came out is no HistoryRow');
  const stamps = new Map(rows.map(({ key, stamp }) => [key, stamp]));
  return Object.fromEntries(keysOf(entry).map((key) => [key, stamps.get(key) ?? null]));
}
