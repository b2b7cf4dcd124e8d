import type { TagChange } from '../core/tagging.js';
import type { EntityChange } from './entity-change.js';
import { entityKeys, tablesOf } from './entity-keys.js';
import type { OutboxRow } from './outbox/outbox-row.js';
import { everything } from './whole-tables.js';

/** A transaction that touches more than this announces its tables as a whole. */
const MAX_TAGS = 10_000;

/** What one transaction will announce when it is committed. */
export class PendingChanges {
  /** It has been written into the outbox, or is being written: what comes after that is not in it. */
  isInOutbox = false;
  /** The rows there. */
  readonly rows: OutboxRow[] = [];
  private readonly byTag = new Map<string, TagChange>();
  private readonly wholeTables = new Set<string>();
  private readonly tables = new Set<string>();

  /** The last word on a row counts; one that says nothing of the row itself (a relation of it was changed) takes nothing away. */
  add(change: EntityChange): void {
    for (const table of tablesOf(change)) this.tables.add(table);
    if (this.wholeTables.size === 0) for (const key of entityKeys(change)) this.told(key);
    if (this.wholeTables.size === 0 && this.byTag.size <= MAX_TAGS) return;
    this.byTag.clear();
    for (const table of this.tables) this.wholeTables.add(table);
  }

  /**
   * A part of the transaction was taken back. Its changes stay in the list, since one announcement too many does no harm, but a version that no row has would: nothing that the row really has could be stored under it. Which part that was is not kept, so
   * all lose what they say of their rows, and the lease alone orders their loads.
   */
  partlyRolledBack(): void {
    for (const tag of this.byTag.keys()) this.byTag.set(tag, { tag });
  }

  private told(next: TagChange): void {
    if (next.change !== undefined || !this.byTag.has(next.tag)) this.byTag.set(next.tag, next);
  }

  all(): TagChange[] {
    return [...this.byTag.values(), ...[...this.wholeTables].flatMap(everything)];
  }
}
