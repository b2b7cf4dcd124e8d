import { rememberStamp } from './exact-stamps.js';
import { mysqlDate, readsTimeZone } from './mysql-date.js';

/** A column of a row that is being read. Its text can be taken once, and then `next` finds it gone. */
interface Field {
  readonly type: string;
  string(): string | null;
}

/** How dates are read: by the connection, and where a query says otherwise by the query. */
interface DateOptions {
  readonly timezone?: string;
  readonly dateStrings?: boolean | readonly string[];
}

/** Called as a method of the query's options. */
type TypeCast = (this: DateOptions | undefined, field: Field, next: () => unknown) => unknown;

/** The slice of a `mysql2` connection that is used; the connections of a pool share one `config`. */
interface CastingConnection {
  readonly config: DateOptions & { typeCast?: TypeCast | boolean };
}

const ours = new WeakSet<TypeCast>();

/**
 * Lets the texts of `DATETIME` and `TIMESTAMP` columns be remembered that this connection reads from now on. What the application reads stays what it was, also by a `typeCast` of its own.
 *
 * @returns false when there is nothing to listen to: another driver than `mysql2`, dates read as texts, `typeCast: false`, or a time zone that only the driver understands
 */
export function keepMysqlStamps(connection: unknown): boolean {
  if (!isCastingConnection(connection)) return false;
  const { config } = connection;
  const { typeCast } = config;
  if (typeof typeCast === 'function' && ours.has(typeCast)) return true;
  if (typeCast === false || !isListenable(config)) return false;
  config.typeCast = listener(typeof typeCast === 'function' ? typeCast : undefined, config);
  return true;
}

/** @param heard the application's own function, if it has one */
function listener(heard: TypeCast | undefined, config: DateOptions): TypeCast {
  const typeCast: TypeCast = function (field, next) {
    const options = this ?? config;
    if ((field.type !== 'DATETIME' && field.type !== 'TIMESTAMP') || !readsDates(options, config))
      return heard === undefined ? next() : heard.call(this, field, next);
    const { timezone } = options;
    return heard === undefined ? readStamp(field, timezone) : hearStamp(heard.bind(this), field, timezone);
  };
  ours.add(typeCast);
  return typeCast;
}

function readStamp(field: Field, timezone: string | undefined): Date | null {
  const text = field.string();
  const date = mysqlDate(text, timezone);
  if (date !== null && text !== null) rememberStamp(date, text);
  return date;
}

/** Whichever of the two the application's function asks for: the text is taken once, and seen here. */
function hearStamp(heard: OmitThisParameter<TypeCast>, field: Field, timezone: string | undefined): unknown {
  let text: string | null | undefined;
  const string = (): string | null => (text === undefined ? (text = field.string()) : text);
  const value = heard({ ...field, string }, () => mysqlDate(string(), timezone));
  if (value instanceof Date && typeof text === 'string') rememberStamp(value, text);
  return value;
}

/** Rows come by the thousand, and nearly all are read as the connection says, which was looked at before. */
function readsDates(options: DateOptions, config: DateOptions): boolean {
  const asUsual = options.timezone === config.timezone && options.dateStrings === config.dateStrings;
  return asUsual || isListenable(options);
}

/** Whether it is known here how the driver makes a `Date`, and that it makes one. */
function isListenable({ timezone, dateStrings }: DateOptions): boolean {
  return readsTimeZone(timezone) && !readsTexts(dateStrings);
}

function readsTexts(dateStrings: DateOptions['dateStrings']): boolean {
  return typeof dateStrings === 'object' ? dateStrings.some((type) => type !== 'DATE') : dateStrings === true;
}

/** `execute` tells `mysql2` from `mysql`, which reads dates in another way. */
function isCastingConnection(connection: unknown): connection is CastingConnection {
  const { config, execute } = (connection ?? {}) as Partial<CastingConnection> & { readonly execute?: unknown };
  return typeof execute === 'function' && typeof config === 'object';
}
