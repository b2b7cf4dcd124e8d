// The slices of TypeORM that are read; nothing of it is imported.

/** The slice of TypeORM's `DataSource` that is used: which entities there are, where their rows come from, and who hears of their changes. */
export interface TypeOrmDataSource {
  readonly entityMetadatas: readonly TypeOrmEntityMetadata[];
  readonly options?: { readonly type: string };
  /** See {@link TypeOrmDriver}. */
  readonly driver?: object;
  readonly isInitialized?: boolean;
  /** Those who hear of every change; TypeORM makes the list anew when it initializes. */
  readonly subscribers?: unknown[];
}

/** The slice of TypeORM's `Driver` that is read. */
export interface TypeOrmDriver {
  /** Where the table of an entity is, with the database and the schema that the connection gives it. Takes its metadata, among others. */
  parseTableName?(metadata: never): {
    readonly database?: string | undefined;
    readonly schema?: string | undefined;
    readonly tableName: string;
  };
}

/** The slice of TypeORM's `EntityMetadata`; the same in 0.3 and 1.x but for what says so. */
export interface TypeOrmEntityMetadata {
  /** Its data source, as 1.x calls it. */
  readonly dataSource?: TypeOrmDataSource;
  /** Its data source, as 0.3 calls it. */
  readonly connection?: TypeOrmDataSource;
  /** `User`, or a name given by `@Entity({ name })`'s schema; unique within a data source. */
  readonly name: string;
  /** The class; a text for tables that have none (join tables, schemas without a class). */
  readonly target: unknown;
  /** The table, with its schema and its database where the entity names them. All classes of an inheritance tree in one table have it. */
  readonly tablePath?: string;
  /** `regular`, `view`, `junction` and their like. */
  readonly tableType?: string;
  /** Of a view: the classes, or the names, of the entities from which it is made. */
  readonly dependsOn?: ReadonlySet<unknown> | undefined;
  readonly foreignKeys?: readonly TypeOrmForeignKey[];
  readonly versionColumn?: TypeOrmColumn | undefined;
  readonly updateDateColumn?: TypeOrmColumn | undefined;
  readonly embeddeds: readonly TypeOrmEmbedded[];
  /** All columns, those of embedded objects and of classes that it extends among them. */
  readonly columns?: readonly TypeOrmColumn[];
  readonly primaryColumns?: readonly TypeOrmIdColumn[];
  /** All relations, those of embedded objects among them. */
  readonly relations?: readonly TypeOrmRelation[];
  /** Properties that hold the keys of related rows: `@RelationId`. */
  readonly relationIds?: readonly TypeOrmRelationProperty[];
  /** Properties that hold how many rows are related: `@RelationCount`, in 0.3 only. */
  readonly relationCounts?: readonly TypeOrmRelationProperty[];
  readonly deleteDateColumn?: TypeOrmColumn | undefined;
  /** Of the class above it in single-table inheritance. */
  readonly parentEntityMetadata?: TypeOrmEntityMetadata | undefined;
  /** The table between the two sides of a many-to-many relation, and its columns. */
  readonly isJunction?: boolean;
  readonly ownerColumns?: readonly TypeOrmJunctionColumn[];
  readonly inverseColumns?: readonly TypeOrmJunctionColumn[];
}

/** The slice of TypeORM's `ColumnMetadata` that is read. */
export interface TypeOrmColumn {
  /** Where in the entity, with dots for embedded objects: `audit.updatedAt`. */
  readonly propertyPath: string;
  readonly databaseName?: string;
  /** What an entity has in this column. */
  getEntityValue?(entity: object): unknown;
  /** A text, or a constructor such as `String`. */
  readonly type?: unknown;
  readonly isArray?: boolean;
  /** False when a query has to name it to get it. */
  readonly isSelect?: boolean;
  /** True when the entity has no property for it. */
  readonly isVirtual?: boolean;
  /** One transformer, or a list of them. */
  readonly transformer?: unknown;
  /** False with `update: false`: `save()` never writes it. */
  readonly isUpdate?: boolean;
  /** Digits after the second; undefined is the database's own choice. */
  readonly precision?: number | null | undefined;
  /** A value, or a function that gives an expression of the database. */
  readonly default?: unknown;
}

/** A column of a junction table, and the column of an entity that it refers to. */
export interface TypeOrmJunctionColumn extends TypeOrmIdColumn {
  readonly referencedColumn?:
    { readonly entityMetadata: TypeOrmEntityMetadata; readonly databaseName?: string } | undefined;
}

/** A column of the primary key. */
export interface TypeOrmIdColumn {
  readonly databaseName?: string;
  /** A text, or a constructor such as `String`. */
  readonly type?: unknown;
  readonly collation?: string | undefined;
  /** One transformer, or a list of them. */
  readonly transformer?: unknown;
  /** What an entity has in this column. */
  getEntityValue(entity: object): unknown;
}

/** A relation, seen from one of its sides. */
export interface TypeOrmRelation {
  readonly propertyName: string;
  readonly propertyPath: string;
  /** `many-to-one` and its like. */
  readonly relationType?: string;
  /** The class of the related entity, or its name. */
  readonly type?: unknown;
  readonly isLazy: boolean;
  readonly isEager?: boolean;
  readonly isOneToMany: boolean;
  readonly isManyToMany: boolean;
  /** Whether its foreign key, or its junction table, belongs to this side. */
  readonly isOwning: boolean;
  /** The columns of its foreign key, where it belongs to this side. */
  readonly joinColumns?: readonly { readonly databaseName?: string }[];
  /** False: the database does not see to it that the related row is there. */
  readonly createForeignKeyConstraints?: boolean;
  readonly inverseEntityMetadata?: TypeOrmEntityMetadata;
}

/** A property that tells of a relation without holding its rows. */
export interface TypeOrmRelationProperty {
  readonly propertyName: string;
  readonly relation: TypeOrmRelation;
}

/** A column of a foreign key, or one that it refers to. */
export interface TypeOrmForeignKeyColumn {
  readonly databaseName?: string;
  /** What an entity has in this column. */
  getEntityValue(entity: object): unknown;
}

/** The slice of TypeORM's `ForeignKeyMetadata` that is read. */
export interface TypeOrmForeignKey {
  readonly referencedEntityMetadata: TypeOrmEntityMetadata;
  readonly columns: readonly TypeOrmForeignKeyColumn[];
  readonly referencedColumns: readonly TypeOrmForeignKeyColumn[];
  /** What the database does with the rows that refer to one that is removed: `CASCADE`, `SET NULL` and their like. */
  readonly onDelete?: string | undefined;
  readonly onUpdate?: string | undefined;
}

/** The slice of TypeORM's `EmbeddedMetadata` that is read. */
export interface TypeOrmEmbedded {
  /** The class of the embedded object. */
  readonly type: unknown;
  readonly propertyName?: string;
  readonly isArray?: boolean;
  readonly embeddeds: readonly TypeOrmEmbedded[];
}
