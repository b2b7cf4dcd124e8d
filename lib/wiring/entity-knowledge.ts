import { ClassRegistry } from '../codec/class-registry.js';
import { EntityCatalog, type TypeOrmDataSource } from '../codec/entity-metadata.js';
import { entityTags, type ListInvalidation } from '../codec/entity-tags.js';
import { versionOf, type VersionExtractor } from '../codec/entity-version.js';
import type { EntityClass } from '../options/call-options.js';
import { userTag } from '../core/tag-names.js';
import type { Version } from '../core/version.js';
import type { TagOptions, TagReader, VersionReader } from './cache-host.js';

/** Which classes come back as instances, and where their versions are. */
export class EntityKnowledge {
  readonly classes = new ClassRegistry();
  private readonly catalog = new EntityCatalog();

  constructor(
    classes: readonly EntityClass[],
    private readonly dataSources: () => readonly TypeOrmDataSource[],
    private readonly warnOnce: (kind: string, message: string) => void,
    /** Called for every data source, again and again. */
    private readonly found: (dataSource: TypeOrmDataSource) => void,
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
      this.found(dataSource);
    }
    this.catalog.registerClasses(this.classes);
  }

  versionReader(entity: EntityClass | undefined, extractor: VersionExtractor | undefined): VersionReader | undefined {
    if (entity === undefined && extractor === undefined) return undefined;
    if (entity !== undefined) this.know(entity);
    return (value) => {
      if (entity !== undefined) this.know(entity);
      const found = entity === undefined ? undefined : this.catalog.find(entity);
      const { version, problem } = versionOf(value, { entity: found, extractor });
      if (problem !== undefined) this.warnOnce(`version ${entity?.name ?? 'extractor'}`, problem);
      return version;
    };
  }

  /** The version of what TypeORM saved: an instance, or a plain object of some columns. */
  versionOfSaved(target: unknown, saved: unknown): Version | undefined {
    const entity = typeof target === 'function' ? this.catalog.find(target) : undefined;
    if (entity === undefined || typeof saved !== 'object' || saved === null) return undefined;
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

  private know(entity: EntityClass): void {
    if (this.catalog.find(entity) === undefined) this.readDataSources();
    if (this.catalog.find(entity) !== undefined) return;
    this.classes.register(entity);
    this.warnOnce(
      `entity ${entity.name}`,
      `${entity.name} is given as entity, but no initialized TypeORM data source has it: its instances are cached without a version. ` +
        'Register the data source with TypeOrmModule or name it in dataSources, or use classes: [] and a version function.',
    );
  }
}
