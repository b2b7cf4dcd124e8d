import { ClassRegistry, type ClassReference } from '../codec/class-registry.js';
import { EntityCatalog, type EntityMetadata, type TypeOrmDataSource } from '../codec/entity-metadata.js';
import { entityTags, type ListInvalidation } from '../codec/entity-tags.js';
import { versionOf, type VersionExtractor } from '../codec/entity-version.js';
import { StaleSaveSubscriber } from '../codec/stamps/stale-save-subscriber.js';
import { coarseReading, stampAdvice } from '../codec/stamps/stamp-advice.js';
import type { EntityClass } from '../options/call-options.js';
import { userTag } from '../core/tag-names.js';
import type { Version } from '../core/version.js';
import type { TagOptions, TagReader, VersionReader } from './cache-host.js';

/** Which classes come back as instances, and where their versions are. */
export class EntityKnowledge {
  readonly classes = new ClassRegistry();
  private readonly catalog = new EntityCatalog();
  /** Entities that are cached, once their versions were looked at: of all others nothing is said. */
  private readonly cached = new Set<unknown>();
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
      this.catalog.add(dataSource);
      this.hearSaves(dataSource);
      this.found(dataSource);
    }
    this.catalog.registerClasses(this.classes);
  }

  /** Leaves the data sources as they were found. */
  close(): void {
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
  checkVersions(entity: EntityClass, extractor: VersionExtractor | undefined): void {
    if (this.cached.has(entity)) return;
    if (this.catalog.find(entity) === undefined) this.readDataSources();
    const found = this.catalog.find(entity);
    if (found === undefined) return;
    this.cached.add(entity);
    if (!this.readsReplicas()) return;
    const advice = stampAdvice(found, extractor !== undefined);
    if (advice !== undefined) this.warnOnce(`versions ${found.name}`, advice);
  }

  versionReader(entity: EntityClass | undefined, extractor: VersionExtractor | undefined): VersionReader | undefined {
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
    const { entity, tags } = options;
    if (tags === undefined && (entity === undefined || lists === undefined)) return undefined;
    return (value) => {
      const given = typeof tags === 'function' ? tags(value as never) : (tags ?? []);
      const found = entity === undefined || lists === undefined ? undefined : this.catalog.sourceOf(entity);
      if (found === undefined || lists === undefined) return given.map(userTag);
      const rest = { catalog: this.catalog, key, lists: options.listInvalidation ?? lists };
      return [...given.map(userTag), ...entityTags(value, found, rest)];
    };
  }

  private know(entity: EntityClass, extractor: VersionExtractor | undefined): void {
    this.checkVersions(entity, extractor);
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
