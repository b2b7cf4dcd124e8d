import { EntitySchema } from 'typeorm';

/** A row of a history. */
export class HistoryRow {
  key!: string;
  /** Which list it is in; never changes. */
  shelf!: number;
  /** Where this state of the row stands among all changes of all rows. Unlike the version it goes on when the row is removed and born again. */
  stamp!: number;
  version!: number;
}

/** Without decorators, which a worker could not read: nothing but its types is stripped from what it runs. */
export const historyRows = new EntitySchema<HistoryRow>({
  name: 'HistoryRow',
  tableName: 'history_row',
  target: HistoryRow,
  columns: {
    key: { type: 'text', primary: true },
    shelf: { type: 'int' },
    stamp: { type: 'int' },
    version: { type: 'int', version: true },
  },
});
