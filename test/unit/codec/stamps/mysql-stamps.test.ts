import { describe, expect, it, vi } from 'vitest';

import { exactStamp } from '../../../../lib/codec/stamps/exact-stamps.js';
import { keepMysqlStamps } from '../../../../lib/codec/stamps/mysql-stamps.js';

type Cast = (
  this: object | undefined,
  field: { type: string; string: () => string | null },
  next: () => unknown,
) => unknown;

const TEXT = '2024-01-31 12:00:00.123456';
const DATE = new Date('2024-01-31T12:00:00.123Z');

function connection(config: Record<string, unknown> = {}): { config: Record<string, unknown>; execute: () => void } {
  return { config: { timezone: 'Z', typeCast: true, ...config }, execute: () => undefined };
}

/** As the driver reads a column: its text can be taken once. */
function read(
  { config }: ReturnType<typeof connection>,
  text: string | null = TEXT,
  type = 'DATETIME',
  query?: object,
): unknown {
  const string = vi.fn(() => text);
  const value = (config.typeCast as Cast).call(query, { type, string }, () => `default ${String(text)}`);
  expect(string.mock.calls.length).toBeLessThanOrEqual(1);
  return value;
}

describe('keepMysqlStamps', () => {
  it.each(['DATETIME', 'TIMESTAMP'])('remembers the text of a %s', (type) => {
    const kept = connection();
    expect(keepMysqlStamps(kept)).toBe(true);
    const value = read(kept, TEXT, type);
    expect(value).toStrictEqual(DATE);
    expect(exactStamp(value as Date)).toBe(1706702400123456n);
  });

  it('is one function however often a connection of the pool is handed out', () => {
    const kept = connection();
    keepMysqlStamps(kept);
    const { typeCast } = kept.config;
    expect(keepMysqlStamps(kept)).toBe(true);
    expect(kept.config.typeCast).toBe(typeCast);
  });

  it('leaves all other columns to the driver, and null null', () => {
    const kept = connection();
    keepMysqlStamps(kept);
    expect(read(kept, 'x', 'VAR_STRING')).toBe('default x');
    expect(read(kept, null)).toBeNull();
  });

  it.each<[string, Cast, unknown]>([
    ['takes the text', (field) => `own ${String(field.string())}`, `own ${TEXT}`],
    ['takes the text twice', (field) => `${String(field.string())} ${String(field.string())}`, `${TEXT} ${TEXT}`],
    ['leaves it to the driver', (_, next) => next(), DATE],
    ['makes its own date', (field) => new Date(`${String(field.string())}Z`), DATE],
  ])('leaves a typeCast of the application in force that %s', (_, typeCast, expected) => {
    const kept = connection({ typeCast });
    expect(keepMysqlStamps(kept)).toBe(true);
    const value = read(kept);
    expect(value).toStrictEqual(expected);
    if (value instanceof Date) expect(exactStamp(value)).toBe(1706702400123456n);
  });

  it('goes by the options of the query, as the driver does', () => {
    const kept = connection();
    keepMysqlStamps(kept);
    expect(read(kept, TEXT, 'DATETIME', { timezone: '+02:00' })).toStrictEqual(new Date('2024-01-31T10:00:00.123Z'));
    expect(read(kept, TEXT, 'DATETIME', { dateStrings: true })).toBe(`default ${TEXT}`);
    expect(read(kept, TEXT, 'DATETIME', { timezone: 'GMT+2' })).toBe(`default ${TEXT}`);
  });

  it.each([
    ['dates that are read as texts', connection({ dateStrings: true })],
    ['datetimes that are read as texts', connection({ dateStrings: ['DATE', 'DATETIME'] })],
    ['bytes', connection({ typeCast: false })],
    ['a time zone that only the driver understands', connection({ timezone: 'GMT+2' })],
    ['the driver mysql, which reads dates in its own way', { config: { typeCast: true } }],
    ['something else', undefined],
  ])('says no to %s, and changes nothing', (_, other) => {
    const before = JSON.stringify(other);
    expect(keepMysqlStamps(other)).toBe(false);
    expect(JSON.stringify(other)).toBe(before);
  });

  it('says yes to days that are read as texts', () => {
    expect(keepMysqlStamps(connection({ dateStrings: ['DATE'] }))).toBe(true);
  });
});
