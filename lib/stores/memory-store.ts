import { describeGiven } from '../core/describe-given.js';
import { InvalidOptionsError } from '../core/errors.js';
import type { VersionedStoreFactory } from '../core/provider-factory.js';
import { InProcessVersionedStore } from './in-process-versioned-store.js';

const DEFAULT_MAX_ENTRIES = 10_000;
/** What the table of the least recently used can count. */
const MOST_ENTRIES = 2 ** 24;

/** Bounds of what a process keeps. */
export interface MemoryStoreOptions {
  /** The most keys it keeps; beyond that the least recently used one goes. A whole number from 1 to 16,777,216. Default 10,000. */
  readonly maxEntries?: number;
  /** The most payload it keeps, in bytes of UTF-8. A whole number from 1. Default: no bound but `maxEntries`. */
  readonly maxBytes?: number;
}

/**
 * A store in the memory of this process: nothing is shared with other processes, and nothing survives this one.
 *
 * @throws InvalidOptionsError for an unknown option, or one that is not a whole number within its bounds
 */
export function memoryStore(options: MemoryStoreOptions = {}): VersionedStoreFactory {
  check(options);
  const { maxEntries = DEFAULT_MAX_ENTRIES, maxBytes } = options;
  const bytes = maxBytes === undefined ? '' : `, ${maxBytes.toLocaleString('en')} bytes`;
  return {
    description: `memory (at most ${maxEntries.toLocaleString('en')} keys${bytes})`,
    createVersionedStore: ({ clock }) =>
      new InProcessVersionedStore({ clock, maxEntries, ...(maxBytes !== undefined && { maxBytes }) }),
  };
}

function check(options: unknown): asserts options is MemoryStoreOptions {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidOptionsError(
      `memoryStore() expects an object of options or nothing, but was given ${describeGiven(options)}.`,
    );
  }
  for (const [name, value] of Object.entries(options)) {
    const most = name === 'maxEntries' ? MOST_ENTRIES : name === 'maxBytes' ? Number.MAX_SAFE_INTEGER : undefined;
    if (most === undefined) {
      throw new InvalidOptionsError(
        `memoryStore() has no option "${name}"; it knows maxEntries and maxBytes. Remove it or correct its name.`,
      );
    }
    if (value === undefined || (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most))
      continue;
    throw new InvalidOptionsError(
      `memoryStore(): ${name} must be a whole number from 1 to ${most.toLocaleString('en')}, but is ${describeGiven(value)}. ` +
        'Correct it, or leave it out to have the default.',
    );
  }
}
