import { setTimeout as rest } from 'node:timers/promises';
import type { DistributedCacheService } from 'nestjs-distributed-cache';
import { rowTag, shelfTag } from './entries.js';
import { HistoryRow } from './history-row.js';
import type { Change, HistoryTable } from './history-table.js';
import { monotonicNs, type AnnouncedRecord } from './history.js';
import { BOUNDS, type Operation } from './plan.js';
import type { WorkerRecord } from './worker-record.js';

type Write = Operation & { do: 'write' };

class RolledBack extends Error {}

/** What a worker writes, and how it announces it. */
export class WorkerWrites {
  constructor(
    private readonly cache: DistributedCacheService,
    private readonly rows: HistoryTable,
    private readonly record: WorkerRecord,
  ) {}

  write(plan: Write): Promise<void> {
    return plan.notice === 'typeorm' ? this.byTypeOrm(plan) : this.bySql(plan);
  }

  /** Everything is written, and nothing of it committed. */
  async rollBack({ key, removes }: Operation & { do: 'roll-back' }): Promise<void> {
    const { worker } = this.record;
    let stamp = 0;
    const written = (change: Change): void => {
      stamp = change.stamp;
      throw new RolledBack();
    };
    await this.rows.change({ key, removes, by: 'orm', written }).catch((error: unknown) => {
      if (!(error instanceof RolledBack)) throw error;
    });
    this.record.add({ t: 'rolled-back', worker, key, stamp });
  }

  async clear(): Promise<void> {
    const { worker } = this.record;
    const began = monotonicNs();
    try {
      await this.cache.clear();
      this.record.add({ t: 'cleared', worker, began, ended: monotonicNs() });
    } catch (error) {
      this.record.add({ t: 'clear-failed', worker, error: String(error) });
    }
  }

  /** The transaction resolves when TypeORM's subscriber has announced it, or has put that off. */
  private async byTypeOrm({ key, removes }: Write): Promise<void> {
    const began = monotonicNs();
    const { result, fate } = await this.record.fated(() =>
      this.rows.change({ key, removes, by: 'orm', written: this.writing(key) }),
    );
    this.committed(key, result);
    const announced = this.announcement(key, result, 'typeorm', began);
    if (fate.debt !== undefined) this.record.owe(fate.debt, announced);
    else this.record.add({ ...announced, ended: monotonicNs() });
  }

  private async bySql({ key, removes, notice, gapMs }: Write): Promise<void> {
    const { worker } = this.record;
    const change = await this.rows.change({ key, removes, by: 'sql', written: this.writing(key) });
    this.committed(key, change);
    if (gapMs > 0) await rest(gapMs);
    for (let attempt = 0; attempt < BOUNDS.announceAttempts; attempt++) {
      const announced = this.announcement(key, change, notice, monotonicNs());
      try {
        await this.announce(key, change, notice);
        this.record.add({ ...announced, ended: monotonicNs() });
        return;
      } catch (error) {
        this.record.add({ t: 'announce-failed', worker, key, error: String(error) });
        await rest(BOUNDS.announceAgainMs);
      }
    }
  }

  private async announce(key: string, { what, row }: Change, notice: Write['notice']): Promise<void> {
    const tags = [rowTag(key), ...(what === 'changed' ? [] : [shelfTag(row.shelf)])];
    const cacheKey = ['row', key];
    const { version } = row;
    const own = (): Promise<unknown> => {
      if (notice === 'set' && what === 'changed') return this.cache.set(cacheKey, row, { entity: HistoryRow });
      return this.cache.invalidate(cacheKey, notice === 'bare' ? {} : { version, change: what });
    };
    await Promise.all([own(), this.cache.invalidateTags(tags)]);
  }

  private writing(key: string): (change: Change) => void {
    const { worker } = this.record;
    return ({ stamp, what }) => {
      this.record.add({ t: 'writing', worker, key, stamp, at: monotonicNs(), removes: what === 'removed' });
    };
  }

  private committed(key: string, { stamp }: Change): void {
    this.record.add({ t: 'committed', worker: this.record.worker, key, stamp, at: monotonicNs() });
  }

  private announcement(
    key: string,
    { stamp, what }: Change,
    how: Write['notice'],
    began: number,
  ): Omit<AnnouncedRecord, 'ended'> {
    return { t: 'announced', worker: this.record.worker, key, stamp, began, how, what };
  }
}
