import { identityFrom, identityOf, tagNameOf } from '../codec/entity-identity.js';
import type { TypeOrmEntityMetadata, TypeOrmJunctionColumn } from '../codec/entity-metadata.js';
import { absenceTag, bulkTags, listTag, membersTag, partTag, rowTag } from '../core/tag-names.js';
import type { TagChange } from '../core/tagging.js';
import type { EntityChange } from './entity-change.js';

/**
 * Which tags a change announces. Pure.
 *
 * A change that tells its row: the entries of this row, those that contain it, lists, and entries that say there is none. One that does not (a statement of a query builder): every entry with
 * rows of the entity.
 */
export function entityKeys(change: EntityChange): TagChange[] {
  const { metadata } = change;
  try {
    return keysOf(change);
  } catch {
    // an accessor of the entity threw: which row it is cannot be told, and the write is done
    return everything(tagNameOf(metadata));
  }
}

/** Whether a change was made by a statement of a query builder, whose rows nobody tells. */
export function tellsNoRow(change: EntityChange): boolean {
  try {
    return change.metadata.isJunction !== true && identities(change).length === 0;
  } catch {
    return false;
  }
}

function keysOf(change: EntityChange): TagChange[] {
  const { metadata } = change;
  if (metadata.isJunction === true) return junctionKeys(change);
  const name = tagNameOf(metadata);
  const ids = identities(change);
  if (ids.length === 0) return everything(name);
  return [
    ...ids.map((id) => ({ tag: rowTag(name, id), ...rowChange(change) })),
    ...ids.map((id) => ({ tag: partTag(name, id) })),
    { tag: listTag(name) },
    // Where a row was removed and a null stored meanwhile, what the removal left behind must not refuse the row that is born again.
    { tag: absenceTag(name), ...(change.kind === 'insert' && { change: 'inserted' as const }) },
    ...(comesOrGoes(change) ? [{ tag: membersTag(name) }] : []),
    ...(change.mayBeAnother === true ? everything(name) : []),
  ];
}

/** Every entry with rows of the entity. */
export function everything(name: string): TagChange[] {
  return bulkTags(name).map((tag) => ({ tag }));
}

/**
 * The row as it was and as it is: a saved key may be spelled otherwise than the stored one (a UUID in capitals). An update without the row that it found is a query builder's, whose
 * criteria nobody tells: what it sets may hold a key, but of which rows?
 */
function identities({ kind, metadata, entity, databaseEntity, entityId }: EntityChange): (readonly string[])[] {
  const stored = identityOf(metadata, databaseEntity);
  if (kind === 'update' && stored === undefined) return [];
  const all = [stored, identityFrom(metadata, entityId), identityOf(metadata, entity)];
  return [...new Map(all.filter((id) => id !== undefined).map((id) => [JSON.stringify(id), id])).values()];
}

function rowChange({ kind, version }: EntityChange): Omit<TagChange, 'tag'> {
  const change = kind === 'remove' ? 'removed' : kind === 'insert' ? 'inserted' : 'changed';
  return { change, ...(version !== undefined && { version }) };
}

function comesOrGoes({ kind, movedBetweenLists }: EntityChange): boolean {
  return kind !== 'update' || movedBetweenLists === true;
}

/** A row of a junction table concerns the two rows that it connects. */
function junctionKeys({ metadata, entity, databaseEntity, entityId }: EntityChange): TagChange[] {
  const row = [entityId, databaseEntity, entity].find((found) => typeof found === 'object' && found !== null);
  return [metadata.ownerColumns, metadata.inverseColumns].flatMap((columns = []) => side(columns, row as object));
}

function side(columns: readonly TypeOrmJunctionColumn[], row: object | undefined): TagChange[] {
  const metadata = columns[0]?.referencedColumn?.entityMetadata;
  if (metadata === undefined) return [];
  const name = tagNameOf(metadata);
  const id = row === undefined ? undefined : identityOf(keyed(columns), row);
  if (id === undefined) return everything(name);
  return [{ tag: rowTag(name, id) }, { tag: partTag(name, id) }];
}

function keyed(primaryColumns: readonly TypeOrmJunctionColumn[]): TypeOrmEntityMetadata {
  return { name: '', target: '', embeddeds: [], primaryColumns };
}
