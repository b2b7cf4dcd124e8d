/** What is cached: a row, or the list of the rows on a shelf, under one of several names. */
export type Entry =
  { readonly of: 'row'; readonly key: string } | { readonly of: 'list'; readonly shelf: number; readonly view: number };

export const KEYS: readonly string[] = Array.from({ length: 12 }, (_, index) => `key-${index}`);
/** Lists, into which the keys are dealt. */
const SHELVES = 3;
/** Of each list, many of them seldom read: an entry that was loaded a moment ago is still registered with its tags, and a load of it would not notice how register and announce meet. */
export const VIEWS = 30;

export const ENTRIES: readonly Entry[] = [
  ...KEYS.map((key) => ({ of: 'row', key }) as const),
  ...Array.from({ length: SHELVES * VIEWS }, (_, index) => {
    return { of: 'list', shelf: index % SHELVES, view: Math.floor(index / SHELVES) } as const;
  }),
];

export function shelfOf(key: string): number {
  return KEYS.indexOf(key) % SHELVES;
}

/** The others are never removed, and so may be announced by `set`, which is not for rows that may come back with a lower version. */
export function isRemovable(key: string): boolean {
  return KEYS.indexOf(key) % 4 !== 0;
}

/** The rows that an answer could show. */
export function keysOf(entry: Entry): readonly string[] {
  return entry.of === 'row' ? [entry.key] : KEYS.filter((key) => shelfOf(key) === entry.shelf);
}

/** As which the cache knows it. */
export function cacheKeyOf(entry: Entry): readonly (string | number)[] {
  return entry.of === 'row' ? ['row', entry.key] : ['list', entry.shelf, entry.view];
}

export function entryName(entry: Entry): string {
  return cacheKeyOf(entry).join(' ');
}

/** What the writers that TypeORM does not hear announce for the lists: the row, and, when it comes or goes, its shelf. */
export const rowTag = (key: string): string => `row ${key}`;
export const shelfTag = (shelf: number): string => `shelf ${shelf}`;
