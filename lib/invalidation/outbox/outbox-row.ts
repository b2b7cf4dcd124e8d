import type { TagChange } from '../../core/tagging.js';

/** A row that stands in an outbox until what it tells is announced. */
export interface OutboxRow {
  readonly id: string;
  /** In whose database it stands. */
  readonly dataSource: object;
}

/** A row that its writer has left behind. */
export interface LeftRow {
  readonly id: string;
  /** Undefined where they cannot be read. */
  readonly changes: readonly TagChange[] | undefined;
}
