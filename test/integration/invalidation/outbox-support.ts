import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { afterAll, afterEach, beforeAll, beforeEach, inject } from 'vitest';
import { systemClock } from '../../../lib/core/clock.js';
import { rowTag } from '../../../lib/core/tag-names.js';
import { writeChanges } from '../../../lib/invalidation/outbox/change-text.js';
import { InProcessVersionedStore } from '../../../lib/stores/in-process-versioned-store.js';
import { outboxMigration } from '../../../lib/typeorm.js';
import { StagedStore } from '../../support/staged-store.js';
import { makeSchema, openShop, type Shop, type ShopOptions } from './shop.js';
import { PATIENT_CALLS } from '../../support/patient.js';

/** A step that a test has stopped is not given up, on a busy machine neither. */
const PATIENT = { ...PATIENT_CALLS, announceTimeoutMs: PATIENT_CALLS.storeTimeoutMs };
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

/** What each test of the outbox begins with: a schema with its table, a namespace and a shelf of the test's own, and shops that end with it. */
export interface OutboxShops {
  readonly schema: string;
  readonly rows: OutboxRows;
  readonly namespace: string;
  readonly where: { readonly shop: number; readonly shelf: string };
  open(options?: Partial<ShopOptions>): Promise<Shop>;
}

/** @param defaults of the shops, where a test does not say otherwise */
export function outboxShops(defaults: Partial<ShopOptions>): OutboxShops {
  let made: Awaited<ReturnType<typeof makeSchema>>;
  let rows: OutboxRows;
  let namespace = '';
  const shops: Shop[] = [];

  beforeAll(async () => {
    made = await makeSchema();
    rows = await OutboxRows.migrate(made.schema);
  });
  beforeEach(() => {
    namespace = randomUUID();
  });
  afterEach(async () => {
    for (const shop of shops.splice(0)) await shop.close();
  });
  afterAll(async () => {
    await rows.data.destroy();
    await made.drop();
  });

  return {
    get schema() {
      return made.schema;
    },
    get rows() {
      return rows;
    },
    get namespace() {
      return namespace;
    },
    get where() {
      return { shop: 1, shelf: namespace };
    },
    async open(options = {}) {
      const shop = await openShop({ schema: made.schema, namespace, ...defaults, ...options });
      shops.push(shop);
      return shop;
    },
  };
}
