import type { beginLoad } from '../../../lib/core/cache-entry.js';
import type { invalidateState } from '../../../lib/core/entry-change.js';
import type { fillState } from '../../../lib/core/entry-fill.js';
import type { Admission } from '../../../lib/core/flight.js';
import type { Version } from '../../../lib/core/version.js';
import type { Bounds, ModelFlight, Reader } from './model-state.js';

/** What is examined: the real steps of the store and the real joining rule, or a mutant of one of them. */
export interface Rules {
  readonly begin: typeof beginLoad;
  readonly fill: typeof fillState;
  readonly invalidate: typeof invalidateState;
  readonly admits: (flight: ModelFlight, reader: Reader) => Admission;
}

export interface Scene extends Bounds {
  /** The process of each reader: 0 or 1. */
  readonly readers: readonly number[];
  /** Whether rows carry versions. Notices then come with and without one; behind a lagging replica always with. */
  readonly versions: boolean;
  /** There is no lock service: the lease serves as the lock. Then a lock that is lost means a load that is taken for dead while it goes on. */
  readonly byLease?: boolean;
  /** The process that announces the changes; -1: one that has no readers. */
  readonly writer: number;
}

/** A promise is broken. */
export class Broken extends Error {}

/** Nothing ends by time here: what the model asks is in which order things may happen. */
export const NOW = 0;
export const LONG_MS = 1_000;

export function versionOf(row: number): Version {
  return { kind: 'version', order: BigInt(row) };
}
