import { MAX_VERSION_ORDER, type Version } from '../core/version.js';
import type { EntityMetadata } from './entity-metadata.js';
import { exactStamp } from './stamps/exact-stamps.js';

/**
 * Reads a value's place in the database's order: a number that the database raises with every change of the row. A `Date` counts as milliseconds; `undefined` means that
 * this value has none. It must be synchronous and must not touch the database.
 */
export type VersionExtractor = (value: never) => bigint | number | Date | undefined;

/** Where versions come from; with neither, nothing has a version. */
export interface VersionSource {
  readonly entity?: EntityMetadata | undefined;
  readonly extractor?: VersionExtractor | undefined;
}

/** A value without a version is stored under the lease alone, which is safe; `problem` tells that it should have had one. */
export interface VersionReading {
  readonly version?: Version;
  /** For an event or a warning: what was expected, what was found, what to do. */
  readonly problem?: string;
}

type OrderReading = { readonly order: bigint } | { readonly problem: string };

const NONE: VersionReading = {};

/**
 * The version of a value, best source first: the entity's `@VersionColumn` (kind `version`), its `@UpdateDateColumn` (kind `updated-at-us`, microseconds, for a `Date` that came from
 * a driver that was listened to, else `updated-at`, milliseconds), the extractor (kind `extracted`). A column that was not selected gives way to the next source. Columns are
 * read of instances of the entity's class only: in a plain object a property `version` may mean anything.
 *
 * `null`, `undefined` and lists have no version: a list may shrink, so its newest member does not order it. Never throws: a bad stamp must not break a read.
 */
export function versionOf(value: unknown, source: VersionSource): VersionReading {
  if (value === null || value === undefined || Array.isArray(value)) return NONE;
  const { entity, extractor } = source;
  const fromColumns =
    entity !== undefined && isInstance(value, entity)
      ? guarded(`Reading the version of ${entity.name}`, () => columns(value, entity))
      : NONE;
  if (fromColumns !== NONE || extractor === undefined) return fromColumns;
  return guarded('The version extractor', () => extracted(value, extractor));
}

/**
 * The version of a row that is known to be of this entity, of whatever class the object is that holds it; undefined where it has none. Never throws.
 */
export function rowVersion(row: unknown, entity: EntityMetadata): Version | undefined {
  return guarded('', () => columns(row, entity)).version;
}

/** What a `Date` says as the version of a row; undefined for an invalid one and one before 1970. */
export function dateVersion(date: Date): Version | undefined {
  return (exactly(date) ?? reading('updated-at', dated(date), '')).version;
}

function guarded(what: string, read: () => VersionReading): VersionReading {
  try {
    return read();
  } catch (error) {
    return {
      problem: `${what} failed (${error instanceof Error ? error.message : String(error)}). The value is kept without a version; let an extractor return undefined where there is none.`,
    };
  }
}

function columns(value: unknown, entity: EntityMetadata): VersionReading {
  const version = at(value, entity.versionPath);
  if (isStamp(version)) return reading('version', counted(version), `The @VersionColumn of ${entity.name}`);
  const updatedAt = at(value, entity.updateDatePath);
  if (!isStamp(updatedAt)) return NONE;
  return exactly(updatedAt) ?? reading('updated-at', dated(updatedAt), `The @UpdateDateColumn of ${entity.name}`);
}

/** Microseconds, where they are known. They have a kind of their own, because they do not compare with milliseconds. */
function exactly(stamp: unknown): VersionReading | undefined {
  const order = stamp instanceof Date ? exactStamp(stamp) : undefined;
  return order !== undefined && order >= 0n ? { version: { kind: 'updated-at-us', order } } : undefined;
}

function extracted(value: unknown, extractor: VersionExtractor): VersionReading {
  const result: unknown = extractor(value as never);
  if (result === undefined) return NONE;
  if (isThenable(result)) {
    // Nobody waits for it, so nobody else would hear of its failure.
    Promise.resolve(result).catch(() => undefined);
    return {
      problem:
        'The version extractor returned a promise, but expected is a bigint, a number or a Date at once. Read the version from the loaded value.',
    };
  }
  return reading('extracted', dated(result), 'The version extractor');
}

function reading(kind: string, found: OrderReading, whose: string): VersionReading {
  if ('order' in found && found.order >= 0n && found.order <= MAX_VERSION_ORDER)
    return { version: { kind, order: found.order } };
  const given = 'order' in found ? String(found.order) : found.problem;
  return {
    problem: `${whose} gave ${given}, but a version is a whole number or a date from 0 (1970) to 2^63-1. The value is kept without one.`,
  };
}

/** A counter: a number, a bigint, or the digits as which drivers give a `bigint` column. */
function counted(value: unknown): OrderReading {
  if (typeof value === 'string' && /^\d{1,19}$/.test(value)) return { order: BigInt(value) };
  return typeof value === 'bigint' || typeof value === 'number' ? whole(value) : refused(value);
}

/** A moment in milliseconds. A text is refused: which time zone it speaks of is anybody's guess. */
function dated(value: unknown): OrderReading {
  if (typeof value === 'bigint' || typeof value === 'number') return whole(value);
  if (Object.prototype.toString.call(value) !== '[object Date]') return refused(value);
  const milliseconds = (value as Date).getTime();
  return Number.isNaN(milliseconds) ? { problem: 'an invalid Date' } : { order: BigInt(milliseconds) };
}

function whole(value: bigint | number): OrderReading {
  if (typeof value === 'bigint') return { order: value };
  if (Number.isSafeInteger(value)) return { order: BigInt(value) };
  return {
    problem: `the number ${value}${Number.isInteger(value) ? ' (beyond 2^53, where digits are lost: give a bigint)' : ''}`,
  };
}

function refused(value: unknown): OrderReading {
  return {
    problem:
      typeof value === 'string'
        ? `the text ${JSON.stringify(value.slice(0, 40))}`
        : `a value of type ${value === null ? 'null' : typeof value}`,
  };
}

/** Not selected, or not written yet. */
function isStamp(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function at(value: unknown, path: readonly string[] | undefined): unknown {
  if (path === undefined) return undefined;
  return path.reduce<unknown>(
    (holder, name) =>
      typeof holder === 'object' && holder !== null ? (holder as Record<string, unknown>)[name] : undefined,
    value,
  );
}

function isInstance(value: unknown, entity: EntityMetadata): boolean {
  return (
    typeof value === 'object' && value !== null && Object.prototype.isPrototypeOf.call(entity.target.prototype, value)
  );
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
