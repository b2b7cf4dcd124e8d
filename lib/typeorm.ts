export type {
  TypeOrmEntityMetadata,
  TypeOrmIdColumn,
  TypeOrmJunctionColumn,
  TypeOrmRelation,
} from './codec/typeorm-types.js';
export type { TagChange } from './core/tagging.js';
export type { EntityChange } from './invalidation/entity-change.js';
export { entityKeys } from './invalidation/entity-keys.js';
export type { OutboxDataSource, OutboxRunner } from './invalidation/outbox/outbox-data-source.js';
export { outboxMigration, type MigrationRunner, type OutboxMigration } from './invalidation/outbox/outbox-migration.js';
export type { OutboxRow } from './invalidation/outbox/outbox-row.js';
export {
  EntityCacheSubscriber,
  type ChangeOutbox,
  type EntityCacheSubscriberOptions,
} from './invalidation/typeorm/entity-cache.subscriber.js';
export type { QueryRunnerSlice, RowEvent, TransactionEvent } from './invalidation/typeorm/typeorm-events.js';
