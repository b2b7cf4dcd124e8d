import { describe, expect, it } from 'vitest';

import { microsecondsOf } from '../../../../lib/codec/stamps/stamp-text.js';

describe('microsecondsOf', () => {
  it.each([
    ['2024-01-31 12:00:00.123456+00', 1706702400123456n],
    ['2024-01-31 12:00:00.123456', 1706702400123456n],
    ['2024-01-31 12:00:00', 1706702400000000n],
    ['2024-01-31 12:00:00.5', 1706702400500000n],
    ['2024-01-31 14:00:00.000001+02', 1706702400000001n],
    ['2024-01-31 17:30:00+05:30', 1706702400000000n],
    ['2024-01-31 08:30:00-03:30', 1706702400000000n],
    ['2024-01-31 11:15:30-00:44:30', 1706702400000000n],
    ['9999-12-31 23:59:59.999999', 253402300799999999n],
    ['1970-01-01 00:30:00+01', -1800000000n],
  ])('%s', (text, microseconds) => {
    expect(microsecondsOf(text)).toBe(microseconds);
  });

  it.each([
    ['a zero date', '0000-00-00 00:00:00'],
    ['a year before 1970', '0050-01-01 00:00:00'],
    ['a year before Christ', '2024-01-31 12:00:00+00 BC'],
    ['infinity', 'infinity'],
    ['another date style', 'Wed Jan 31 12:00:00.123456 2024 UTC'],
    ['a day', '2024-01-31'],
    ['more digits than a database has', '2024-01-31 12:00:00.1234567'],
  ])('%s is not read', (_, text) => {
    expect(microsecondsOf(text)).toBeUndefined();
  });
});
