import type { CacheEvent } from '../core/cache-event.js';
import type { ReadThrough } from '../core/read-through.js';
import type { Version } from '../core/version.js';
import type { VersionExtractor } from '../codec/entity-version.js';
import type { ResolvedCacheOptions } from '../distributed-cache.options.js';
import type { ListInvalidation } from '../codec/entity-tags.js';
import type { EntityOption, RowList, TagSource } from '../options/call-options.js';
import type { CacheHealth } from '../observability/cache-health.js';
import type { CacheCounts } from '../observability/cache-stats.js';

/** Reads the version of a value; undefined where it has none. Never throws. */
export type VersionReader = (value: unknown) => Version | undefined;

/** Reads the tags of a loaded value; `undefined` stands for a load that failed. Throws what the `tags` function throws. */
export type TagReader = (value: unknown) => readonly string[];

/** Where the tags of values come from. */
export interface TagOptions {
  readonly entity: EntityOption | undefined;
  readonly tags: TagSource;
  readonly rows: ((value: never) => RowList) | undefined;
  readonly listInvalidation: ListInvalidation | undefined;
}

/** What the service needs of the application around it, and its injection token. */
export abstract class CacheHost {
  abstract readonly options: ResolvedCacheOptions;

  /** The cache, once it is open. */
  abstract readonly opened: ReadThrough | undefined;

  /**
   * Opens the cache, once, whoever asks first: another module may read in its own `onModuleInit`.
   *
   * @throws CacheClosedError after shutdown
   */
  abstract open(): Promise<ReadThrough>;

  /** Where versions of such values come from: the entity's columns, then the extractor. */
  abstract versionReader(
    entity: EntityOption | undefined,
    extractor: VersionExtractor | undefined,
  ): VersionReader | undefined;

  /** Warns, once, of what is wrong with the versions of an entity that will be cached. @throws InvalidOptionsError when two entities have one name */
  abstract checkVersions(entity: EntityOption, extractor: VersionExtractor | undefined): void;

  /** Which tags loaded values of a key have; undefined where they have none. */
  abstract tagReader(options: TagOptions, key: string): TagReader | undefined;

  /** Makes an event; never throws. */
  abstract report(event: CacheEvent): void;

  /** Writes a line of this kind once in the life of the process. */
  abstract warnOnce(kind: string, message: string): void;

  abstract counts(): CacheCounts;

  /** How store and lock service are. Never rejects, and takes no longer than `timeoutMs`. */
  abstract health(timeoutMs: number): Promise<CacheHealth>;
}
