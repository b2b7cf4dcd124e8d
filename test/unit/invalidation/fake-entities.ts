import type {
  TypeOrmColumn,
  TypeOrmDataSource,
  TypeOrmEntityMetadata,
  TypeOrmIdColumn,
  TypeOrmJunctionColumn,
} from '../../../lib/codec/typeorm-types.js';

type Column = TypeOrmIdColumn & TypeOrmColumn;

export function column(name: string, type: string): Column {
  const getEntityValue = (row: object) => (row as Record<string, unknown>)[name];
  return { databaseName: name, propertyPath: name, type, getEntityValue };
}

/** An entity of its table's name. */
export function entity(
  name: string,
  primaryColumns: readonly Column[],
  others: readonly Column[] = [],
): TypeOrmEntityMetadata {
  return {
    name,
    tablePath: name,
    target: class {},
    embeddeds: [],
    primaryColumns,
    columns: [...primaryColumns, ...others],
  };
}

/** The table of a many-to-many relation: its two columns, and whose keys they are; `refersTo` names another column than the key. */
export function junction(
  name: string,
  sides: Readonly<Record<string, TypeOrmEntityMetadata>>,
  refersTo: Readonly<Record<string, string>> = {},
): TypeOrmEntityMetadata {
  const columns = Object.entries(sides).map(([columnName, side]): TypeOrmJunctionColumn & Column => ({
    ...column(columnName, 'int'),
    referencedColumn: {
      entityMetadata: side,
      databaseName: refersTo[columnName] ?? side.primaryColumns?.[0]?.databaseName ?? '',
    },
  }));
  const [owner, inverse] = columns;
  return {
    ...entity(name, columns),
    target: '',
    isJunction: true,
    ownerColumns: owner === undefined ? [] : [owner],
    inverseColumns: inverse === undefined ? [] : [inverse],
  };
}

/** Puts entities into one data source. */
export function inOneDatabase(type: string, ...metadatas: TypeOrmEntityMetadata[]): void {
  const dataSource: TypeOrmDataSource = { entityMetadatas: metadatas, options: { type } };
  for (const metadata of metadatas) (metadata as { dataSource: TypeOrmDataSource }).dataSource = dataSource;
}
