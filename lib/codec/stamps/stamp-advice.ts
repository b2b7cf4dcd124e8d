import type { EntityMetadata } from '../entity-metadata.js';
import type { StampColumn, Stamping } from './stamping.js';

const BEST = '@VersionColumn({ update: false })';

/** What of a kind of database makes the stamps of TypeORM's updates a poor order, and what to do about it there. */
interface Weakness {
  readonly fault: string;
  /** A trigger that reads the clock ends it; undefined when nothing does. */
  readonly trigger?: string;
}

const TRANSACTION_START: Weakness = {
  fault:
    'can go backwards: TypeORM writes CURRENT_TIMESTAMP, which is the start of the transaction, so one that began earlier and commits later gives an older stamp',
  trigger: "clock_timestamp(), and say so with default: () => 'clock_timestamp()'",
};
const SECONDS_ON_UPDATE: Weakness = {
  fault:
    'is in whole seconds after every update, because TypeORM writes CURRENT_TIMESTAMP without a fraction, and so may fall behind the stamp of an insert in the same second',
  trigger: "SYSDATE(6), and say so with default: () => 'SYSDATE(6)'",
};
const SECONDS: Weakness = { fault: 'is in whole seconds' };

const WEAKNESSES: Readonly<Record<string, Weakness>> = {
  postgres: TRANSACTION_START,
  'aurora-postgres': TRANSACTION_START,
  cockroachdb: TRANSACTION_START,
  mysql: SECONDS_ON_UPDATE,
  mariadb: SECONDS_ON_UPDATE,
  'aurora-mysql': SECONDS_ON_UPDATE,
  'better-sqlite3': SECONDS,
  sqlite: SECONDS,
  sqljs: SECONDS,
};

/** What is known, before any row was read, to be wrong with the versions of an entity, and the cure; undefined when all is well. */
export function stampAdvice(entity: EntityMetadata, hasExtractor: boolean): string | undefined {
  const { name, stamping } = entity;
  if (stamping === undefined) return undefined;
  const { versionColumn, updateDateColumn } = stamping;
  if (versionColumn !== undefined) return versionColumn.writable ? writableVersion(name) : undefined;
  if (updateDateColumn !== undefined) return dateAdvice(name, updateDateColumn, stamping);
  return hasExtractor ? undefined : noSource(name);
}

/** Said when a connection turned out to read milliseconds only. */
export function coarseReading(name: string): string {
  return (
    `The @UpdateDateColumn of ${name} is read in milliseconds, because the driver of its data source does not show the texts of dates: changes within one millisecond have equal versions, ` +
    `and the lease alone decides between them. Add ${BEST}.`
  );
}

function writableVersion(name: string): string {
  return (
    `The @VersionColumn of ${name} can go backwards: save() of an entity that was read before another change writes its old number back. ` +
    `Declare it ${BEST}; TypeORM raises it all the same.`
  );
}

function noSource(name: string): string {
  return (
    `${name} has neither a @VersionColumn nor an @UpdateDateColumn: its values have no version, and the lease alone orders them. ` +
    `Add ${BEST}, or give a version function.`
  );
}

function dateAdvice(name: string, column: StampColumn, { database = '' }: Stamping): string | undefined {
  const weakness = column.readsClock ? undefined : WEAKNESSES[database];
  const faults = [
    ...(weakness === undefined ? [] : [weakness.fault]),
    ...(column.wholeSeconds && weakness !== SECONDS ? ['has precision 0, which is whole seconds'] : []),
    ...(column.writable ? ['is written back by save() of an entity that was read before another change'] : []),
  ];
  if (faults.length === 0) return undefined;
  const kept = [
    ...(column.writable ? ['@UpdateDateColumn({ update: false })'] : []),
    ...(column.wholeSeconds ? ['precision: 6'] : []),
    ...(weakness?.trigger === undefined ? [] : [`a trigger that stamps updates with ${weakness.trigger}`]),
  ];
  const otherwise = kept.length === 0 ? '' : ` To stay with the date: ${kept.join(', and ')}.`;
  return `${name} is ordered by its @UpdateDateColumn, which ${faults.join('; and which ')}. Add ${BEST}.${otherwise}`;
}
