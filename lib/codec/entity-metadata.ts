import type { ClassReference, ClassRegistry } from './class-registry.js';

/** The slice of TypeORM's `DataSource` that is used: which entities there are, and who hears of their changes. */
export interface TypeOrmDataSource {
  readonly subscribers?: unknown[];
  readonly entityMetadatas: readonly TypeOrmEntityMetadata[];
}

/** The slice of TypeORM's `EntityMetadata`; the same in 0.3 and 1.x. */
export interface TypeOrmEntityMetadata {
  /** `User`, or a name given by `@Entity({ name })`'s schema; unique within a data source. */
  readonly name: string;
  /** The class; a text for tables that have none (join tables, schemas without a class). */
  readonly target: unknown;
  readonly versionColumn?: TypeOrmColumn | undefined;
  readonly updateDateColumn?: TypeOrmColumn | undefined;
  readonly embeddeds: readonly TypeOrmEmbedded[];
  readonly primaryColumns?: readonly TypeOrmIdColumn[];
  readonly relations?: readonly TypeOrmRelation[];
  /** Of the class above it in single-table inheritance. */
  readonly parentEntityMetadata?: TypeOrmEntityMetadata | undefined;
  /** The table between the two sides of a many-to-many relation, and its columns. */
  readonly isJunction?: boolean;
  readonly ownerColumns?: readonly TypeOrmJunctionColumn[];
  readonly inverseColumns?: readonly TypeOrmJunctionColumn[];
}

/** A column of a junction table, and the column of an entity that it refers to. */
export interface TypeOrmJunctionColumn extends TypeOrmIdColumn {
  readonly referencedColumn?: { readonly entityMetadata: TypeOrmEntityMetadata } | undefined;
}

/** A column of the primary key. */
export interface TypeOrmIdColumn {
  readonly databaseName?: string;
  getEntityValue(entity: object): unknown;
}

export interface TypeOrmRelation {
  readonly propertyName: string;
  readonly isLazy: boolean;
  readonly isOneToMany: boolean;
  readonly isManyToMany: boolean;
  /** Whether its foreign key, or its junction table, belongs to this side. */
  readonly isOwning: boolean;
  readonly inverseEntityMetadata?: TypeOrmEntityMetadata;
}

export interface TypeOrmColumn {
  /** Where in the entity, with dots for embedded objects: `audit.updatedAt`. */
  readonly propertyPath: string;
}

export interface TypeOrmEmbedded {
  /** The class of the embedded object. */
  readonly type: unknown;
  readonly embeddeds: readonly TypeOrmEmbedded[];
}

/** What the cache needs to know of an entity. */
export interface EntityMetadata {
  readonly name: string;
  readonly target: ClassReference;
  /** Path to the `@VersionColumn`, if there is one. */
  readonly versionPath?: readonly string[];
  /** Path to the `@UpdateDateColumn`, if there is one. */
  readonly updateDatePath?: readonly string[];
  /** Classes of embedded objects, those inside them included. */
  readonly embeddedClasses: readonly ClassReference[];
}

/** The entities of any number of data sources, by class. */
export class EntityCatalog {
  private readonly byTarget = new Map<ClassReference, EntityMetadata>();
  private readonly sources = new Map<ClassReference, TypeOrmEntityMetadata>();

  /** Reads an initialized data source; one that is not initialized yet has no entities. The first description of a class stays. */
  add(dataSource: TypeOrmDataSource): this {
    for (const metadata of dataSource.entityMetadatas) {
      const { target } = metadata;
      if (!isClass(target) || this.byTarget.has(target)) continue;
      this.byTarget.set(target, describeEntity(metadata, target));
      this.sources.set(target, metadata);
    }
    return this;
  }

  find(target: ClassReference): EntityMetadata | undefined {
    return this.byTarget.get(target);
  }

  /** What TypeORM itself knows of an entity. */
  sourceOf(target: ClassReference): TypeOrmEntityMetadata | undefined {
    return this.sources.get(target);
  }

  /** The same of the class of an instance, or of the nearest one above it that is an entity. */
  sourceOfInstance(value: object): TypeOrmEntityMetadata | undefined {
    let prototype = Object.getPrototypeOf(value) as { readonly constructor?: unknown } | null;
    while (prototype !== null && prototype !== Object.prototype) {
      const found = isClass(prototype.constructor) ? this.sources.get(prototype.constructor) : undefined;
      if (found !== undefined) return found;
      prototype = Object.getPrototypeOf(prototype) as typeof prototype;
    }
    return undefined;
  }

  /**
   * Registers every entity and embedded class, so that instances come back as instances. Lazy relations need nothing more: TypeORM puts their
   * getters on the prototype.
   *
   * @throws InvalidOptionsError when two classes have one name
   */
  registerClasses(classes: ClassRegistry): void {
    for (const entity of this.byTarget.values()) {
      for (const target of [entity.target, ...entity.embeddedClasses]) classes.register(target);
    }
  }
}

function describeEntity(metadata: TypeOrmEntityMetadata, target: ClassReference): EntityMetadata {
  const { name, versionColumn, updateDateColumn } = metadata;
  return {
    name,
    target,
    ...(versionColumn && { versionPath: versionColumn.propertyPath.split('.') }),
    ...(updateDateColumn && { updateDatePath: updateDateColumn.propertyPath.split('.') }),
    embeddedClasses: [...new Set(embeddedClasses(metadata.embeddeds))],
  };
}

function embeddedClasses(embeddeds: readonly TypeOrmEmbedded[]): ClassReference[] {
  return embeddeds.flatMap(({ type, embeddeds: inner }) => [
    ...(isClass(type) ? [type] : []),
    ...embeddedClasses(inner),
  ]);
}

function isClass(target: unknown): target is ClassReference {
  return typeof target === 'function' && target.prototype !== undefined;
}
