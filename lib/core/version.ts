/**
 * A row's place in the database's order.
 *
 * `kind` says what the number counts, because versions of different kinds do not compare: a row's `@VersionColumn` counts its
 * updates, its `@UpdateDateColumn` counts milliseconds.
 */
export interface Version {
  /** 1 to 32 characters of `a-z`, `0-9` and `-`. */
  readonly kind: string;
  /** 0 to 2^63-1, compared exactly. */
  readonly order: bigint;
}

/** The greatest `order` a version may have: 2^63-1. */
export const MAX_VERSION_ORDER = 2n ** 63n - 1n;

/** Negative, zero or positive as `a` is older than, equal to or newer than `b`; undefined when they do not compare. */
export function compareVersions(a: Version | undefined, b: Version | undefined): number | undefined {
  if (a === undefined || b?.kind !== a.kind) return undefined;
  return a.order < b.order ? -1 : a.order > b.order ? 1 : 0;
}

/**
 * Whether equal versions prove that nothing was updated in between. Milliseconds (`updated-at`) do not: two updates may share one. Columns that count updates do, and so do stamps to the microsecond, as far as transactions do not begin in the
 * same one; of kinds that the application names it has to know.
 */
export function ordersEveryUpdate({ kind }: Version): boolean {
  return kind !== 'updated-at';
}
