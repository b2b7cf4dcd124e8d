import assert from 'node:assert/strict';
import type { BeginOutcome, Fill, FillOutcome, VersionedStore } from '../core/versioned-store.js';
import type { Version } from '../core/version.js';
import type { ContractCase } from './contract-case.js';

/** What the contract suite needs of an implementation, once for each case. */
export interface VersionedStoreHarness {
  /** A store whose namespace is empty. */
  readonly store: VersionedStore;
  /** A store of another namespace in the same place, for the cases that must not touch it; left out: those cases are passed by. */
  readonly neighbour?: VersionedStore;
  /**
   * Moves the store's clock by `ms`, when it is one that stands still otherwise. Left out: the store's clock is a real one, and the suite waits.
   */
  readonly sleep?: (ms: number) => Promise<void>;
  /** Loses the state of one key, as a server short of memory does. Left out: `clear()` does it in cases, and histories lose nothing. */
  readonly evict?: (key: string) => Promise<void>;
  /**
   * How long a message that has to come is waited for, milliseconds. Default 20,000: far more than
   * a healthy store needs on a loaded machine.
   */
  readonly patienceMs?: number;
  /** Called once at the end of a case, whether it failed or not: closes the stores and removes what they left. */
  dispose(): Promise<void>;
}

/** Opens a fresh store for a case. */
export type MakeVersionedStoreHarness = () => Promise<VersionedStoreHarness>;

/** Outlives every case. */
export const LONG_MS = 600_000;
/** Over after {@link StoreCaseContext.elapse}; a case never expects it to be still there before that. */
export const SHORT_MS = 150;
/** Longer than any message takes on a loaded machine. */
const DEFAULT_PATIENCE_MS = 20_000;
/** An attempt that took longer may have outlived something that lives `SHORT_MS`. */
const IN_TIME_MS = 0.9 * SHORT_MS;
const MOST_ATTEMPTS = 100;

export interface StoreCaseContext {
  readonly store: VersionedStore;
  readonly neighbour: VersionedStore | undefined;
  /** Lets everything end that lives `SHORT_MS`, or twice that. */
  elapse(): Promise<void>;
  evict(key: string): Promise<void>;
  /** How long a message that has to come is waited for. */
  readonly patienceMs: number;
}

export interface StoreCase {
  readonly name: string;
  run(context: StoreCaseContext): Promise<void>;
}

/** Gives a case its store, and takes it back whatever happens. */
export function asContractCase(makeHarness: MakeVersionedStoreHarness, storeCase: StoreCase): ContractCase {
  return {
    name: storeCase.name,
    run: async () => {
      const harness = await makeHarness();
      try {
        await storeCase.run({
          store: harness.store,
          neighbour: harness.neighbour,
          elapse: () => elapse(harness, 3 * SHORT_MS),
          evict: (key) => harness.evict?.(key) ?? harness.store.clear(),
          patienceMs: harness.patienceMs ?? DEFAULT_PATIENCE_MS,
        });
      } finally {
        await harness.dispose();
      }
    },
  };
}

/** Lets the store's clock move by `ms`, whichever kind of clock it has. */
export function elapse(harness: VersionedStoreHarness, ms: number): Promise<void> {
  return harness.sleep?.(ms) ?? new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Takes steps of which the last has to come before something ends that lives `SHORT_MS`. On a busy
 * machine it may have ended by then: such an attempt proves nothing, and is repeated under another name.
 */
export async function inTime<T>(attempt: (name: string) => Promise<T>): Promise<T> {
  for (let number = 1; ; number += 1) {
    const startedAt = performance.now();
    const [result] = await Promise.allSettled([attempt(`attempt ${number}`)]);
    if (performance.now() - startedAt > IN_TIME_MS && number < MOST_ATTEMPTS) continue;
    if (result.status === 'rejected') throw result.reason as Error;
    return result.value;
  }
}

let ids = 0;
/** A text that no other call returns in this process. */
export function newId(): string {
  ids += 1;
  return `id-${ids}`;
}

export function version(order: bigint | number, kind = 'row'): Version {
  return { kind, order: BigInt(order) };
}

export type Begun = Extract<BeginOutcome, { kind: 'lease' }>;

/** A begin that must give a lease. */
export async function begin(store: VersionedStore, key: string, lease = newId(), leaseMs = LONG_MS): Promise<Begun> {
  const outcome = await store.begin(key, { lease, leaseMs });
  assert.equal(outcome.kind, 'lease', 'begin gives a lease');
  return outcome;
}

export function fill(
  store: VersionedStore,
  key: string,
  begun: Begun,
  parts: Partial<Fill> = {},
): Promise<FillOutcome> {
  const { lease, begunAt } = begun;
  return store.fill(key, {
    lease,
    begunAt,
    fillId: newId(),
    payload: 'loaded',
    ttlMs: LONG_MS,
    keepStaleMs: 0,
    ...parts,
  });
}

/** A begin and a fill that must be stored. */
export async function store(into: VersionedStore, key: string, parts: Partial<Fill> = {}): Promise<void> {
  assert.deepEqual(await fill(into, key, await begin(into, key), parts), { stored: true }, 'the fill is stored');
}

/** The payload that a reader gets, fresh or stale. */
export async function payloadOf(of: VersionedStore, key: string): Promise<string | undefined> {
  return (await of.read(key)).value?.payload;
}

/** Why a fill was refused; undefined when it was stored. */
export function refusal(outcome: FillOutcome): string | undefined {
  return outcome.stored ? undefined : outcome.reason;
}
