import { idText } from './entity-identity.js';
import type { TypeOrmEntityMetadata, TypeOrmIdColumn } from './typeorm-types.js';

const WHOLE_NUMBER = /^(0|-?[1-9]\d{0,18})$/;
const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;

const NUMBERS = new Set(['int', 'int2', 'int4', 'int8', 'integer', 'bigint', 'smallint', 'mediumint', 'tinyint']);
const TEXTS = new Set(['text', 'varchar', 'character varying', 'string']);
/** Databases that compare texts byte by byte unless a column says otherwise. */
const EXACT_DATABASES = new Set(['postgres', 'cockroachdb', 'sqlite', 'better-sqlite3', 'sqljs', 'expo', 'capacitor']);

/** The primary key that a row is found by, as its row will show it; undefined where that cannot be told: see {@link storedText}. */
export function storedIdentity(metadata: TypeOrmEntityMetadata, id: unknown): readonly string[] | undefined {
  const { primaryColumns = [] } = metadata;
  const valueOf = (column: TypeOrmIdColumn): unknown =>
    typeof id === 'object' && id !== null && idText(id) === undefined ? column.getEntityValue(id) : id;
  if (primaryColumns.length === 0 || (primaryColumns.length > 1 && idText(id) !== undefined)) return undefined;
  const texts = primaryColumns.map((column) => storedText(column, valueOf(column), databaseOf(metadata)));
  return texts.every((text) => text !== undefined) ? texts : undefined;
}

/** The kind of database: `postgres`, `mysql` and their like. */
export function databaseOf(metadata: TypeOrmEntityMetadata): string | undefined {
  return (metadata.dataSource ?? metadata.connection)?.options?.type;
}

/**
 * The key in the text that the database gives it back in; undefined where that cannot be told. A database takes many spellings of one key: capitals in a UUID, zeros before and after a number, spaces after a
 * `char`, capitals and accents under most collations of MySQL. Told are whole numbers, UUIDs as PostgreSQL writes them, and texts of databases that compare them byte by byte.
 */
export function storedText(column: TypeOrmIdColumn, value: unknown, database: string | undefined): string | undefined {
  const text = column.transformer === undefined ? idText(value) : undefined;
  if (text === undefined) return undefined;
  const type = typeof column.type === 'function' ? column.type.name.toLowerCase() : String(column.type).toLowerCase();
  if (NUMBERS.has(type) || (type === 'number' && typeof value === 'number'))
    return WHOLE_NUMBER.test(text) ? text : undefined;
  if (column.collation !== undefined || !EXACT_DATABASES.has(database ?? '')) return undefined;
  if (type === 'uuid') return UUID.test(text) ? text : undefined;
  return TEXTS.has(type) && typeof value === 'string' && !text.endsWith(' ') ? text : undefined;
}
