import type { ClassReference, ClassRegistry } from './class-registry.js';
import { driverClasses } from './driver-classes.js';
import { tableNameOf } from './entity-identity.js';
import { entityShape } from './entity-shape.js';
import { keepStamps } from './stamps/keep-stamps.js';
import { describeStamping, type Stamping } from './stamps/stamping.js';
import type { TypeOrmDataSource, TypeOrmEmbedded, TypeOrmEntityMetadata } from './typeorm-types.js';

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
  private readonly sources = new Map<ClassReference, Map<TypeOrmDataSource, TypeOrmEntityMetadata>>();
  /** Which data sources have a table of this name. */
  private readonly tables = new Map<string, Set<TypeOrmDataSource>>();
  private readonly ofDrivers = new Set<ClassReference>();

  /** Reads an initialized data source; one that is not initialized yet has no entities. The first description of a class stays. */
  add(dataSource: TypeOrmDataSource): this {
    keepStamps(dataSource);
    for (const target of driverClasses(dataSource)) this.ofDrivers.add(target);
    for (const metadata of dataSource.entityMetadatas) {
      const { target } = metadata;
      if (!isClass(target)) continue;
      const known = this.sources.get(target) ?? new Map<TypeOrmDataSource, TypeOrmEntityMetadata>();
      this.sources.set(target, known.set(dataSource, metadata));
      const table = tableNameOf(metadata);
      this.tables.set(table, (this.tables.get(table) ?? new Set()).add(dataSource));
      if (this.byTarget.has(target)) continue;
      this.byTarget.set(target, describeEntity(metadata, target, dataSource));
      this.shapes.set(target, entityShape(metadata));
    }
    return this;
  }

  find(target: ClassReference): EntityMetadata | undefined {
    return this.byTarget.get(target);
  }

  /** Whether more than one data source has this class, or a table of the same name: a database for each tenant, say. Then one id stands for several rows, each with versions of its own. */
  isShared(target: ClassReference): boolean {
    const sources = this.sourcesOf(target);
    return sources.length > 1 || sources.some((metadata) => (this.tables.get(tableNameOf(metadata))?.size ?? 0) > 1);
  }

  /** What TypeORM itself knows of an entity, in each data source that has it. */
  sourcesOf(target: ClassReference): readonly TypeOrmEntityMetadata[] {
    return [...(this.sources.get(target)?.values() ?? [])];
  }

  /** The same of the class of an instance, or of the nearest one above it that is an entity. */
  sourcesOfInstance(value: object): readonly TypeOrmEntityMetadata[] {
    let prototype = Object.getPrototypeOf(value) as { readonly constructor?: unknown } | null;
    while (prototype !== null && prototype !== Object.prototype) {
      const { constructor } = prototype;
      if (isClass(constructor) && this.sources.has(constructor)) return this.sourcesOf(constructor);
      prototype = Object.getPrototypeOf(prototype) as typeof prototype;
    }
    return [];
  }

  /**
   * Registers every entity with its shape, every embedded class, and what the drivers make, so that instances come back as instances. Lazy relations need nothing more: TypeORM puts their
   * getters on the prototype. Where several classes have one name, each is registered with its table: `User (billing.public.user)`; where that does not tell them apart, in the order of their data sources: `User (user) 2`.
   */
  registerClasses(classes: ClassRegistry): void {
    const wanted = new Map<string, Set<ClassReference>>();
    const tables = new Map<ClassReference, string>();
    for (const { target, embeddedClasses } of this.byTarget.values()) {
      for (const each of [target, ...embeddedClasses]) {
        wanted.set(each.name, (wanted.get(each.name) ?? new Set()).add(each));
        if (!tables.has(each)) tables.set(each, this.sourcesOf(target).map(tableNameOf)[0] ?? '');
      }
    }
    for (const [name, targets] of wanted) {
      for (const target of targets) {
        if (classes.has(target)) continue;
        const full = `${name} (${tables.get(target) ?? ''})`;
        classes.admit(target, targets.size === 1 ? freeName(classes, name, full) : freeName(classes, full));
      }
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

/** The first of these that no class has; else the last with a number. */
function freeName(classes: ClassRegistry, ...names: string[]): string {
  const free = names.find((name) => !classes.hasName(name));
  if (free !== undefined) return free;
  for (let at = 2; ; at++) {
    const numbered = `${names.at(-1) ?? ''} ${String(at)}`;
    if (!classes.hasName(numbered)) return numbered;
  }
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
