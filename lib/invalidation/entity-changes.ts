import type { TypeOrmDataSource } from '../codec/typeorm-types.js';
import type { CacheEvent } from '../core/cache-event.js';
import type { Clock } from '../core/clock.js';
import { StoreUnavailableError } from '../core/errors.js';
import type { TagChange } from '../core/tagging.js';
import { Outbox, type OutboxSettings } from './outbox/outbox.js';
import type { OutboxRow } from './outbox/outbox-row.js';
import { EntityCacheSubscriber, type EntityCacheSubscriberOptions } from './typeorm/entity-cache.subscriber.js';

export interface EntityChangesParts extends Pick<EntityCacheSubscriberOptions, 'versionOf' | 'bulkChanges'> {
  /** Rejects with a `StoreUnavailableError` when the announcement is kept for later, as it also is after `withinMs`. */
  readonly announce: (changes: readonly TagChange[], withinMs?: number) => Promise<void>;
  readonly clear: () => Promise<void>;
  readonly clock: Clock;
  /** How long whoever wrote waits for the announcement. */
  readonly timeoutMs: number;
  readonly namespace: string;
  /** Undefined: changes are not kept in the database. */
  readonly outbox: OutboxSettings | undefined;
  /** Hears, with the name of an entity, of changes that could not be kept there. */
  readonly passedBy: (entity: string) => void;
  readonly report: (event: CacheEvent) => void;
}

/** Hears of the changes of any number of data sources, and announces them. */
export class EntityChanges {
  private readonly outbox: Outbox | undefined;
  private readonly subscriber: EntityCacheSubscriber;
  private readonly watched = new Set<TypeOrmDataSource>();

  constructor(private readonly parts: EntityChangesParts) {
    const { versionOf, bulkChanges, passedBy } = parts;
    const outbox = parts.outbox && new Outbox({ ...parts, ...parts.outbox });
    this.outbox = outbox;
    this.subscriber = new EntityCacheSubscriber({
      announce: (changes, rows) => this.announce(changes, rows),
      versionOf,
      bulkChanges,
      outbox: outbox && { write: (queryRunner, changes) => outbox.write(queryRunner, changes), passedBy },
    });
  }

  /**
   * May be called again: a data source that is initialized makes a new list of its subscribers.
   *
   * @throws InvalidOptionsError for a database that has no outbox, where one is asked for
   */
  watch(dataSource: TypeOrmDataSource): void {
    const { subscribers } = dataSource;
    if (subscribers === undefined || subscribers.includes(this.subscriber)) return;
    this.outbox?.watch(dataSource);
    subscribers.push(this.subscriber);
    this.subscriber.watch(dataSource);
    this.watched.add(dataSource);
  }

  /** Begins what is done in the background. @throws InvalidOptionsError when the outbox has no table */
  async start(): Promise<void> {
    await this.outbox?.check();
    this.outbox?.start();
  }

  /** Ends what is done in the background. Changes are still heard and announced. */
  async stop(): Promise<void> {
    await this.outbox?.stop();
  }

  /** Data sources may outlive the application. */
  async close(): Promise<void> {
    for (const dataSource of this.watched) {
      const { subscribers } = dataSource;
      const at = subscribers?.indexOf(this.subscriber) ?? -1;
      if (at >= 0) subscribers?.splice(at, 1);
      this.subscriber.unwatch(dataSource);
    }
    this.watched.clear();
    await this.outbox?.close();
  }

  /** Never rejects: the change is committed, whatever becomes of its announcement. What could not be announced stays in the outbox: it outlives this process, which goes on trying too. */
  private async announce(changes: readonly TagChange[], rows: readonly OutboxRow[]): Promise<void> {
    if (changes.length === 0) return;
    try {
      await this.parts.announce(changes, this.parts.timeoutMs);
    } catch (error) {
      if (error instanceof StoreUnavailableError) return;
      this.parts.report({ type: 'announcement-lost', keys: 0, tags: changes.length, everything: false, error });
      return;
    }
    this.outbox?.remove(rows);
  }
}
