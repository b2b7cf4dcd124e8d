import type { TypeOrmDriver, TypeOrmEntityMetadata, TypeOrmIdColumn } from './typeorm-types.js';

const names = new WeakMap<TypeOrmEntityMetadata, string>();

/**
 * The name under which the rows of a table are known: database, schema and table, as far as the database has them. Named by the table and not by the class, since the classes of one table share its rows, and a
 * change may be told by any of them; and not by the data source, since a reader may give the same database another name than a writer.
 */
export function tableNameOf(metadata: TypeOrmEntityMetadata): string {
  const known = names.get(metadata) ?? nameOf(metadata);
  names.set(metadata, known);
  return known;
}

function nameOf(metadata: TypeOrmEntityMetadata): string {
  let root = metadata;
  while (root.parentEntityMetadata !== undefined) root = root.parentEntityMetadata;
  const driver = (root.dataSource ?? root.connection)?.driver as TypeOrmDriver | undefined;
  const place = driver?.parseTableName?.(root as never) ?? { tableName: root.tablePath ?? root.name };
  return [place.database, place.schema, place.tableName].filter((part) => part !== undefined && part !== '').join('.');
}

/**
 * The primary key of an entity, or of a plain object with its columns, as texts in the order of the columns; undefined when a column is missing. Texts, since the
 * same `bigint` key is a number in one place and digits in another.
 */
export function identityOf(
  { primaryColumns = [] }: { readonly primaryColumns?: readonly TypeOrmIdColumn[] },
  entity: unknown,
): readonly string[] | undefined {
  if (typeof entity !== 'object' || entity === null || primaryColumns.length === 0) return undefined;
  const texts = primaryColumns.map((column) => idText(column.getEntityValue(entity)));
  return texts.every((text) => text !== undefined) ? texts : undefined;
}

/** As {@link identityOf}, of a key as callers and events give it: the value of a single column, or an object of all. */
export function identityFrom(metadata: TypeOrmEntityMetadata, id: unknown): readonly string[] | undefined {
  if (typeof id === 'object' && id !== null && idText(id) === undefined) return identityOf(metadata, id);
  const text = idText(id);
  return text !== undefined && metadata.primaryColumns?.length === 1 ? [text] : undefined;
}

export function idText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString();
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      return hexText(value);
  }
}

/** MongoDB's ids. */
function hexText(value: object | symbol): string | undefined {
  const { toHexString } = value as { toHexString?: () => string };
  return typeof toHexString === 'function' ? toHexString.call(value) : undefined;
}
