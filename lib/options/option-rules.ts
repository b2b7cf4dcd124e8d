import { describeGiven, typeName } from '../core/describe-given.js';
import { InvalidOptionsError } from '../core/errors.js';

/** What an option accepts, in words and as a test. */
export interface OptionRule {
  /** Completes the sentence "expected …". */
  readonly expected: string;
  /** What to do now; a whole sentence. */
  readonly cure: string;
  readonly accepts: (value: unknown) => boolean;
  /** True when a wrong value may hold credentials: then only its type is told. */
  readonly secret?: boolean;
}

export type OptionRules = Readonly<Record<string, OptionRule>>;

/** Names that people bring from other caches, and where they belong here. */
export type MisplacedNames = Readonly<Record<string, string>>;

export function wholeNumber(unit: string, min: number, max: number): OptionRule {
  return {
    expected: `a whole number of ${unit} from ${String(min)} to ${String(max)}`,
    cure: 'Correct it, or leave it out to have the default.',
    accepts: (value) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
  };
}

export function numberWithin(min: number, max: number): OptionRule {
  return {
    expected: `a number from ${String(min)} to ${String(max)}`,
    cure: 'Correct it, or leave it out to have the default.',
    accepts: (value) => typeof value === 'number' && value >= min && value <= max,
  };
}

export function oneOf(...values: readonly string[]): OptionRule {
  return {
    expected: `one of ${values.map((value) => `'${value}'`).join(', ')}`,
    cure: 'Take one of them, or leave it out to have the default.',
    accepts: (value) => typeof value === 'string' && values.includes(value),
  };
}

export const trueOrFalse: OptionRule = {
  expected: 'true or false',
  cure: 'Correct it, or leave it out to have the default. Texts from the environment have to be compared first: process.env.X === "true".',
  accepts: (value) => typeof value === 'boolean',
};

/**
 * Checks names and single values. An option that is `undefined` counts as left out, since that is what optional settings look like
 * in JavaScript; `null` does not.
 *
 * @param where begins each message: `DistributedCacheModule options`
 * @throws InvalidOptionsError naming every mistake at once
 */
export function checkOptions(where: string, given: unknown, rules: OptionRules, misplaced: MisplacedNames = {}): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new InvalidOptionsError(
      `${where}: expected an object, got ${describeGiven(given)}. Pass { name: value, … }.`,
    );
  }
  const mistakes = Object.entries(given).flatMap(([name, value]) => {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) return [unknownName(name, rules, misplaced)];
    if (value === undefined || rule.accepts(value)) return [];
    return [
      `${name}: expected ${rule.expected}, got ${rule.secret === true ? typeName(value) : describeGiven(value)}. ${rule.cure}`,
    ];
  });
  refuse(where, mistakes);
}

/** @throws InvalidOptionsError when there are mistakes */
export function refuse(where: string, mistakes: readonly string[]): void {
  if (mistakes.length === 0) return;
  throw new InvalidOptionsError(
    mistakes.length === 1 ? `${where}: ${mistakes.join('')}` : `${where}:\n- ${mistakes.join('\n- ')}`,
  );
}

function unknownName(name: string, rules: OptionRules, misplaced: MisplacedNames): string {
  const known = Object.keys(rules);
  const elsewhere = Object.hasOwn(misplaced, name) ? misplaced[name] : undefined;
  const nearest = nearestName(name, known);
  const advice = elsewhere ?? (nearest === undefined ? 'Remove it.' : `Did you mean ${nearest}?`);
  return `there is no option "${name}"; known are ${known.join(', ')}. ${advice}`;
}

/** The known name that was probably meant: the same but for case or a missing unit, or at most a third of it mistyped. */
function nearestName(name: string, known: readonly string[]): string | undefined {
  const bare = (text: string): string => text.toLowerCase().replace(/(ms|bytes)$/, '');
  const same = known.find((candidate) => bare(candidate) === bare(name));
  if (same !== undefined) return same;
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(candidate.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.ceil(name.length / 3) ? best.candidate : undefined;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of a.split('').entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] ?? 0) + (letter === b[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
