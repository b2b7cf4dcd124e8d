/** `2024-01-31 12:00:00.123456`, in PostgreSQL's `timestamptz` with an offset such as `+02`, `+05:30` or `-00:44:30`. */
const STAMP = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?)?$/;

/** Microseconds since 1970 of a stamp as PostgreSQL, MySQL and MariaDB write it; undefined for any other text and for years before 1970. */
export function microsecondsOf(text: string): bigint | undefined {
  const parts = STAMP.exec(text);
  if (parts === null) return undefined;
  const [year = 0, month = 0, day = 0, hours = 0, minutes = 0, seconds = 0] = parts.slice(1, 7).map(Number);
  // `Date.UTC` takes years below 100 for those of the last century.
  if (year < 1970) return undefined;
  const utc = Date.UTC(year, month - 1, day, hours, minutes, seconds) - offsetMs(parts);
  return BigInt(utc) * 1000n + BigInt((parts[7] ?? '').padEnd(6, '0'));
}

function offsetMs(parts: readonly (string | undefined)[]): number {
  const [hours = 0, minutes = 0, seconds = 0] = parts.slice(9, 12).map((part) => Number(part ?? 0));
  const offset = ((hours * 60 + minutes) * 60 + seconds) * 1000;
  return parts[8] === '-' ? -offset : offset;
}
