import type { TypeOrmDataSource } from '../../codec/typeorm-types.js';
import type { CacheEvent } from '../../core/cache-event.js';
import type { Clock } from '../../core/clock.js';
import { withDeadline } from '../../core/deadline.js';
import { InvalidOptionsError, StoreUnavailableError } from '../../core/errors.js';
import type { TagChange } from '../../core/tagging.js';
import type { QueryRunnerSlice } from '../typeorm/typeorm-events.js';
import { AnnouncedRows } from './announced-rows.js';
import type { OutboxDataSource, OutboxRunner } from './outbox-data-source.js';
import { OutboxDrain } from './outbox-drain.js';
import { leftChanges } from './left-changes.js';
import type { LeftRow, OutboxRow } from './outbox-row.js';
import { OutboxTable } from './outbox-table.js';

/** Behind the deadlines of the store's own commands. */
const DRAIN_TIMEOUT_MS = 30_000;
/** So much later than a writer can still be announcing its row, others take it. */
const GRACE_MS = 1_000;

export interface OutboxSettings {
  readonly table: string;
  readonly intervalMs: number;
  readonly batchSize: number;
}

export interface OutboxParts extends OutboxSettings {
  readonly namespace: string;
  /** Rejects when it could not be done. */
  readonly announce: (changes: readonly TagChange[]) => Promise<void>;
  readonly clear: () => Promise<void>;
  readonly clock: Clock;
  /** How long a writer announces before it gives up. */
  readonly timeoutMs: number;
  readonly report: (event: CacheEvent) => void;
}

interface Watched {
  readonly table: OutboxTable;
  readonly drain: OutboxDrain;
  readonly announced: AnnouncedRows;
}

/**
 * Changes in the database, beside the rows that they change: they are there if and only if the transaction was committed, and stay until somebody has announced them.
 *
 *   1. A transaction commits, and with it the row that tells its changes; 2. its process is killed before it has announced them; 3. another process finds the row, announces, and removes it.
 */
export class Outbox {
  /** One for each data source of the application. */
  private readonly watched = new Map<object, Watched>();

  constructor(private readonly parts: OutboxParts) {}

  /** @throws InvalidOptionsError for a database that has no outbox */
  watch(given: TypeOrmDataSource): void {
    if (this.watched.has(given)) return;
    const { clock, namespace, timeoutMs } = this.parts;
    const table = new OutboxTable(given as OutboxDataSource, { table: this.parts.table, namespace });
    const announced = new AnnouncedRows(clock, (ids) => table.remove(ids));
    const drain = new OutboxDrain({
      ...this.parts,
      take: (taking, announce) => table.take(taking, announce),
      announce: this.announceLeft,
      olderThanMs: timeoutMs + GRACE_MS,
    });
    this.watched.set(given, { table, drain, announced });
  }

  /** @throws InvalidOptionsError when a database has no such table. One that does not answer is found out later. */
  async check(): Promise<void> {
    for (const { table } of this.watched.values()) {
      const exists = await table.exists().catch((error: unknown) => {
        this.parts.report({ type: 'outbox-failing', error });
        return true;
      });
      if (!exists) throw noTable(table);
    }
  }

  /** Begins to look for rows that were left. May be called again, when more data sources are watched. */
  start(): void {
    for (const { drain } of this.watched.values()) drain.start();
  }

  /** Writes what a transaction changes, inside it. @throws what the database says: such a transaction must not be committed, since nobody would hear of it */
  async write(queryRunner: QueryRunnerSlice, changes: readonly TagChange[]): Promise<OutboxRow> {
    const dataSource = queryRunner.connection ?? queryRunner.dataSource;
    const watched = dataSource === undefined ? undefined : this.watched.get(dataSource);
    if (dataSource === undefined || watched === undefined)
      throw new InvalidOptionsError('outbox: a transaction was heard of that belongs to no data source of the cache.');
    const id = this.parts.clock.uniqueId();
    await watched.table.insert(queryRunner as unknown as OutboxRunner, id, changes);
    return { id, dataSource };
  }

  /** Their changes are announced: the rows may go. */
  remove(rows: readonly OutboxRow[]): void {
    for (const { id, dataSource } of rows) this.watched.get(dataSource)?.announced.add(id);
  }

  /** Ends what is done in the background: no timer is left. Rows are still written and removed. */
  async stop(): Promise<void> {
    for (const { announced } of this.watched.values()) announced.stopGathering();
    await Promise.all([...this.watched.values()].map(({ drain }) => drain.stop()));
  }

  async close(): Promise<void> {
    await this.stop();
    await Promise.all([...this.watched.values()].map(({ announced }) => announced.settled()));
  }

  private readonly announceLeft = async (rows: readonly LeftRow[]): Promise<void> => {
    const late = (): Error =>
      new StoreUnavailableError(`The rows were not announced within ${String(DRAIN_TIMEOUT_MS)} ms`);
    // What cannot be read may be anything.
    const isReadable = rows.every(({ changes }) => changes !== undefined);
    const announce = async (): Promise<void> => {
      for (const changes of leftChanges(rows.flatMap((row) => row.changes ?? []))) await this.parts.announce(changes);
    };
    const work = isReadable ? announce() : this.parts.clear();
    await withDeadline(this.parts.clock, work, DRAIN_TIMEOUT_MS, late);
  };
}

function noTable({ path, dataSource: { name = 'default', options } }: OutboxTable): InvalidOptionsError {
  return new InvalidOptionsError(
    `outbox: expected a table ${path} in the data source "${name}" (${options.type}), found none. ` +
      'Add outboxMigration() of nestjs-distributed-cache/typeorm to its migrations and run them, or leave outbox out.',
  );
}
