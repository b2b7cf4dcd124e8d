import type { TypeOrmDataSource } from '../codec/entity-metadata.js';
import { Announcer, type AnnouncerParts } from './announcer.js';
import { EntityCacheSubscriber, type EntityCacheSubscriberOptions } from './typeorm/entity-cache.subscriber.js';

/** Hears of the changes of any number of data sources, and announces them. */
export class EntityChanges {
  private readonly announcer: Announcer;
  private readonly subscriber: EntityCacheSubscriber;
  private readonly watched = new Set<TypeOrmDataSource>();

  constructor(parts: AnnouncerParts & Omit<EntityCacheSubscriberOptions, 'announce'>) {
    const { versionOf, bulkChanges } = parts;
    this.announcer = new Announcer(parts);
    this.subscriber = new EntityCacheSubscriber({
      announce: (changes) => this.announcer.announce(changes),
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
  async close(): Promise<void> {
    for (const { subscribers } of this.watched) {
      const at = subscribers?.indexOf(this.subscriber) ?? -1;
      if (at >= 0) subscribers?.splice(at, 1);
    }
    this.watched.clear();
    await this.announcer.close();
  }
}
