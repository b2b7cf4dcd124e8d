/** One cached read: plain data. */
export interface Read {
  /** The class that is read, or a view. */
  readonly face: string;
  readonly gives: (typeof GIVES)[number];
  readonly where: Filter;
  /** Relations that come with it, such as `items` and `items>owner`. */
  readonly relations: readonly string[];
  readonly strategy: 'join' | 'query';
  readonly lists: 'any-change' | 'membership';
  readonly withDeleted: boolean;
}

export const GIVES = [
  ...(['one', 'one', 'one', 'list', 'list', 'list', 'page', 'count', 'exists', 'dto', 'dtos'] as const),
  ...(['ids', 'counted', 'roots', 'descendants', 'ancestors', 'descendant-list', 'view'] as const),
];

/** Which rows; `at` a relation's path. */
export type Filter =
  | { readonly by: 'all' }
  | { readonly by: 'nr' | 'key' | 'code'; readonly nr: number }
  | { readonly by: 'label'; readonly label: string }
  /** The related row is this one; without a number: there is none. */
  | { readonly by: 'related-key'; readonly at: string; readonly nr: number | null }
  | { readonly by: 'plain-column'; readonly at: string; readonly nr: number | null }
  | { readonly by: 'related-label'; readonly at: string; readonly label: string };
