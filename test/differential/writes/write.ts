/** One write, and what it is done in: plain data. */
export interface Write {
  /** Which of the two instances writes. */
  readonly by: 0 | 1;
  readonly frame: Frame;
  /** With a frame that has an inner transaction, the last one is done in it. */
  readonly steps: readonly Step[];
}

export const FRAMES = [
  ...(['plain', 'plain', 'plain', 'plain', 'transaction', 'query-runner'] as const),
  ...(['savepoint', 'inner-rolled-back', 'rolled-back'] as const),
];
export type Frame = (typeof FRAMES)[number];

export interface Step {
  readonly do: StepKind;
  readonly face: string;
  /** The row. */
  readonly nr: number;
  /** A relation's path. */
  readonly at?: string;
  /** Rows of the other side; none: the relation is emptied. */
  readonly others?: readonly number[];
  readonly label: string;
  /** The key is spelled in another way than the database spells it. */
  readonly spelled?: true;
  /** The key alone says which row it is; without that `nr` does. */
  readonly byKey?: true;
  readonly options?: Readonly<Record<string, boolean | number>>;
}

export type StepKind = (typeof STEP_KINDS)[number];

export const STEP_KINDS = [
  ...(['save-new', 'save', 'save-many', 'save-partial', 'save-code', 'save-related', 'save-related'] as const),
  ...(['save-cascade', 'save-plain-column', 'insert', 'insert-related', 'upsert-key', 'upsert-code'] as const),
  ...(['update', 'update-related', 'delete', 'remove', 'soft-remove', 'recover', 'soft-delete', 'restore'] as const),
  ...(['increment', 'decrement', 'relation-add', 'relation-remove', 'relation-set', 'query-update'] as const),
  ...(['query-delete', 'query-insert', 'query-upsert', 'query-cte', 'insert-select', 'insert-again'] as const),
  // Of these few entities have all that they need.
  ...(['link', 'link', 'unlink', 'tree-move', 'tree-move', 'tree-move', 'tree-add', 'tree-add'] as const),
  ...(['restore', 'recover'] as const),
];
