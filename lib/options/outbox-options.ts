import { checkOptions, wholeNumber, type OptionRule, type OptionRules } from './option-rules.js';

/** The table's name unless `outbox.table` gives another. */
export const OUTBOX_TABLE = 'distributed_cache_outbox';

/** More about the outbox. All of it may be left out. Durations are whole milliseconds. */
export interface OutboxOptions {
  /** The table, as `outboxMigration({ table })` has made it; `schema.table` where it is not in the schema of the data source. Default `distributed_cache_outbox`. */
  readonly table?: string;
  /**
   * How often each instance looks for rows that others have left, give or take a quarter. One indexed statement for each look that finds nothing. 100 to 600,000. Default 2,000.
   */
  readonly intervalMs?: number;
  /** How many rows are taken in one transaction. 1 to 1,000. Default 100. */
  readonly batchSize?: number;
}

export type ResolvedOutbox = Required<OutboxOptions>;

const RULES: OptionRules = {
  table: {
    expected: 'the name of a table, perhaps with its schema',
    cure: "Write table: 'cache_outbox', or leave it out to have distributed_cache_outbox.",
    accepts: (value) => typeof value === 'string' && /^(?:[A-Za-z_]\w{0,62}\.)?[A-Za-z_]\w{0,56}$/.test(value),
  },
  intervalMs: wholeNumber('milliseconds', 100, 600_000),
  batchSize: wholeNumber('rows', 1, 1_000),
} satisfies Record<keyof OutboxOptions, OptionRule>;

export const outboxRule: OptionRule = {
  expected: 'true, false or an object',
  cure: "Write outbox: true, or outbox: { table: 'cache_outbox' }.",
  accepts: (value) =>
    typeof value === 'boolean' || (typeof value === 'object' && value !== null && !Array.isArray(value)),
};

/** @throws InvalidOptionsError */
export function resolveOutbox(given: boolean | OutboxOptions | undefined, where: string): ResolvedOutbox | undefined {
  if (given === undefined || given === false) return undefined;
  const options = given === true ? {} : given;
  checkOptions(`${where}: outbox`, options, RULES);
  return {
    table: options.table ?? OUTBOX_TABLE,
    intervalMs: options.intervalMs ?? 2_000,
    batchSize: options.batchSize ?? 100,
  };
}
