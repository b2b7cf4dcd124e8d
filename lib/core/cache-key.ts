import { createHash } from 'node:crypto';

import { InvalidKeyError } from './errors.js';
import { KeyWriter } from './key-writer.js';
import { describeValue } from './value-kind.js';

/** A key longer than this many UTF-16 units ends in a hash instead. */
export const MAX_READABLE_KEY_LENGTH = 200;

/**
 * A list of parts as one text. No two lists share a text, so no two requests ever share an answer; the same list gives the same text in every process.
 *
 * | part | in the key |
 * | --- | --- |
 * | text of `A-Z a-z 0-9 . _ - / @` | itself: `product` |
 * | any other text | quoted like JSON: `"a:b"`, `""`; unicode normal forms stay distinct |
 * | number, bigint, boolean, `null`, `undefined` | after a `#`: `#42`, `#-0`, `#NaN`, `#42n`, `#true`, `#null`, `#undefined` |
 * | array, plain object | `[a,#1]`, `(a=#1,b=x)`, whatever the order of the object's keys |
 * | `Map`, `Set` | `Map(k=v)`, `Set(a,b)`, whatever the order of insertion |
 * | `Date`, `URL`, `RegExp`, bytes | `Date(2024-01-31T12:00:00.000Z)`, `URL("…")`, `RegExp("…","gi")`, `Buffer(00ff)` |
 *
 * So `['product', 42]` is `product:#42` and `['product', '42']` is `product:42`: a number and its digits are different parts. Numbers are told apart as `Object.is` does;
 * a property that is `undefined` is not the same as one that is missing. Braces never occur, so a key may stand in a Redis hash tag, and neither do lone
 * surrogates. Text longer than 200 UTF-16 units is cut and ends in `~` and its SHA-256 in hex, which no shorter key does.
 *
 * @throws InvalidKeyError for an empty list and for a part without a clear identity: a function, a symbol, an instance of a class, something that
 *   contains itself, more than 100 levels
 */
export function encodeKey(parts: readonly unknown[]): string {
  if (!Array.isArray(parts) || parts.length === 0) {
    throw new InvalidKeyError(
      `A key is a list of at least one part, but got ${Array.isArray(parts) ? 'an empty list' : describeValue(parts)}. Name what is cached: ['product', id].`,
    );
  }
  const readable = Array.from(parts, (part, index) => new KeyWriter(index).write(part)).join(':');
  return readable.length <= MAX_READABLE_KEY_LENGTH ? readable : shorten(readable);
}

/** A `~` outside quotes occurs in no readable key, and quotes end in `"`: nothing readable ends in `~` and 64 hex digits. */
function shorten(readable: string): string {
  const hash = createHash('sha256').update(readable, 'utf8').digest('hex');
  const prefix = readable.slice(0, MAX_READABLE_KEY_LENGTH - hash.length - 1);
  return `${prefix.replace(/[\uD800-\uDBFF]$/, '')}~${hash}`;
}
