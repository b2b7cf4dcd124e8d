import type { TypeOrmDataSource } from '../codec/entity-metadata.js';
import type { CacheEvent } from '../core/cache-event.js';
import { StoreUnavailableError } from '../core/errors.js';
import type { TagChange } from '../core/tagging.js';
import { EntityCacheSubscriber, type EntityCacheSubscriberOptions } from './typeorm/entity-cache.subscriber.js';

export interface EntityChangesParts extends Omit<EntityCacheSubscriberOptions, 'announce'> {
  /** Rejects with a `StoreUnavailableError` when the announcement is kept for later. */
  readonly announce: (changes: readonly TagChange[]) => Promise<void>;
  readonly report: (event: CacheEvent) => void;
}

/** Hears of the changes of any number of data sources, and announces them. */
export class EntityChanges {
  private readonly subscriber: EntityCacheSubscriber;
  private readonly watched = new Set<TypeOrmDataSource>();

  constructor(private readonly parts: EntityChangesParts) {
    const { versionOf, bulkChanges } = parts;
    this.subscriber = new EntityCacheSubscriber({
      announce: (changes) => this.announce(changes),
      versionOf,
      bulkChanges,
    });
  }

  /** May be called again: a data source that is initialized makes a new list of its subscribers. */
  watch(dataSource: TypeOrmDataSource): void {
    const { subscribers } = dataSource;
    if (subscribers === undefined || subscribers.includes(this.subscriber)) return;
    subscribers.push(this.subscriber);
    this.watched.add(dataSource);
  }

  /** Data sources may outlive the application. */
  close(): void {
    for (const { subscribers } of this.watched) {
      const at = subscribers?.indexOf(this.subscriber) ?? -1;
      if (at >= 0) subscribers?.splice(at, 1);
    }
    this.watched.clear();
  }

  /** Never rejects: the change is committed, whatever becomes of its announcement. */
  private async announce(changes: readonly TagChange[]): Promise<void> {
    if (changes.length === 0) return;
    try {
      await this.parts.announce(changes);
    } catch (error) {
      if (error instanceof StoreUnavailableError) return;
      this.parts.report({ type: 'announcement-lost', keys: 0, tags: changes.length, everything: false, error });
    }
  }
}
