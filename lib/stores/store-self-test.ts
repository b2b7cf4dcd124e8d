import type { Clock } from '../core/clock.js';
import { withDeadline } from '../core/deadline.js';
import { DistributedCacheError, StoreUnavailableError } from '../core/errors.js';
import type { VersionedStore } from '../core/versioned-store.js';

const LIFE_MS = 10_000;
const PAYLOAD = '{"self-test":"a value with ü and ☃"}';
/** Above 2^53, where a store that computes with doubles loses digits. */
const ORDER = 9_007_199_254_740_993n;

/** The store answers, but not as a store of this kind must. Thrown while the application starts. */
export class BrokenStoreError extends DistributedCacheError {
  readonly code = 'ERR_CACHE_BROKEN_STORE';
}

export interface SelfTestOptions {
  readonly clock: Clock;
  /** Deadline of each step, milliseconds. */
  readonly timeoutMs: number;
}

export type SelfTestOutcome =
  | { readonly kind: 'passed' }
  /** The store could not be reached: nothing is known about it, and the application may start. */
  | { readonly kind: 'unavailable'; readonly error: unknown };

/**
 * Proves that what is stored is really found again, and gone after an invalidation, on a random key with a short life.
 *
 * @throws BrokenStoreError when the store answers and what it answers is wrong
 */
export async function selfTest(store: VersionedStore, { clock, timeoutMs }: SelfTestOptions): Promise<SelfTestOutcome> {
  const key = `self-test:${clock.uniqueId()}`;
  const step = <T>(work: Promise<T>): Promise<T> =>
    withDeadline(
      clock,
      work,
      timeoutMs,
      () => new Error(`The store did not answer within ${timeoutMs} ms`, { cause: store.connectionError?.() }),
    );
  try {
    await prove(store, key, clock, step);
    return { kind: 'passed' };
  } catch (error) {
    if (error instanceof BrokenStoreError) throw error;
    if (isConfusion(error))
      throw broken('an answer of the protocol', error instanceof Error ? error.message : String(error), {
        cause: error,
      });
    return { kind: 'unavailable', error };
  }
}

type Step = <T>(work: Promise<T>) => Promise<T>;

async function prove(store: VersionedStore, key: string, clock: Clock, step: Step): Promise<void> {
  const version = { kind: 'self-test', order: ORDER };
  const begun = await step(store.begin(key, { lease: clock.uniqueId(), leaseMs: LIFE_MS }));
  if (begun.kind !== 'lease' || begun.existed)
    throw broken('a new lease on a key that nobody has used', describe(begun));
  const life = { ttlMs: LIFE_MS, keepStaleMs: 0 };
  const { lease, begunAt } = begun;
  const filled = await step(
    store.fill(key, { lease, begunAt, fillId: clock.uniqueId(), payload: PAYLOAD, version, ...life }),
  );
  if (!filled.stored) throw broken('a first fill to be stored', describe(filled));
  const { value } = await step(store.read(key));
  if (value?.payload !== PAYLOAD)
    throw broken('to read back what was stored', value ? `another text: ${value.payload.slice(0, 80)}` : 'nothing');
  if (value.version?.order !== ORDER) throw broken(`to read back its version ${ORDER}`, String(value.version?.order));
  if (value.freshForMs <= 0)
    throw broken('what was stored for ten seconds to be fresh', `fresh for ${value.freshForMs} ms`);
  await step(store.invalidate(key, { floorMs: 1 }));
  const after = await step(store.read(key));
  if (after.value !== undefined || after.lease !== undefined)
    throw broken('nothing after an invalidation', describe(after));
}

/** An answer of the server that no waiting cures, as opposed to no answer: a command or script that it refuses. */
function isConfusion(error: unknown): boolean {
  return (
    error instanceof Error &&
    !(error instanceof StoreUnavailableError && !error.refused) &&
    /^(ERR (?!max number of clients)|NOPERM|WRONGTYPE)|unknown command|ERR_CACHE_CORRUPT_ENTRY|Lua/i.test(
      `${error.message} ${codeOf(error)}`,
    )
  );
}

function codeOf(error: Error): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

function broken(expected: string, got: string, options?: ErrorOptions): BrokenStoreError {
  return new BrokenStoreError(
    `The store failed its test at start: expected ${expected}, got ${got}. Probable causes: a Redis older than 5, or one whose ACL forbids EVAL, EVALSHA or ` +
      'commands used in scripts; a proxy in front of it, or something compatible with it, that runs no scripts; a client that rewrites replies or is in a legacy mode; ' +
      'a Keyv of another major version than 5; reads that go to a replica; an own VersionedStore that does not pass versionedStoreContract (of /testing).',
    options,
  );
}

function describe(outcome: object): string {
  return JSON.stringify(outcome, (_name, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}
