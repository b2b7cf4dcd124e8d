import { compareVersions } from '../../core/version.js';
import type { EntityMetadata } from '../entity-metadata.js';
import { rowVersion } from '../entity-version.js';

/** The slice of TypeORM's `UpdateEvent` that is read. */
interface UpdateEvent {
  readonly metadata?: { readonly target?: unknown };
  /** What was saved, with what the database has given it since. */
  readonly entity?: unknown;
  /** The row as it was; only `save()` reads it. */
  readonly databaseEntity?: unknown;
  readonly updatedColumns?: readonly { readonly propertyPath?: string }[];
}

/**
 * Hears of every `save()` and tells when it gave a row an older version than the row had:
 *
 * 1. an entity is read at version 1; 2. somebody else changes the row, which is version 2 now; 3. the entity is saved. Without `update: false` TypeORM finds that its version
 * differs from the row's and writes 1. Whoever announces the 1 announces the past, and what has version 2 in the cache looks newer than the row.
 *
 * TypeORM finds it in the list of subscribers; nothing of TypeORM is imported.
 */
export class StaleSaveSubscriber {
  /** @param find the entity of a class, if its versions matter to the cache */
  constructor(
    private readonly find: (target: unknown) => EntityMetadata | undefined,
    private readonly warn: (entity: EntityMetadata, message: string) => void,
  ) {}

  /** Never throws: it runs in the middle of the application's own transaction. */
  afterUpdate({ metadata, entity: saved, databaseEntity, updatedColumns }: UpdateEvent): void {
    try {
      const entity = this.find(metadata?.target);
      if (entity === undefined) return;
      const [before, after] = [rowVersion(databaseEntity, entity), rowVersion(saved, entity)];
      const difference = compareVersions(after, before);
      if (difference === undefined || difference >= 0) return;
      const written = updatedColumns?.some(({ propertyPath }) => propertyPath === sourceOf(entity)) ?? false;
      this.warn(
        entity,
        `save() gave a ${entity.name} the version ${String(after?.order)}, older than the ${String(before?.order)} its row had. ${written ? wroteBack(entity) : STAMPED_EARLIER}`,
      );
    } catch {
      // What cannot be compared is not told.
    }
  }
}

const STAMPED_EARLIER =
  'The database stamped it with an earlier time than the change before it. Add @VersionColumn({ update: false }), or stamp updates by a trigger that reads the clock.';

function wroteBack(entity: EntityMetadata): string {
  const column = entity.versionPath === undefined ? '@UpdateDateColumn' : '@VersionColumn';
  return `The entity was read before another change and wrote its old value back. Declare ${column}({ update: false }); the database gives it a new value all the same.`;
}

function sourceOf({ versionPath, updateDatePath }: EntityMetadata): string | undefined {
  return (versionPath ?? updateDatePath)?.join('.');
}
