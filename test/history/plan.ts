import { SeededRandom } from '../../lib/testing/seeded-random.js';
import { ENTRIES, isRemovable, KEYS, shelfOf, VIEWS, type Entry } from './entries.js';
import type { Notice } from './history.js';

/** The numbers of a run, all in one place. Durations are milliseconds. */
export const BOUNDS = {
  ttlMs: 3_000,
  /** Outlives every run. */
  endlessTtlMs: 3_600_000,
  /** Of some loads, so that they are stale soon. */
  shortTtlMs: 100,
  /** Of the word that there is no row, where it has a ttl of its own. */
  negativeTtlMs: 300,
  /** From this share of its ttl on a value is loaded anew, by some reads. */
  eagerRefresh: 0.3,
  staleWhileRevalidateMs: 1_500,
  staleIfErrorMs: 1_500,
  failureBackoffMs: 200,
  storeTimeoutMs: 500,
  lockTimeoutMs: 1_000,
  loadTimeoutMs: 10_000,
  waitMs: 5_000,
  floorMs: 20_000,
  sessionTimeoutMs: 2_000,
  announceTimeoutMs: 1_000,
  /** A writer that cannot announce tries again so often, this far apart. */
  announceAttempts: 60,
  announceAgainMs: 100,
  /** A worker that does not come to its end within this hangs. */
  endWithinMs: 240_000,
} as const;

/** What the workers of a run do. Its lanes are sequences of operations in each worker, one beside the other. */
export interface Plan {
  readonly workers: number;
  readonly lanes: number;
  /** What is read when the run is over. */
  readonly entries: readonly Entry[];
  operations(seed: number, worker: number, lane: number): Generator<Operation, never>;
}

export type PlanName = keyof typeof PLANS;

export type Operation =
  | {
      readonly do: 'read';
      readonly entry: Entry;
      readonly loadMs: number;
      readonly ttlMs: number;
      readonly negativeTtlMs?: number;
      readonly eagerRefresh: number;
      /** Where the row's version is that of what is stored, that is renewed. */
      readonly renews: boolean;
      /** Its load throws, if it comes to that. */
      readonly fails: boolean;
      readonly restMs: number;
    }
  | { readonly do: 'get'; readonly entry: Entry; readonly restMs: number }
  | {
      readonly do: 'write';
      readonly key: string;
      readonly notice: Notice;
      readonly removes: boolean;
      /** Between the commit and the announcement, where TypeORM does not announce it. */
      readonly gapMs: number;
      readonly restMs: number;
    }
  | { readonly do: 'roll-back'; readonly key: string; readonly removes: boolean; readonly restMs: number }
  | { readonly do: 'clear'; readonly restMs: number };

/** All times from the begin of the run. */
export interface Fault {
  readonly atMs: number;
  readonly forMs: number;
  readonly kind: FaultKind;
  /** Which worker, of those that can be taken. */
  readonly worker: number;
}

export type FaultKind = keyof typeof FAULTS;

/** Each fault: what it is done to (one fault at a time), and how long it lasts at least and at most. */
export const FAULTS = {
  /** It keeps nothing, so it comes back empty. */
  'redis-killed': { target: 'redis', forMs: [50, 1_000] },
  /** Longer than the deadline of a command. What was sent meanwhile is executed afterwards. */
  'redis-frozen': { target: 'redis', forMs: [600, 1_300] },
  'zookeeper-killed': { target: 'zookeeper', forMs: [100, 2_500] },
  /** Longer than a session lives: held locks are lost. */
  'zookeeper-frozen': { target: 'zookeeper', forMs: [2_500, 3_500] },
  'worker-stopped': { target: 'worker', forMs: [50, 900] },
  /** Another gets its lock meanwhile. */
  'worker-stopped-past-its-session': { target: 'worker', forMs: [2_800, 3_800] },
  /** And replaced. */
  'worker-killed': { target: 'worker', forMs: [0, 0] },
  'key-evicted': { target: 'key', forMs: [0, 0] },
} as const satisfies Record<string, { target: string; forMs: readonly [number, number] }>;

/** How long each target is left alone between two faults, at least and at most. */
const RESTS_MS = { redis: [1_500, 4_000], zookeeper: [1_000, 3_000], worker: [400, 1_500], key: [20, 150] } as const;

/** The faults of a run, in order. Every kind comes once before any comes again. */
export function planFaults(seed: number, durationMs: number, workers: number = PLANS.long.workers): Fault[] {
  const kinds = Object.keys(FAULTS) as FaultKind[];
  const targets = Object.keys(RESTS_MS) as (keyof typeof RESTS_MS)[];
  return targets
    .flatMap((target, index) => {
      const random = new SeededRandom(seed * 8_191 + index);
      return faultsOf(
        kinds.filter((kind) => FAULTS[kind].target === target),
        RESTS_MS[target],
        random,
        { durationMs, workers },
      );
    })
    .sort((a, b) => a.atMs - b.atMs);
}

function faultsOf(
  kinds: readonly FaultKind[],
  rest: readonly [number, number],
  random: SeededRandom,
  { durationMs, workers }: { readonly durationMs: number; readonly workers: number },
): Fault[] {
  const faults: Fault[] = [];
  let deck: FaultKind[] = [];
  for (let atMs = between(random, rest); atMs < durationMs; atMs += between(random, rest)) {
    if (deck.length === 0) deck = [...kinds];
    const kind = deck.splice(random.below(deck.length), 1)[0]!;
    const forMs = between(random, FAULTS[kind].forMs);
    faults.push({ atMs, forMs, kind, worker: random.below(workers) });
    atMs += forMs;
  }
  return faults;
}

/** What one lane of a worker does, without end. A worker that replaces another goes on with a sequence of its own. */
export function* planOperations(seed: number, worker: number, lane: number): Generator<Operation, never> {
  const random = new SeededRandom(((seed * 1_009 + worker) * 1_009 + lane) * 2_654_435_761);
  for (;;) {
    const key = KEYS[Math.floor(KEYS.length * random.next() ** 2)]!;
    const removes = isRemovable(key) && random.below(6) === 0;
    const restMs = random.below(30);
    const die = random.below(500);
    if (die < 350) {
      const ttlMs = random.pick([BOUNDS.ttlMs, BOUNDS.ttlMs, BOUNDS.shortTtlMs]);
      const fails = random.below(60) === 0;
      const entry = entryOf(random, key);
      const eagerRefresh = random.pick([0, BOUNDS.eagerRefresh]);
      const negative = random.below(2) === 0 && { negativeTtlMs: BOUNDS.negativeTtlMs };
      // Not a row that comes again with a version which it had before: two changes that killed processes have not announced would look like none.
      const renews = entry.of === 'row' && !isRemovable(key) && random.below(2) === 0;
      const how = { ttlMs, ...negative, eagerRefresh, renews, restMs };
      yield { do: 'read', entry, loadMs: loadMs(random), fails, ...how };
      // What was stored wrongly is seen by whoever comes next, and to a list that is seldom read nobody comes.
      if (entry.of === 'list') yield { do: 'read', entry, loadMs: 0, fails: false, ...how };
    } else if (die < 400) yield { do: 'get', entry: entryOf(random, key), restMs };
    else if (die < 490) {
      const notice = random.pick<Notice>([
        'typeorm',
        'typeorm',
        'versioned',
        'bare',
        isRemovable(key) ? 'bare' : 'set',
      ]);
      yield { do: 'write', key, notice, removes, gapMs: random.pick([0, 0, 5, 40]), restMs };
    } else if (die < 499) yield { do: 'roll-back', key, removes, restMs };
    else yield { do: 'clear', restMs };
  }
}

/** After so many operations one lane calls `clear()`, which chance does once in 500. */
const CLEARS_AFTER = 20;

function* planShort(seed: number, worker: number, lane: number): Generator<Operation, never> {
  const operations = planOperations(seed, worker, lane);
  for (let count = 0; count < CLEARS_AFTER; count++) yield operations.next().value;
  if (worker === 0 && lane === 0) yield { do: 'clear', restMs: 0 };
  return yield* operations;
}

/** Two rows, each with a list that shows it. */
const OVERTAKEN_KEYS = KEYS.slice(0, 2);
const OVERTAKEN: readonly Entry[] = OVERTAKEN_KEYS.flatMap((key) => [
  { of: 'row', key },
  { of: 'list', shelf: shelfOf(key), view: 0 },
]);

/**
 * Nothing ends a value but an invalidation without a version, and most loads are slower than the time between two changes.
 * So a store that keeps the past shows it within some dozen operations, whatever the speed of the machine:
 *
 * 1. A load reads a row. 2. The row changes, and the change is announced. 3. The load fills what it has read.
 * 4. Every read after that is a hit, until the next change.
 */
function* planOvertaken(seed: number, worker: number, lane: number): Generator<Operation, never> {
  const random = new SeededRandom(((seed * 1_009 + worker) * 1_009 + lane) * 2_654_435_761);
  const how = { ttlMs: BOUNDS.endlessTtlMs, eagerRefresh: 0, renews: false, fails: false } as const;
  for (;;) {
    const restMs = random.below(30);
    if (random.below(6) > 0)
      yield { do: 'read', entry: random.pick(OVERTAKEN), loadMs: random.below(100), ...how, restMs };
    else yield { do: 'write', key: random.pick(OVERTAKEN_KEYS), notice: 'bare', removes: false, gapMs: 0, restMs };
  }
}

export const PLANS = {
  /** Of every run with a seed of its own. */
  long: { workers: 4, lanes: 6, entries: ENTRIES, operations: planOperations },
  /** The same operations by fewer at a time: the faults take their time either way, and who waits for them costs CPU. */
  short: { workers: 3, lanes: 3, entries: ENTRIES, operations: planShort },
  overtaken: { workers: 2, lanes: 3, entries: OVERTAKEN, operations: planOvertaken },
} as const satisfies Record<string, Plan>;

function entryOf(random: SeededRandom, key: string): Entry {
  return random.below(3) === 0
    ? { of: 'list', shelf: shelfOf(key), view: Math.floor(VIEWS * random.next() ** 3) }
    : { of: 'row', key };
}

/** Mostly quick, often slow enough for others to overtake it, and now and then longer than the lock's session lives. */
function loadMs(random: SeededRandom): number {
  if (random.below(60) === 0) return BOUNDS.sessionTimeoutMs + random.below(2_000);
  return Math.round(random.pick([0, 5, 20, 60, 250]) * random.next());
}

function between(random: SeededRandom, [least, most]: readonly [number, number]): number {
  return least + random.below(most - least + 1);
}
