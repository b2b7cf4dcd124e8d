import { tagNameOf } from '../codec/entity-identity.js';
import type { TagChange } from '../core/tagging.js';
import type { EntityChange } from './entity-change.js';
import { entityKeys, everything } from './entity-keys.js';
import type { OutboxRow } from './outbox/outbox-row.js';

/** A transaction that touches more than this announces its entities as a whole. */
const MAX_TAGS = 10_000;

/** What one transaction will announce when it is committed. */
export class PendingChanges {
  /** It has been written into the outbox, or is being written: what comes after that is not in it. */
  isInOutbox = false;
  /** The rows there. */
  readonly rows: OutboxRow[] = [];
  private readonly byTag = new Map<string, TagChange>();
  private readonly wholeEntities = new Set<string>();
  private readonly names = new Set<string>();

  /** The last word on a row counts. */
  add(change: EntityChange): void {
    for (const name of namesOf(change)) this.names.add(name);
    if (this.wholeEntities.size === 0) for (const key of entityKeys(change)) this.byTag.set(key.tag, key);
    if (this.wholeEntities.size === 0 && this.byTag.size <= MAX_TAGS) return;
    this.byTag.clear();
    for (const name of this.names) this.wholeEntities.add(name);
  }

  all(): TagChange[] {
    return [...this.byTag.values(), ...[...this.wholeEntities].flatMap(everything)];
  }
}

function namesOf({ metadata }: EntityChange): string[] {
  if (metadata.isJunction !== true) return [tagNameOf(metadata)];
  const sides = [...(metadata.ownerColumns ?? []), ...(metadata.inverseColumns ?? [])];
  return sides.flatMap(({ referencedColumn }) =>
    referencedColumn ? [tagNameOf(referencedColumn.entityMetadata)] : [],
  );
}
