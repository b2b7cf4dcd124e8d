import { describe, expect, it } from 'vitest';
import { storedText } from '../../../lib/codec/key-spelling.js';

const UUID = '0f8fad5b-d9cb-469f-a165-70867728950e';

describe('a key in the text that the database gives it back in', () => {
  it.each([
    ['int', 42, 'postgres', '42'],
    ['bigint', '9007199254740993', 'mysql', '9007199254740993'],
    [Number, 42, 'mariadb', '42'],
    ['int', -1n, 'sqljs', '-1'],
    ['uuid', UUID, 'postgres', UUID],
    ['text', 'Ä b', 'postgres', 'Ä b'],
    [String, 'sku', 'sqljs', 'sku'],
  ])('is told: %s %s in %s', (type, value, database, text) => {
    expect(storedText(columnOf({ type }), value, database)).toBe(text);
  });

  it.each([
    ['zeros before a number', 'int', '042', 'postgres'],
    ['a sign', 'bigint', '+42', 'postgres'],
    ['a negative zero', 'int', '-0', 'postgres'],
    ['a number that is given as text in a column of unknown width', Number, '42', 'postgres'],
    ['capitals of a UUID', 'uuid', UUID.toUpperCase(), 'postgres'],
    ['a UUID in braces', 'uuid', `{${UUID}}`, 'postgres'],
    ['a UUID where it is a text that is compared without case', 'uuid', UUID, 'mariadb'],
    ['digits after a point', 'numeric', '1.0', 'postgres'],
    ['spaces after a char', 'char', 'a', 'postgres'],
    ['a space at the end, which a length may cut off', 'varchar', 'a ', 'postgres'],
    ['a text without case', 'citext', 'a', 'postgres'],
    ['a collation of MySQL', 'varchar', 'a', 'mysql'],
    ['a date', 'date', '2026-1-5', 'postgres'],
    ['a moment', 'timestamptz', '2026-01-05 00:00+01', 'postgres'],
    ['an unknown database', 'text', 'a', undefined],
    ['nothing', 'int', undefined, 'postgres'],
  ])('is not told: %s', (_, type, value, database) => {
    expect(storedText(columnOf({ type }), value, database)).toBeUndefined();
  });

  it('is not told where a column has a collation or a transformer', () => {
    expect(storedText(columnOf({ type: 'text', collation: 'NOCASE' }), 'a', 'sqljs')).toBeUndefined();
    expect(storedText(columnOf({ type: 'int', transformer: {} }), 1, 'postgres')).toBeUndefined();
  });
});

function columnOf(more: object) {
  return { getEntityValue: () => undefined, ...more };
}
