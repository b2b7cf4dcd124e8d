import { ClassRegistry, type ClassReference } from '../codec/class-registry.js';
import { EntityCatalog, type EntityMetadata } from '../codec/entity-metadata.js';
import type { TypeOrmDataSource } from '../codec/typeorm-types.js';
import { entityTags, type Dependence, type ListInvalidation } from '../codec/entity-tags.js';
import { versionOf, type VersionExtractor } from '../codec/entity-version.js';
import { StaleSaveSubscriber } from '../codec/stamps/stale-save-subscriber.js';
import { coarseReading, stampAdvice } from '../codec/stamps/stamp-advice.js';
import { entityList, type EntityClass, type EntityOption } from '../options/call-options.js';
import { userTag } from '../core/tag-names.js';
import type { Version } from '../core/version.js';
import type { TagOptions, TagReader, VersionReader } from './cache-host.js';
import { DataSourceStarts } from './data-source-starts.js';

/** Which classes come back as instances, and where their versions are. */
export class EntityKnowledge {
  readonly classes = new ClassRegistry();
  private readonly catalog = new EntityCatalog();
  /** Entities that are cached, once their versions were looked at: of all others nothing is said. */
  private readonly cached = new Set<unknown>();
  private readonly starts = new DataSourceStarts(() => {
    try {
      this.readDataSources();
    } catch (error) {
      // The data source works, and who has initialized it is not to blame.
      this.warnOnce(
        'late data source',
        `A data source that was initialized after the start is not heard: ${String(error)}`,
      );
    }
  });
  private readonly staleSaves = new StaleSaveSubscriber(
    (target) => (this.cached.has(target) ? this.catalog.find(target as ClassReference) : undefined),
    ({ name }, message) => this.warnOnce(`stale save ${name}`, message),
  );

  constructor(
    classes: readonly EntityClass[],
    private readonly dataSources: () => readonly TypeOrmDataSource[],
    private readonly warnOnce: (kind: string, message: string) => void,
    /** Called for every data source, again and again. */
    private readonly found: (dataSource: TypeOrmDataSource) => void,
    /** Loads may read from replicas (`replicaLagMs`), even if no data source says so. */
    private readonly expectsReplicas: boolean,
  ) {
    for (const target of classes) this.classes.register(target);
  }

  /**
   * Reads the data sources, again when asked again: one that is initialized later has no entities before.
   *
   * @throws InvalidOptionsError when two entities have one name
   */
  readDataSources(): void {
    for (const dataSource of this.dataSources()) {
      this.starts.follow(dataSource);
      this.catalog.add(dataSource);
      this.hearSaves(dataSource);
      this.found(dataSource);
    }
    this.catalog.registerClasses(this.classes);
  }

  /** Leaves the data sources as they were found. */
  close(): void {
    this.starts.close();
    for (const { subscribers } of this.dataSources()) {
      const place = subscribers?.indexOf(this.staleSaves) ?? -1;
      if (place >= 0) subscribers?.splice(place, 1);
    }
  }

  /**
   * Where loads read from replicas, warns of what is wrong with the versions of an entity that will be cached, once; of one that no data source has yet, later. Without replicas the lease alone keeps the past out, and versions
   * that go backwards are an event when they do.
   *
   * @throws InvalidOptionsError when two entities have one name
   */
  checkVersions(entities: EntityOption, extractor: VersionExtractor | undefined): void {
    const [entity, ...others] = entityList(entities);
    for (const other of others) this.know(other);
    if (entity !== undefined) this.checkEntity(entity, extractor);
  }

  private checkEntity(entity: EntityClass, extractor: VersionExtractor | undefined): void {
    if (this.cached.has(entity)) return;
    if (this.catalog.find(entity) === undefined) this.readDataSources();
    const found = this.catalog.find(entity);
    if (found === undefined) return;
    this.cached.add(entity);
    for (const { dependsOn, tableType } of this.catalog.sourcesOf(entity))
      if (tableType === 'view' && (dependsOn?.size ?? 0) === 0)
        this.warnOnce(`view ${found.name}`, unknownView(found.name));
    if (!this.readsReplicas()) return;
    const advice = stampAdvice(found, extractor !== undefined);
    if (advice !== undefined) this.warnOnce(`versions ${found.name}`, advice);
  }

  versionReader(
    entities: EntityOption | undefined,
    extractor: VersionExtractor | undefined,
  ): VersionReader | undefined {
    const [entity, ...others] = entityList(entities);
    for (const other of others) this.know(other);
    if (entity === undefined && extractor === undefined) return undefined;
    if (entity !== undefined) this.know(entity, extractor);
    return (value) => {
      if (entity !== undefined) this.know(entity, extractor);
      const found = entity === undefined ? undefined : this.catalog.find(entity);
      const { version, problem } = versionOf(value, { entity: found, extractor });
      if (problem !== undefined) this.warnOnce(`version ${entity?.name ?? 'extractor'}`, problem);
      if (found !== undefined) this.checkReading(found, version);
      return version;
    };
  }

  /**
   * The version of what TypeORM saved: an instance, or a plain object of some columns. None where several data sources have the class: 1. row 1 of one database has version 1; 2. row 1 of
   * another is announced with version 9; 3. what is loaded of the first would be refused as older.
   */
  versionOfSaved(target: unknown, saved: unknown): Version | undefined {
    const entity = typeof target === 'function' ? this.catalog.find(target) : undefined;
    if (entity === undefined || this.catalog.isShared(entity.target) || typeof saved !== 'object' || saved === null)
      return undefined;
    const own = Object.getOwnPropertyDescriptors(saved);
    return versionOf(Object.create(entity.target.prototype, own), { entity }).version;
  }

  /** @param lists of the module, where the call has none; undefined: changes of entities are not announced, so nothing depends on them */
  tagReader(options: TagOptions, key: string, lists: ListInvalidation | undefined): TagReader | undefined {
    const { tags, rows } = options;
    const [entity, ...others] = entityList(options.entity);
    if (tags === undefined && (entity === undefined || lists === undefined)) return undefined;
    return (value) => {
      const given = (typeof tags === 'function' ? tags(value as never) : (tags ?? [])).map(userTag);
      if (entity === undefined || lists === undefined) return given;
      const dependence: Dependence = {
        entity: this.catalog.sourcesOf(entity),
        others: others.flatMap((other) => this.catalog.sourcesOf(other)),
        rows:
          value === null || value === undefined
            ? undefined
            : rows?.(value as never).map(([of, id]) => [this.catalog.sourcesOf(of), id]),
        lists: options.listInvalidation ?? lists,
      };
      return [...given, ...entityTags(value, dependence, this.catalog, key)];
    };
  }

  private know(entity: EntityClass, extractor?: VersionExtractor): void {
    this.checkEntity(entity, extractor);
    if (this.catalog.find(entity) !== undefined) return;
    this.classes.admit(entity);
    this.warnOnce(
      `entity ${entity.name}`,
      `${entity.name} is given as entity, but no initialized TypeORM data source has it: its instances are cached without a version. ` +
        'Register the data source with TypeOrmModule or name it in dataSources, or use classes: [] and a version function.',
    );
  }

  private checkReading({ name, stamping }: EntityMetadata, version: Version | undefined): void {
    if (version?.kind === 'updated-at' && stamping?.keeping?.refused === true && this.readsReplicas())
      this.warnOnce(`milliseconds ${name}`, coarseReading(name));
  }

  private readsReplicas(): boolean {
    return this.expectsReplicas || this.dataSources().some(hasReplicas);
  }

  /** Before it is initialized a data source has no list that lasts. */
  private hearSaves({ subscribers, isInitialized }: TypeOrmDataSource): void {
    if (isInitialized !== true || subscribers === undefined || subscribers.includes(this.staleSaves)) return;
    subscribers.push(this.staleSaves);
  }
}

/** TypeORM sends reads to replicas where its data source names some. */
function hasReplicas({ options }: TypeOrmDataSource): boolean {
  return (options as { readonly replication?: unknown } | undefined)?.replication !== undefined;
}

function unknownView(name: string): string {
  return (
    `${name} is a view that does not say what it is made of: no change of a table invalidates its entries. ` +
    'Name the entities that it reads: @ViewEntity({ dependsOn: [Product] }).'
  );
}
