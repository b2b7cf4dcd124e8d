import { microsecondsOf } from './stamp-text.js';

/** What the database wrote, and which `Date` the driver made of it. */
interface Stamp {
  readonly text: string;
  readonly milliseconds: number;
}

/**
 * A `Date` holds milliseconds, the database's text microseconds. The text is kept beside the `Date`, not in it: nothing of it is seen by whoever prints, copies or compares the entity,
 * and it goes when the `Date` goes.
 */
const stamps = new WeakMap<Date, Stamp>();

/** Remembers the text from which a driver has made this `Date`. */
export function rememberStamp(date: Date, text: string): void {
  stamps.set(date, { text, milliseconds: date.getTime() });
}

/**
 * The exact stamp of a `Date` that came from a driver, in microseconds; undefined for any other, and for one that was changed since. A text without a time zone is
 * read as if it were UTC, so that instances in different time zones give a row one and the same number.
 */
export function exactStamp(date: Date): bigint | undefined {
  const stamp = stamps.get(date);
  return stamp?.milliseconds === date.getTime() ? microsecondsOf(stamp.text) : undefined;
}
