import { SeededRandom } from '../../lib/testing/seeded-random.js';
import type { Notice } from './history.js';

/** The numbers of a run, all in one place. Durations are milliseconds. */
export const BOUNDS = {
  workers: 4,
  /** Sequences of operations in each worker, one beside the other. */
  lanes: 6,
  keys: 12,
  ttlMs: 3_000,
  storeTimeoutMs: 500,
  lockTimeoutMs: 1_000,
  loadTimeoutMs: 10_000,
  waitMs: 5_000,
  floorMs: 20_000,
  sessionTimeoutMs: 2_000,
  /** A writer that cannot announce tries again so often, this far apart. */
  announceAttempts: 60,
  announceAgainMs: 100,
  /** A worker that does not come to its end within this hangs. */
  endWithinMs: 120_000,
} as const;

export type Operation =
  | { readonly do: 'read'; readonly key: string; readonly loadMs: number; readonly restMs: number }
  | { readonly do: 'get'; readonly key: string; readonly restMs: number }
  | {
      readonly do: 'write';
      readonly key: string;
      readonly notice: Notice;
      /** Between the commit and the announcement. */
      readonly gapMs: number;
      readonly restMs: number;
    };

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
export function planFaults(seed: number, durationMs: number): Fault[] {
  const kinds = Object.keys(FAULTS) as FaultKind[];
  const targets = Object.keys(RESTS_MS) as (keyof typeof RESTS_MS)[];
  return targets
    .flatMap((target, index) => {
      const random = new SeededRandom(seed * 8_191 + index);
      return faultsOf(
        kinds.filter((kind) => FAULTS[kind].target === target),
        RESTS_MS[target],
        random,
        durationMs,
      );
    })
    .sort((a, b) => a.atMs - b.atMs);
}

function faultsOf(
  kinds: readonly FaultKind[],
  rest: readonly [number, number],
  random: SeededRandom,
  durationMs: number,
): Fault[] {
  const faults: Fault[] = [];
  let deck: FaultKind[] = [];
  for (let atMs = between(random, rest); atMs < durationMs; atMs += between(random, rest)) {
    if (deck.length === 0) deck = [...kinds];
    const kind = deck.splice(random.below(deck.length), 1)[0]!;
    const forMs = between(random, FAULTS[kind].forMs);
    faults.push({ atMs, forMs, kind, worker: random.below(BOUNDS.workers) });
    atMs += forMs;
  }
  return faults;
}

/** What one lane of a worker does, without end. A worker that replaces another goes on with a sequence of its own. */
export function* planOperations(seed: number, worker: number, lane: number): Generator<Operation, never> {
  const random = new SeededRandom(((seed * 1_009 + worker) * 1_009 + lane) * 2_654_435_761);
  for (;;) {
    const key = keyName(Math.floor(BOUNDS.keys * random.next() ** 2));
    const restMs = random.below(30);
    const die = random.below(100);
    if (die < 72) {
      yield { do: 'read', key, loadMs: loadMs(random), restMs };
    } else if (die < 82) yield { do: 'get', key, restMs };
    else {
      const notice = random.pick<Notice>(['versioned', 'bare', 'bare', 'set']);
      yield { do: 'write', key, notice, gapMs: random.pick([0, 0, 5, 40]), restMs };
    }
  }
}

/** Mostly quick, often slow enough for others to overtake it, and now and then longer than the lock's session lives. */
function loadMs(random: SeededRandom): number {
  if (random.below(60) === 0) return BOUNDS.sessionTimeoutMs + random.below(2_000);
  return Math.round(random.pick([0, 5, 20, 60, 250]) * random.next());
}

export function keyName(index: number): string {
  return `key-${index}`;
}

function between(random: SeededRandom, [least, most]: readonly [number, number]): number {
  return least + random.below(most - least + 1);
}
