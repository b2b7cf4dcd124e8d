import { tableNameOf } from '../codec/entity-identity.js';
import type { TypeOrmEntityMetadata, TypeOrmForeignKey, TypeOrmForeignKeyColumn } from '../codec/typeorm-types.js';

/** What the database does by itself to rows that refer to another. */
const FOLLOWS = new Set(['CASCADE', 'SET NULL', 'SET DEFAULT']);

/** How the tables of one data source hang together: which others a change of one changes, or shows in. */
export class TableGraph {
  private static readonly known = new WeakMap<readonly TypeOrmEntityMetadata[], TableGraph>();

  /** Of the data source that an entity belongs to. */
  static around(metadata: TypeOrmEntityMetadata): TableGraph {
    const metadatas = (metadata.dataSource ?? metadata.connection)?.entityMetadatas ?? [metadata];
    const graph = TableGraph.known.get(metadatas) ?? new TableGraph(metadatas);
    TableGraph.known.set(metadatas, graph);
    return graph;
  }

  private readonly byTable = new Map<string, TypeOrmEntityMetadata[]>();
  /** Every foreign key, and the table that has it. */
  private readonly references: readonly { readonly key: TypeOrmForeignKey; readonly name: string }[];

  private constructor(private readonly metadatas: readonly TypeOrmEntityMetadata[]) {
    for (const metadata of metadatas) {
      const name = tableNameOf(metadata);
      this.byTable.set(name, [...(this.byTable.get(name) ?? []), metadata]);
    }
    this.references = metadatas.flatMap((metadata) =>
      (metadata.foreignKeys ?? []).map((key) => ({ key, name: tableNameOf(metadata) })),
    );
  }

  /** The many-to-many relations whose rows are in this table: an entity may be mapped on it beside them. */
  junctionsOn(table: string): readonly TypeOrmEntityMetadata[] {
    return this.on(table).filter(({ isJunction }) => isJunction === true);
  }

  /** Whether a class is mapped on the table. */
  hasEntity(table: string): boolean {
    return this.on(table).some(({ isJunction }) => isJunction !== true);
  }

  /** Whether a column decides in which lists a row is, for any class of the table: it is part of a foreign key, with or without a constraint, or marks the row as deleted. */
  decidesLists(table: string, columnName: string | undefined): boolean {
    return this.on(table).some(({ deleteDateColumn, foreignKeys = [], relations = [] }) => {
      const columns = [
        ...foreignKeys.flatMap((key) => key.columns),
        ...relations.flatMap((each) => each.joinColumns ?? []),
      ];
      return [...columns, ...(deleteDateColumn ? [deleteDateColumn] : [])].some(
        ({ databaseName }) => databaseName === columnName,
      );
    });
  }

  /** The views that are made of any of these tables, or of other such views. */
  viewsOf(tables: Iterable<string>): ReadonlySet<string> {
    const views = this.metadatas.filter(({ tableType }) => tableType === 'view');
    return follow(tables, (table) =>
      views.filter((view) => this.isMadeOf(view, table)).map((view) => tableNameOf(view)),
    );
  }

  /** The tables whose rows the database removes or changes when rows of this one are removed. */
  changedByRemoval(table: string): ReadonlySet<string> {
    const changed = new Set<string>();
    const removed = follow([table], (from) => {
      const following = this.references.filter(({ key }) => refersTo(key, from) && FOLLOWS.has(key.onDelete ?? ''));
      for (const { name } of following) changed.add(name);
      return following.filter(({ key }) => key.onDelete === 'CASCADE').map(({ name }) => name);
    });
    return new Set([...changed, ...removed]);
  }

  /** The tables whose foreign keys the database changes when columns of this one change to which they refer. */
  changedByUpdate(table: string, isChanged: (column: TypeOrmForeignKeyColumn) => boolean): ReadonlySet<string> {
    const changed = this.references.filter(
      ({ key }) => refersTo(key, table) && FOLLOWS.has(key.onUpdate ?? '') && key.referencedColumns.some(isChanged),
    );
    return new Set(changed.map(({ name }) => name));
  }

  private on(table: string): readonly TypeOrmEntityMetadata[] {
    return this.byTable.get(table) ?? [];
  }

  private isMadeOf({ dependsOn = new Set() }: TypeOrmEntityMetadata, table: string): boolean {
    return this.on(table).some(({ name, target }) => dependsOn.has(target) || dependsOn.has(name));
  }
}

function refersTo({ referencedEntityMetadata }: TypeOrmForeignKey, table: string): boolean {
  return tableNameOf(referencedEntityMetadata) === table;
}

/** What is reached from some tables, without them. */
function follow(from: Iterable<string>, next: (table: string) => readonly string[]): ReadonlySet<string> {
  const reached = new Set<string>();
  const pending = [...from];
  for (let table = pending.pop(); table !== undefined; table = pending.pop()) {
    for (const found of next(table)) {
      if (reached.has(found)) continue;
      reached.add(found);
      pending.push(found);
    }
  }
  return reached;
}
