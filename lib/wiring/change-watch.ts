import type { TypeOrmDataSource } from '../codec/typeorm-types.js';
import type { CacheEvent } from '../core/cache-event.js';
import type { ReadThrough } from '../core/read-through.js';
import type { ResolvedCacheOptions } from '../distributed-cache.options.js';
import type { EntityKnowledge } from './entity-knowledge.js';

/** Hears of the changes of data sources, and announces them. */
export interface ChangeWatch {
  watch(dataSource: TypeOrmDataSource): void;
  /** Begins what is done in the background. @throws InvalidOptionsError when the outbox has no table */
  start(): Promise<void>;
  /** Ends what is done in the background. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

export interface ChangeWatchParts {
  readonly options: ResolvedCacheOptions;
  readonly entities: EntityKnowledge;
  readonly cache: () => Promise<ReadThrough>;
  readonly report: (event: CacheEvent) => void;
  readonly warnOnce: (kind: string, message: string) => void;
}

export async function watchChanges({
  cache,
  entities,
  options,
  report,
  warnOnce,
}: ChangeWatchParts): Promise<ChangeWatch> {
  const { EntityChanges } = await import('../invalidation/entity-changes.js');
  const { announceTimeoutMs, bulkChanges, clock, namespace, outbox } = options;
  return new EntityChanges({
    announce: async (changes, withinMs) => (await cache()).announceTags(changes, withinMs),
    clear: async () => (await cache()).clear(),
    versionOf: (metadata, entity) => entities.versionOfSaved(metadata.target, entity),
    bulkChanges: bulkChanges === 'invalidate',
    timeoutMs: announceTimeoutMs,
    namespace,
    outbox,
    passedBy: (entity) => {
      warnOnce('outbox', passedBy(entity));
    },
    clock,
    report,
  });
}

function passedBy(entity: string): string {
  return (
    `A change of ${entity} was written outside of a transaction, where the outbox cannot keep it: if this process is killed before it has announced it, nobody will. ` +
    'Such writes belong in a transaction: dataSource.transaction((manager) => manager.update(…)). This is said once.'
  );
}
