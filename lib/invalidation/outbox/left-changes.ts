import type { TagChange } from '../../core/tagging.js';
import { merged, type Words } from '../../core/unsent-changes.js';

/**
 * What is to be announced of changes that were left, in their order: first one word on each tag, then the second on those that need one.
 *
 * Writers stamp their rows by their own clocks, so the order is not to be trusted: 1. one process writes a row at version 6; 2. another has written it at version 5, and its clock is ahead; 3. of the two words
 * the last would lower the floor to 5. So the highest version counts; only a birth after a removal is told after it.
 */
export function leftChanges(changes: readonly TagChange[]): TagChange[][] {
  const words = new Map<string, Words>();
  for (const { tag, ...change } of changes) words.set(tag, merged(words.get(tag), change));
  const rounds = [0, 1].map((round) =>
    [...words].flatMap(([tag, told]) => (told[round] === undefined ? [] : [{ tag, ...told[round] }])),
  );
  return rounds.filter((round) => round.length > 0);
}
