import type { OptionRule } from './option-rules.js';

/** When a server that is away is not asked any more, and how soon it is found to be back. */
export interface BreakerOptions {
  /** So many failures in a row open the breaker: deadlines and broken connections, not errors that the server answers. 1 to 1,000. Default 5. */
  readonly failures?: number;
  /** While it is open, the time from one probe to the next; probes are sent in the background, one at a time. 10 to 60,000. Default 500. */
  readonly probeAfterMs?: number;
}

const BOUNDS: Readonly<Record<keyof BreakerOptions, readonly [min: number, max: number]>> = {
  failures: [1, 1_000],
  probeAfterMs: [10, 60_000],
};

export const breakerRule: OptionRule = {
  expected: 'false, or { failures: 1 to 1000, probeAfterMs: 10 to 60000 }, both whole numbers',
  cure: 'Correct it, or leave it out to have { failures: 5, probeAfterMs: 500 }.',
  accepts: (value) =>
    value === false ||
    (typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.entries(value).every(([name, given]) => isWithin(name, given))),
};

/** Every choice made. */
export function completeBreaker(given: BreakerOptions | false = {}): Required<BreakerOptions> | false {
  return given === false ? false : { failures: given.failures ?? 5, probeAfterMs: given.probeAfterMs ?? 500 };
}

function isWithin(name: string, given: unknown): boolean {
  if (!Object.hasOwn(BOUNDS, name)) return false;
  const [min, max] = BOUNDS[name as keyof BreakerOptions];
  return given === undefined || (Number.isInteger(given) && (given as number) >= min && (given as number) <= max);
}
