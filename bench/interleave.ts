/** Runs one slice and tells its figure. */
export type Slice = () => Promise<number>;

/** The order of one round: each round begins with the next subject, so that none is always the one that runs after a certain other. */
export function rotated<T>(items: readonly T[], round: number): T[] {
  const first = items.length === 0 ? 0 : round % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}

/**
 * Runs slices in turn, A B C, B C A, C A B …, and gives what they told by subject and round. One more round goes before them and is not
 * counted: it is the one in which code is compiled and connections warm up.
 */
export async function interleave<Name extends string>(
  subjects: Readonly<Record<Name, Slice>>,
  rounds: number,
): Promise<Record<Name, number[]>> {
  const names = Object.keys(subjects) as Name[];
  for (const name of names) await subjects[name]();
  const told = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of rotated(names, round)) told[name].push(await subjects[name]());
  }
  return told;
}
