import type { NotStoredReason } from './cache-event.js';
import type { Clock } from './clock.js';
import type { LoadPolicy } from './load-policy.js';
import type { Lifetime } from './versioned-store.js';

/** How long a loaded value is kept, or why it is not. */
export type LifeVerdict =
  | { readonly kept: true; readonly life: Lifetime }
  | { readonly kept: false; readonly reason: NotStoredReason; readonly detail?: string };

/** What of a policy decides about a value. */
export type ValuePolicy = Pick<
  LoadPolicy,
  'ttlMs' | 'negativeTtlMs' | 'cacheIf' | 'staleWhileRevalidateMs' | 'staleIfErrorMs'
>;

/** What a policy's own functions did wrong: it must never break a read. */
class PolicyMistake extends Error {}

/** Freshness is counted exactly up to here, ten years: whole milliseconds that a Lua number holds. */
const LONGEST_TTL_MS = 315_360_000_000;

/**
 * What the policy makes of one value, before chance has its say: `cacheIf` first, then the ttl that holds for it. A ttl below 1 means that this value is not worth keeping. A function that throws, or
 * gives something else than it should, keeps its value out of the cache: the mistake is seen in an event and in loads, and never in a wrong answer.
 */
export function lifeOf(policy: ValuePolicy, value: unknown): LifeVerdict {
  try {
    if (!isWanted(policy, value)) return { kept: false, reason: 'cache-if' };
    const ttlMs = ttlOf(policy, value);
    return ttlMs < 1
      ? { kept: false, reason: 'no-ttl' }
      : { kept: true, life: { ttlMs, keepStaleMs: keepStaleMsOf(policy, value) } };
  } catch (error) {
    return {
      kept: false,
      reason: 'policy-failed',
      detail: error instanceof PolicyMistake ? error.message : String(error),
    };
  }
}

/**
 * Shortens a ttl at random, by at most `share` of it: 1. a deployment, or a job that runs every hour, loads a thousand keys within a second; 2. without chance all of them expire within one second too, again and again.
 */
export function jittered(ttlMs: number, share: number, clock: Clock): number {
  return share === 0 ? ttlMs : Math.max(1, Math.round(ttlMs - clock.random() * share * ttlMs));
}

/** The longest that any value of this policy is fresh. */
export function longestTtlMs({ ttlMs, negativeTtlMs = 0 }: ValuePolicy): number {
  return typeof ttlMs === 'number' ? Math.max(ttlMs, negativeTtlMs) : LONGEST_TTL_MS;
}

function isWanted({ cacheIf }: ValuePolicy, value: unknown): boolean {
  if (cacheIf === undefined) return true;
  const answer: unknown = cacheIf(value);
  if (typeof answer === 'boolean') return answer;
  throw new PolicyMistake(`cacheIf: expected true or false, got ${told(answer)}. Answer at once, without a promise.`);
}

/** The ttl of a value before chance shortens it. @throws what the policy's function throws, and for what it gives that is no number */
export function ttlOf({ ttlMs, negativeTtlMs }: ValuePolicy, value: unknown): number {
  if (value === null && negativeTtlMs !== undefined) return negativeTtlMs;
  if (typeof ttlMs === 'number') return ttlMs;
  const answer: unknown = ttlMs(value);
  if (typeof answer === 'number' && Number.isFinite(answer)) return Math.min(Math.floor(answer), LONGEST_TTL_MS);
  throw new PolicyMistake(
    `ttlMs: expected a number of milliseconds from its function, got ${told(answer)}. Return 0 for what is not to be stored.`,
  );
}

/** That there is nothing is never served stale where it has a ttl of its own: whoever gives it one wants it looked up again soon. */
function keepStaleMsOf({ negativeTtlMs, staleWhileRevalidateMs, staleIfErrorMs }: ValuePolicy, value: unknown): number {
  return value === null && negativeTtlMs !== undefined ? 0 : Math.max(staleWhileRevalidateMs, staleIfErrorMs);
}

function told(answer: unknown): string {
  if (answer instanceof Promise) {
    // Nobody waits for it, so nobody else would hear of its failure.
    answer.catch(() => undefined);
    return 'a promise';
  }
  return typeof answer === 'number' || answer === null ? String(answer) : `a value of type ${typeof answer}`;
}
