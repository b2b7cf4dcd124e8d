import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { inject } from 'vitest';
import { systemClock } from '../../../lib/core/clock.js';
import { rowTag } from '../../../lib/core/tag-names.js';
import { writeChanges } from '../../../lib/invalidation/outbox/change-text.js';
import { InProcessVersionedStore } from '../../../lib/stores/in-process-versioned-store.js';
import { outboxMigration } from '../../../lib/typeorm.js';
import { StagedStore } from '../../support/staged-store.js';

/** A step that a test has stopped is not given up, on a busy machine neither. */
const PATIENT = { storeTimeoutMs: 60_000, announceTimeoutMs: 60_000 };
/** Nobody looks for what others have left. */
export const NO_DRAINS = { ...PATIENT, outbox: { intervalMs: 600_000 } };
/** Rows are their writer's business for a second and `announceTimeoutMs`, and then for everybody. */
export const SOON = { ...PATIENT, announceTimeoutMs: 100, outbox: { intervalMs: 100 } };

/** What stands in the outbox of a schema, and what was put there by others. */
export class OutboxRows {
  private constructor(
    readonly data: DataSource,
    private readonly schema: string,
  ) {}

  /** Makes the table as an application does. */
  static async migrate(schema: string): Promise<OutboxRows> {
    const data = new DataSource({
      type: 'postgres',
      url: inject('postgresUrl'),
      schema,
      migrations: [outboxMigration()],
    });
    await data.initialize();
    await data.runMigrations();
    return new OutboxRows(data, schema);
  }

  get table(): string {
    return `"${this.schema}"."distributed_cache_outbox"`;
  }

  /** The texts of what they tell, in their order. */
  async texts(namespace: string): Promise<string[]> {
    const rows: { changes: string }[] = await this.data.query(
      `SELECT changes FROM ${this.table} WHERE namespace = $1 ORDER BY created_at`,
      [namespace],
    );
    return rows.map(({ changes }) => changes);
  }

  /** As writers that were killed an hour ago would have left them: one row for each tag. */
  async leave(namespace: string, ids: readonly string[], text?: string): Promise<void> {
    for (const [index, id] of ids.entries()) {
      const changes = text ?? writeChanges([{ tag: rowTag('Stock', [id]) }]);
      await this.data.query(
        `INSERT INTO ${this.table} (id, namespace, created_at, changes) VALUES ($1, $2, (extract(epoch from now()) * 1000)::bigint - 3600000 + $4::int, $3)`,
        [randomUUID(), namespace, changes, index],
      );
    }
  }
}

/** Stores of several instances over one, each of which can be stopped by itself. */
export function sharedStores(): () => StagedStore {
  const inner = new InProcessVersionedStore({ clock: systemClock, maxEntries: 10_000 });
  return () => new StagedStore(inner);
}
