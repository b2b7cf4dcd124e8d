import { idText, tableNameOf } from '../codec/entity-identity.js';
import { databaseOf, storedText } from '../codec/key-spelling.js';
import type {
  TypeOrmColumn,
  TypeOrmEntityMetadata,
  TypeOrmIdColumn,
  TypeOrmJunctionColumn,
} from '../codec/typeorm-types.js';
import { partTag, rowTag } from '../core/tag-names.js';
import type { TagChange } from '../core/tagging.js';
import type { EntityChange } from './entity-change.js';
import { TableGraph } from './table-graph.js';
import { everything, listsOf } from './whole-tables.js';

/**
 * A row of a many-to-many relation concerns the two rows that it connects, and lists of either side: they may show the relation, count it or be filtered by it. The row may be told by the relation, or by a class that is mapped on its
 * table.
 */
export function junctionKeys(change: EntityChange): TagChange[] {
  const junctions = TableGraph.around(change.metadata).junctionsOn(tableNameOf(change.metadata));
  return junctions.flatMap((junction) => sidesOf(junction).flatMap((columns) => sideKeys(columns, change)));
}

/** The tables that many-to-many relations connect. */
export function junctionTables(junctions: readonly TypeOrmEntityMetadata[]): string[] {
  return junctions.flatMap(sidesOf).flatMap((columns) => tableOfSide(columns) ?? []);
}

function sidesOf({
  ownerColumns = [],
  inverseColumns = [],
}: TypeOrmEntityMetadata): (readonly TypeOrmJunctionColumn[])[] {
  return [ownerColumns, inverseColumns];
}

function tableOfSide(columns: readonly TypeOrmJunctionColumn[]): string | undefined {
  const metadata = columns[0]?.referencedColumn?.entityMetadata;
  return metadata && tableNameOf(metadata);
}

function sideKeys(columns: readonly TypeOrmJunctionColumn[], change: EntityChange): TagChange[] {
  const side = columns[0]?.referencedColumn?.entityMetadata;
  if (side === undefined) return [];
  const table = tableNameOf(side);
  const { entityId, databaseEntity, entity, kind, metadata } = change;
  const valuesIn = (row: unknown): unknown[] => {
    const sources = sourcesOf(columns, side, metadata);
    return typeof row === 'object' && row !== null ? sources.map((source) => source?.getEntityValue?.(row)) : [];
  };
  const before = textsOf(side, valuesIn(databaseEntity), (_, value) => idText(value));
  const isGiven = (values: readonly unknown[]): boolean => values.length > 0 && !values.includes(undefined);
  const given = [valuesIn(entityId), valuesIn(entity)].filter(isGiven);
  const after = given.map((values) =>
    textsOf(side, values, (primary, value) => storedText(primary, value, databaseOf(side))),
  );
  const ids = [...(kind === 'insert' ? [] : [before]), ...after];
  if (ids.length === 0 || ids.includes(undefined)) return everything(table);
  const rows = ids.flatMap((id = []) => [{ tag: rowTag(table, id) }, { tag: partTag(table, id) }]);
  return [...rows, ...listsOf(table)];
}

/** Where a row of the relation has the key of one side, in the order of that key. Undefined: the relation refers to it by another column, or the class on its table leaves that away. */
function sourcesOf(
  columns: readonly TypeOrmJunctionColumn[],
  { primaryColumns = [] }: TypeOrmEntityMetadata,
  told: TypeOrmEntityMetadata,
): (TypeOrmColumn | undefined)[] {
  return primaryColumns.map((primary) => {
    const column = columns.find(({ referencedColumn }) => referencedColumn?.databaseName === primary.databaseName);
    return told.columns?.find(({ databaseName }) => column !== undefined && databaseName === column.databaseName);
  });
}

function textsOf(
  { primaryColumns = [] }: TypeOrmEntityMetadata,
  values: readonly unknown[],
  textOf: (column: TypeOrmIdColumn, value: unknown) => string | undefined,
): readonly string[] | undefined {
  const texts = primaryColumns.map((column, index) =>
    column.transformer === undefined ? textOf(column, values[index]) : undefined,
  );
  return texts.length > 0 && texts.every((text) => text !== undefined) ? texts : undefined;
}
