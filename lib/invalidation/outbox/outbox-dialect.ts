import { InvalidOptionsError } from '../../core/errors.js';

/** What databases say differently. */
export interface OutboxDialect {
  /** The parameter at this place, counted from 1. */
  readonly parameter: (place: number) => string;
  /** The database's own clock, in whole milliseconds since 1970, whatever the time zone of the session. */
  readonly now: string;
  /** The type of a text of any length. */
  readonly text: string;
  /** Whether a row may be locked for one transaction and passed over by others. Where not, there is one connection and one writer anyway. */
  readonly locksRows: boolean;
  /** How many rows one statement removes. */
  readonly removedAtOnce: number;
}

const POSTGRES: OutboxDialect = {
  parameter: (place) => `$${String(place)}`,
  // Not now(): that is the beginning of the transaction.
  now: '(extract(epoch from clock_timestamp()) * 1000)::bigint',
  text: 'text',
  locksRows: true,
  removedAtOnce: Infinity,
};

const MYSQL: OutboxDialect = {
  parameter: () => '?',
  now: "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000)",
  text: 'longtext',
  locksRows: true,
  // For several ids of a small table InnoDB scans the table. 1. A drain holds the lock of a row.
  // 2. The scan waits for that lock and holds the gaps before it. 3. Every insert waits for the gaps.
  removedAtOnce: 1,
};

const SQLITE: OutboxDialect = {
  parameter: () => '?',
  now: "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
  text: 'text',
  locksRows: false,
  removedAtOnce: Infinity,
};

const DIALECTS: Readonly<Record<string, OutboxDialect>> = {
  postgres: POSTGRES,
  mysql: MYSQL,
  mariadb: MYSQL,
  sqlite: SQLITE,
  'better-sqlite3': SQLITE,
  sqljs: SQLITE,
};

/** @throws InvalidOptionsError for a database that has no outbox */
export function outboxDialect(type: string): OutboxDialect {
  const dialect = Object.hasOwn(DIALECTS, type) ? DIALECTS[type] : undefined;
  if (dialect !== undefined) return dialect;
  throw new InvalidOptionsError(
    `outbox: expected data sources of type ${Object.keys(DIALECTS).join(', ')}, got one of type ${type}. ` +
      'Leave outbox out, or name the data sources that the cache listens to in dataSources.',
  );
}
