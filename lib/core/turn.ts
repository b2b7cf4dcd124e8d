import type { UnlockedReason } from './cache-event.js';
import type { Landing } from './flight.js';

/**
 * What a flight may do now.
 * - `locked`: it holds the lock; - `by-lease`: the lock service is away, and the store's lease serves as the lock; - `unlocked`: it loads beside others; - a landing: the wait has brought the answer.
 */
export type Turn = Way | Landing;

/** How a flight loads. */
export type Way =
  | { readonly kind: 'locked' }
  | { readonly kind: 'by-lease'; readonly because: UnlockedReason }
  | { readonly kind: 'unlocked'; readonly because: UnlockedReason };

export const LOCKED: Way = { kind: 'locked' };

export function unlocked(because: UnlockedReason): Extract<Way, { kind: 'unlocked' }> {
  return { kind: 'unlocked', because };
}

export function byLease(because: UnlockedReason): Way {
  return { kind: 'by-lease', because };
}

export function isLanding(turn: Turn): turn is Landing {
  return turn.kind === 'loaded' || turn.kind === 'found' || turn.kind === 'nothing';
}
