const STAMP = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d+))?$/;
const OFFSET = /^([+-])(\d\d):(\d\d)$/;

/** Whether {@link mysqlDate} knows this `timezone` of a connection. */
export function readsTimeZone(timezone: string | undefined): boolean {
  return timezone === undefined || timezone === 'local' || timezone === 'Z' || OFFSET.test(timezone);
}

/**
 * The `Date` that `mysql2` makes of a `DATETIME`'s text, the invalid one for a zero date included: once the text was taken from the packet, the driver cannot make it itself any more.
 */
export function mysqlDate(text: string | null, timezone: string | undefined): Date | null {
  if (text === null) return null;
  const zone = timezone === undefined || timezone === 'local' ? '' : timezone;
  const parts = STAMP.exec(text);
  if (parts === null) return new Date(text + zone);
  const [year = 0, month = 0, day = 0, hours = 0, minutes = 0, seconds = 0] = parts.slice(1, 7).map(Number);
  if (month === 0 || day === 0) return new Date(NaN);
  if (year < 100) return new Date(text + zone);
  const milliseconds = Number((parts[7] ?? '').padEnd(3, '0').slice(0, 3));
  if (zone === '') return new Date(year, month - 1, day, hours, minutes, seconds, milliseconds);
  return new Date(Date.UTC(year, month - 1, day, hours, minutes, seconds, milliseconds) - offsetMs(zone));
}

function offsetMs(zone: string): number {
  const [, sign, hours, minutes] = OFFSET.exec(zone) ?? [];
  const offset = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60_000;
  return sign === '-' ? -offset : offset;
}
