import { identityFrom, identityOf, tableNameOf } from '../codec/entity-identity.js';
import { storedIdentity } from '../codec/key-spelling.js';
import { absenceTag, listTag, membersTag, partTag, rowTag } from '../core/tag-names.js';
import type { TagChange } from '../core/tagging.js';
import type { EntityChange } from './entity-change.js';
import { junctionKeys, junctionTables } from './junction-keys.js';
import { TableGraph } from './table-graph.js';
import { everything, listsOf } from './whole-tables.js';

/**
 * Which tags a change announces. Pure.
 *
 * A change that tells its row: the entries of this row, those that contain it, lists, and entries that say there is none. One that does not (a statement of a query builder): every entry with
 * rows of the entity. And what the change of a row brings about elsewhere: in the two sides of a many-to-many relation, in rows that the database removes with it, in views.
 */
export function entityKeys(change: EntityChange): TagChange[] {
  try {
    return [...rowKeys(change), ...junctionKeys(change), ...followingKeys(change)];
  } catch {
    // an accessor of the entity threw: which row it is cannot be told, and the write is done
    return tablesOf(change).flatMap(everything);
  }
}

/** Every table in which a change shows. */
export function tablesOf(change: EntityChange): string[] {
  const followers = followersOf(change);
  const own = [tableNameOf(change.metadata), ...followers];
  const sides = own.flatMap((table) => junctionTables(TableGraph.around(change.metadata).junctionsOn(table)));
  return [...new Set([...own, ...sides, ...viewsOf(change)])];
}

/** Whether a change was made by a statement of a query builder, whose rows nobody tells. */
export function tellsNoRow(change: EntityChange): boolean {
  try {
    return change.metadata.isJunction !== true && change.isNew !== true && identities(change).length === 0;
  } catch {
    return false;
  }
}

function rowKeys(change: EntityChange): TagChange[] {
  const { metadata } = change;
  const table = tableNameOf(metadata);
  // A row of a junction table has entries of its own only where a class is mapped on it, whose key may be another.
  if (metadata.isJunction === true) return TableGraph.around(metadata).hasEntity(table) ? everything(table) : [];
  const ids = identities(change);
  // Of a new row whose key is not told no entry can show anything but that it was not there.
  if (ids.length === 0) return change.isNew === true ? listsOf(table) : everything(table);
  return [
    ...ids.map((id) => ({ tag: rowTag(table, id), ...rowChange(change) })),
    ...ids.map((id) => ({ tag: partTag(table, id) })),
    { tag: listTag(table) },
    // Where a row was removed and a null stored meanwhile, what the removal left behind must not refuse the row that is born again.
    { tag: absenceTag(table), ...(change.kind === 'insert' && { change: 'inserted' as const }) },
    ...(comesOrGoes(change) ? [{ tag: membersTag(table) }] : []),
    ...(change.mayBeAnother === true ? everything(table) : []),
  ];
}

/** What the database does by itself to other rows, and views. */
function followingKeys(change: EntityChange): TagChange[] {
  const graph = TableGraph.around(change.metadata);
  const own = tableNameOf(change.metadata);
  const keys = followersOf(change).flatMap((table) => {
    // Rows of a relation that go with a row of one side: the other side's rows stay, but are related to fewer.
    const sides = junctionTables(graph.junctionsOn(table)).filter((side) => side !== own);
    return [...(graph.hasEntity(table) ? everything(table) : []), ...sides.flatMap(listsOf)];
  });
  return [...keys, ...viewsOf(change).flatMap(everything)];
}

function followersOf({ kind, metadata, entity, databaseEntity, isNew, updatedColumns = [] }: EntityChange): string[] {
  const graph = TableGraph.around(metadata);
  const table = tableNameOf(metadata);
  if (kind === 'remove') return [...graph.changedByRemoval(table)];
  const isUpsert = kind === 'insert' && isNew !== true;
  if (kind !== 'update' && !isUpsert) return [];
  const keys = isUpsert ? new Set(metadata.primaryColumns?.map(({ databaseName }) => databaseName)) : new Set();
  const changed = graph.changedByUpdate(table, (column) => {
    if (databaseEntity !== undefined) return updatedColumns.some((each) => each.databaseName === column.databaseName);
    // a statement of a query builder tells what it sets, if it tells anything
    const isSet = typeof entity !== 'object' || entity === null || column.getEntityValue(entity) !== undefined;
    return isSet && !keys.has(column.databaseName);
  });
  return [...changed];
}

function viewsOf(change: EntityChange): string[] {
  const graph = TableGraph.around(change.metadata);
  const changed = [tableNameOf(change.metadata), ...followersOf(change)];
  const sides = changed.flatMap((table) => junctionTables(graph.junctionsOn(table)));
  return [...graph.viewsOf([...changed, ...sides])];
}

/**
 * The row as it was and as it is. What the database had loaded tells the row; a key that was only given does where it can have no other spelling, or where the row is new. An update without either is
 * a query builder's, whose criteria nobody tells: what it sets may hold a key, but of which rows?
 */
function identities(change: EntityChange): (readonly string[])[] {
  const { kind, metadata, entity, databaseEntity, entityId, identity } = change;
  if (identity !== undefined) return [identity];
  const stored = identityOf(metadata, databaseEntity);
  const known = stored !== undefined || kind === 'insert';
  const all = known
    ? [stored, identityFrom(metadata, entityId), identityOf(metadata, entity)]
    : [storedIdentity(metadata, kind === 'update' ? undefined : (entityId ?? entity))];
  return [...new Map(all.filter((id) => id !== undefined).map((id) => [JSON.stringify(id), id])).values()];
}

function rowChange({ kind, version }: EntityChange): Omit<TagChange, 'tag'> {
  const change = kind === 'remove' ? 'removed' : kind === 'insert' ? 'inserted' : 'changed';
  return { change, ...(version !== undefined && { version }) };
}

/** Whether lists may gain or lose the row: it is new or gone, marked as deleted or not, or one of its foreign keys has changed, through the relation or through its plain column. */
function comesOrGoes({ kind, metadata, updatedColumns = [], updatedRelations = [] }: EntityChange): boolean {
  if (kind !== 'update' || updatedRelations.length > 0 || updatedColumns.length === 0) return true;
  const table = tableNameOf(metadata);
  const graph = TableGraph.around(metadata);
  return updatedColumns.some(({ databaseName }) => graph.decidesLists(table, databaseName));
}
