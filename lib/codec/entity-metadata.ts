import type { ClassReference, ClassRegistry } from './class-registry.js';
import { driverClasses } from './driver-classes.js';
import { entityShape } from './entity-shape.js';
import { keepStamps } from './stamps/keep-stamps.js';
import { describeStamping, type Stamping } from './stamps/stamping.js';

/** The slice of TypeORM's `DataSource` that is used: which entities there are, where their rows come from, and who hears of their changes. */
export interface TypeOrmDataSource {
  readonly entityMetadatas: readonly TypeOrmEntityMetadata[];
  readonly options?: { readonly type: string };
  readonly driver?: object;
  readonly isInitialized?: boolean;
  /** Those who hear of every change; TypeORM makes the list anew when it initializes. */
  readonly subscribers?: unknown[];
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
  /** All columns, those of embedded objects and of classes that it extends among them. */
  readonly columns?: readonly TypeOrmColumn[];
  readonly primaryColumns?: readonly TypeOrmIdColumn[];
  /** All relations, those of embedded objects among them. */
  readonly relations?: readonly TypeOrmRelation[];
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
  readonly referencedColumn?: { readonly entityMetadata: TypeOrmEntityMetadata } | undefined;
}

/** A column of the primary key. */
export interface TypeOrmIdColumn {
  readonly databaseName?: string;
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
  readonly inverseEntityMetadata?: TypeOrmEntityMetadata;
}

/** The slice of TypeORM's `EmbeddedMetadata` that is read. */
export interface TypeOrmEmbedded {
  /** The class of the embedded object. */
  readonly type: unknown;
  readonly propertyName?: string;
  readonly isArray?: boolean;
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
  /** How its rows come to their stamps; left out where nothing is known of it. */
  readonly stamping?: Stamping;
}

/** The entities of any number of data sources, by class. */
export class EntityCatalog {
  private readonly byTarget = new Map<ClassReference, EntityMetadata>();
  private readonly shapes = new Map<ClassReference, string>();
  private readonly sources = new Map<ClassReference, TypeOrmEntityMetadata>();
  private readonly owners = new Map<ClassReference, TypeOrmDataSource>();
  private readonly shared = new Set<ClassReference>();
  private readonly ofDrivers = new Set<ClassReference>();

  /** Reads an initialized data source; one that is not initialized yet has no entities. The first description of a class stays. */
  add(dataSource: TypeOrmDataSource): this {
    keepStamps(dataSource);
    for (const target of driverClasses(dataSource)) this.ofDrivers.add(target);
    for (const metadata of dataSource.entityMetadatas) {
      const { target } = metadata;
      if (!isClass(target)) continue;
      if ((this.owners.get(target) ?? dataSource) !== dataSource) this.shared.add(target);
      if (this.byTarget.has(target)) continue;
      this.owners.set(target, dataSource);
      this.byTarget.set(target, describeEntity(metadata, target, dataSource));
      this.shapes.set(target, entityShape(metadata));
      this.sources.set(target, metadata);
    }
    return this;
  }

  find(target: ClassReference): EntityMetadata | undefined {
    return this.byTarget.get(target);
  }

  /** Whether more than one data source has this class: a database for each tenant, say. Then one id stands for several rows, each with versions of its own. */
  isShared(target: ClassReference): boolean {
    return this.shared.has(target);
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
   * Registers every entity with its shape, every embedded class, and what the drivers make, so that instances come back as instances. Lazy relations need nothing more: TypeORM puts their
   * getters on the prototype.
   *
   * @throws InvalidOptionsError when two classes have one name
   */
  registerClasses(classes: ClassRegistry): void {
    for (const entity of this.byTarget.values()) {
      for (const target of [entity.target, ...entity.embeddedClasses]) classes.admit(target);
    }
    for (const [target, shape] of this.shapes) classes.shape(target, shape);
    // An application may have a class of its own with that name.
    for (const target of this.ofDrivers) if (!classes.hasName(target.name)) classes.admit(target);
  }
}

function describeEntity(
  metadata: TypeOrmEntityMetadata,
  target: ClassReference,
  dataSource: TypeOrmDataSource,
): EntityMetadata {
  const { name, versionColumn, updateDateColumn } = metadata;
  return {
    name,
    target,
    ...(versionColumn && { versionPath: versionColumn.propertyPath.split('.') }),
    ...(updateDateColumn && { updateDatePath: updateDateColumn.propertyPath.split('.') }),
    embeddedClasses: [...new Set(embeddedClasses(metadata.embeddeds))],
    ...(dataSource.options && { stamping: describeStamping(metadata, dataSource) }),
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
