import type { ClassReference } from '../codec/class-registry.js';
import type { ListInvalidation } from '../codec/entity-tags.js';
import { dateVersion } from '../codec/entity-version.js';
import { InvalidOptionsError } from '../core/errors.js';
import { MAX_VERSION_ORDER, type Version } from '../core/version.js';
import type { ChangeKind } from '../core/versioned-store.js';
import type { LoadContext } from '../core/load-request.js';
import type { CurrentVersion } from './current-version.js';
import { fixedTtlRule, POLICY_RULES, type CachePolicy } from './cache-policy.js';
import { oneOf, type OptionRule, type OptionRules } from './option-rules.js';

/** A class, as decorators and options take it; one with a private constructor too. */
export type EntityClass = ClassReference;

/** The slice of TypeORM's `EntityManager` that tells whether it is inside a transaction. */
export interface TransactionView {
  readonly queryRunner?: { readonly isTransactionActive: boolean } | undefined;
}

/**
 * A version as callers give it. A bigint or a number is what a `@VersionColumn` counts, a `Date` is what an `@UpdateDateColumn` holds, to the
 * microsecond when it is the very `Date` that TypeORM loaded or `save()` left in the entity, not a copy; anything else says its kind:
 * `{ kind: 'extracted', order: 7n }` for values that are cached with a `version` function.
 */
export type GivenVersion = bigint | number | Date | Version;

/** One entity, or several. */
export type EntityOption = EntityClass | readonly [EntityClass, ...EntityClass[]];

/** Rows by their keys: of each its entity, and the value of its key, or an object of all columns of the key. */
export type RowList = readonly (readonly [entity: EntityClass, id: unknown])[];

/** What tells which changes outdate a value. */
export interface DependenceOptions extends ListOptions {
  /**
   * The entity that is cached. Its `@VersionColumn`, else its `@UpdateDateColumn`, orders its values, and changes of it outdate them. A list names further entities on which the answer depends without showing their rows (a feed
   * depends on who follows whom): any change of these outdates it. Default none.
   */
  readonly entity?: EntityOption;
}

/** Where the version of a cached value comes from. */
export interface VersionOptions<T = unknown> {
  /** Reads the version of a value that has none by its entity; undefined where there is none. Must not touch the database. Default none. */
  readonly version?: (value: T) => bigint | number | Date | undefined;
}

/** Names that the application gives; or a function that reads them of a loaded value, and of `undefined` when the load failed. */
export type TagSource = readonly string[] | ((value: never) => readonly string[]) | undefined;

/** What outdates a cached list. */
export interface ListOptions {
  /**
   * What makes a list of entities outdated. `'any-change'` (default): every change of such an entity, since an update may bring a row into a list or move it. `'membership'`: changes
   * of the rows in it, and rows that are inserted, removed or restored; for lists whose filter and order no update touches.
   */
  readonly listInvalidation?: ListInvalidation;
}

/** What `getOrLoad()` takes beside the key and the loader; what is left out comes from the module's options. */
export interface LoadOptions<T = unknown> extends CachePolicy, VersionOptions<T>, DependenceOptions {
  readonly ttlMs?: number | ((value: T) => number);
  readonly cacheIf?: (value: T) => boolean;
  /**
   * Names under which the entry can be invalidated with others: `invalidateTags()`. Or a function that reads them of the loaded value (of `undefined` when the load failed); a value
   * whose tags cannot be read is not stored. Default none.
   */
  readonly tags?: readonly string[] | ((value: T | undefined) => readonly string[]);
  /**
   * Names the rows that a value was made of where it does not hold them as instances: plain objects that were mapped from entities. Changes of these rows outdate it, and not every change of their entity. Needs `entity`. A list without rows names nothing: then every change of the
   * entity counts. A row that cannot be named throws, and the value is not stored. Default none.
   */
  readonly rows?: (value: T) => RowList;
  /**
   * Reads the version that the row has now, by a query that is much cheaper than the load (`SELECT version FROM product WHERE id = …`). Where a value is stored whose version is the same, it is renewed for another ttl and not loaded. A whole number, its digits, the `Date` that
   * came from the driver, `{ kind, order }`; `null` or `undefined` where there is no row. Needs `entity` or `version`, and a value that is kept: `eagerRefresh`, `staleWhileRevalidateMs` or `staleIfErrorMs`.
   *
   * Only for values whose version tells every change of them, and no two updates of which share one: a `@VersionColumn`, or an `@UpdateDateColumn` that is read to the microsecond. With milliseconds the value is loaded, and the event `renewal-refused` says so.
   */
  readonly currentVersion?: (context: LoadContext) => CurrentVersion | Promise<CurrentVersion>;
  /** Takes this caller out of the load it waits for; the load itself goes on. */
  readonly signal?: AbortSignal;
  /**
   * The `EntityManager` that the loader reads with. While a transaction is open on it the cache is passed by: a row that is read there may not be committed,
   * or older than what others see.
   */
  readonly manager?: TransactionView;
}

/** What `set()` takes: what tells the tags (`entity`, `rows`, `tags`, `listInvalidation`) as the calls that load this key give it. */
export interface SetOptions extends Pick<CachePolicy, 'staleWhileRevalidateMs' | 'staleIfErrorMs'>, DependenceOptions {
  /** How long the value is fresh at most, from now. 1 to 315,360,000,000 (ten years). Default: as the module's policy says for this value. */
  readonly ttlMs?: number;
  /** The version that the change gave the row. Default: that of the value, by `entity`. */
  readonly version?: GivenVersion;
  /** The names under which the value can be invalidated with others, or a function that reads them of the value. Default none. */
  readonly tags?: readonly string[] | ((value: never) => readonly string[]);
  /** The rows that the value was made of, as the calls that load this key name them. Default none. */
  readonly rows?: (value: never) => RowList;
}

/** What `invalidate()` takes. */
export interface InvalidateOptions {
  /** The version that the change gave the row; of a removed row, the last one it had. Nothing older is stored while `floorMs` lasts. Default: unknown. */
  readonly version?: GivenVersion;
  /** Default `'changed'`. `'removed'`: the version itself is refused too; `'inserted'`: the row may have been born again at version 1. */
  readonly change?: ChangeKind;
}

const entityRule: OptionRule = {
  expected: 'a class, or a list of classes',
  cure: 'Pass the class itself: entity: Product, or entity: [Product, Category].',
  accepts: (value) => (Array.isArray(value) ? value.length > 0 && value.every(isClass) : isClass(value)),
};

function isClass(value: unknown): boolean {
  return typeof value === 'function' && typeof value.prototype === 'object';
}

/** The entities that an option names, the one that is cached first. */
export function entityList(entity: EntityOption | undefined): readonly EntityClass[] {
  return entity === undefined
    ? []
    : Array.isArray(entity)
      ? (entity as readonly EntityClass[])
      : [entity as EntityClass];
}

const tagsRule: OptionRule = {
  expected: 'an array of texts that are not empty, or a function that returns one',
  cure: "Write tags: ['products'] or tags: (product) => [`shelf ${product?.shelf}`].",
  accepts: (value) => typeof value === 'function' || isTagList(value),
};

export const listInvalidationRule = oneOf('any-change', 'membership');

export function isTagList(value: unknown): boolean {
  return Array.isArray(value) && value.every((tag) => typeof tag === 'string' && tag !== '');
}

const functionRule: OptionRule = {
  expected: 'a function',
  cure: 'Pass a function, or leave it out.',
  accepts: (value) => typeof value === 'function',
};

const objectRule = (expected: string): OptionRule => ({
  expected,
  cure: 'Correct it, or leave it out.',
  accepts: (value) => typeof value === 'object' && value !== null,
});

const versionRule: OptionRule = {
  expected: 'a version from 0 to 2^63-1: a bigint, a whole number, a Date, or { kind, order }',
  cure: 'Pass what the row now has in its @VersionColumn or @UpdateDateColumn, or leave it out.',
  accepts: (value) => tryVersion(value) !== undefined,
};

/** What is said of a cached value, of a route's answer as of what a call loads. */
export const VALUE_RULES = {
  ...POLICY_RULES,
  entity: entityRule,
  version: functionRule,
  tags: tagsRule,
  rows: functionRule,
  listInvalidation: listInvalidationRule,
  currentVersion: functionRule,
};

export const LOAD_RULES = {
  ...VALUE_RULES,
  signal: objectRule('an AbortSignal'),
  manager: objectRule('an EntityManager'),
} satisfies Record<keyof LoadOptions, OptionRule>;

const { staleWhileRevalidateMs, staleIfErrorMs } = POLICY_RULES;

export const SET_RULES = {
  version: versionRule,
  entity: entityRule,
  rows: functionRule,
  tags: tagsRule,
  listInvalidation: listInvalidationRule,
  ttlMs: fixedTtlRule,
  staleWhileRevalidateMs,
  staleIfErrorMs,
} satisfies Record<keyof SetOptions, OptionRule>;

export const INVALIDATE_RULES: OptionRules = {
  version: versionRule,
  change: oneOf('changed', 'removed', 'inserted'),
} satisfies Record<keyof InvalidateOptions, OptionRule>;

/** @throws InvalidOptionsError when it is none */
export function toVersion(given: GivenVersion): Version {
  const version = tryVersion(given);
  if (version === undefined)
    throw new InvalidOptionsError(`version: expected ${versionRule.expected}. ${versionRule.cure}`);
  return version;
}

function tryVersion(given: unknown): Version | undefined {
  if (typeof given === 'bigint') return within({ kind: 'version', order: given });
  if (typeof given === 'number')
    return Number.isSafeInteger(given) ? within({ kind: 'version', order: BigInt(given) }) : undefined;
  if (given instanceof Date) return dateVersion(given);
  if (typeof given !== 'object' || given === null) return undefined;
  const { kind, order } = given as Partial<Version>;
  return typeof kind === 'string' && /^[a-z0-9-]{1,32}$/.test(kind) && typeof order === 'bigint'
    ? within({ kind, order })
    : undefined;
}

function within(version: Version): Version | undefined {
  return version.order >= 0n && version.order <= MAX_VERSION_ORDER ? version : undefined;
}
