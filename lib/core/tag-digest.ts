import { createHash } from 'node:crypto';

/** 96 bits: two sets of tags of one key do not meet in it by chance. */
const DIGITS = 16;

/** Names a set of tags, so that a step of the store can tell whether two values carry the same. */
export function digestOf(tags: readonly string[]): string {
  const text = JSON.stringify([...tags].sort());
  return createHash('sha256').update(text).digest('base64url').slice(0, DIGITS);
}
