import type { OutboxDataSource } from './outbox-data-source.js';

/** The table with its schema: the one that it names, else that of the data source. */
export function tablePath(table: string, { options }: Pick<OutboxDataSource, 'options'>): string {
  return table.includes('.') || options.schema === undefined ? table : `${options.schema}.${table}`;
}

/** The path as it stands in a statement. */
export function escapedPath(path: string, { driver }: Pick<OutboxDataSource, 'driver'>): string {
  return path
    .split('.')
    .map((name) => driver.escape(name))
    .join('.');
}
