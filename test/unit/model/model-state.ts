import type { EntryState } from '../../../lib/core/cache-entry.js';

/** How often each of these may happen in one run. */
export interface Bounds {
  readonly commits: number;
  readonly evictions: number;
  readonly crashes: number;
  /** The lock service gives the lock away while its holder goes on; by the lease: its load is taken for dead. */
  readonly lockLosses: number;
  /** A waiter gives up and loads without the lock. */
  readonly impatience: number;
  /** A load reads an older row, from a replica that lags. */
  readonly lags: number;
}

export type ReaderPhase = 'new' | 'again' | 'boarding' | 'riding' | 'parked' | 'done';

/** One caller of `getOrLoad`. */
export interface Reader {
  readonly at: number;
  phase: ReaderPhase;
  /** The newest row that was announced when it began. */
  atLeast: number;
  /** What its last look has shown. */
  seenLease: string | undefined;
  seenUnstored: boolean;
  /** The flight that had begun, in its process, when it looked. */
  seenBegun: number;
  /** Riding: its flight. Parked: the flights one of which has to land before it looks again. */
  waitsFor: number[];
}

/**
 * `asked`, `busy` and `looked`: the store has executed the begin, one in vain, or the look after waking, the reply is under way. `claim`: the next begin leaves the turn to whoever loads. `sleeping`: somebody did. `landing`: the store has answered the fill, or it has
 * brought a value; those who wait do not have it yet.
 */
export type FlightPhase =
  | 'start'
  | 'waiting'
  | 'claim'
  | 'busy'
  | 'sleeping'
  | 'woken'
  | 'looked'
  | 'begin'
  | 'asked'
  | 'loading'
  | 'read'
  | 'refused'
  | 'landing';

/** One load of the key in one process. */
export interface ModelFlight {
  readonly id: number;
  readonly at: number;
  phase: FlightPhase;
  /** Set aside for a newer one. */
  aside: boolean;
  superseded: boolean;
  ending: boolean;
  begun: boolean;
  lease: string | undefined;
  /** The row it holds; 0 for none. */
  row: number;
  rounds: number;
  impatient: boolean;
  unqueued: boolean;
  /** By the lease: its look after waking has shown somebody loading. */
  seenLoading: boolean;
  /** Nothing was announced or evicted since its begin. */
  untouched: boolean;
}

export interface Notice {
  readonly row: number;
  /** The writer's own process knows already. */
  sent: boolean;
}

/** One state of the whole world, for one key. */
export interface World {
  db: number;
  /** The newest row whose change is announced. */
  announced: number;
  /** The newest row version that the store was told of since its last eviction. */
  known: number;
  store: EntryState | undefined;
  notices: Notice[];
  /** There is no lock service. */
  byLease: boolean;
  /** The flight that holds the lock; 0 for none. */
  lock: number;
  readers: Reader[];
  flights: ModelFlight[];
  left: Bounds;
  ids: number;
  /** Nothing can happen but loads; they are counted then, and only then. */
  calm: boolean;
  loads: number;
  /** The source may be a replica that lags: then a reader may get an older row (P3), but it is not stored. */
  lagging: boolean;
  /** Changes and faults have ceased, and one more reader has come. */
  last: boolean;
}

export const NOTHING: Bounds = { commits: 0, evictions: 0, crashes: 0, lockLosses: 0, impatience: 0, lags: 0 };

export function newReader(at: number): Reader {
  const phase: ReaderPhase = 'new';
  return { at, phase, atLeast: 0, seenLease: undefined, seenUnstored: false, seenBegun: 0, waitsFor: [] };
}

/** States are never shared: a move changes its own copy. What the store steps return is never changed in place, so it needs none. */
export function copyOf(world: World): World {
  return {
    ...world,
    notices: world.notices.map((notice) => ({ ...notice })),
    readers: world.readers.map((reader) => ({ ...reader })),
    flights: world.flights.map((flight) => ({ ...flight })),
  };
}

/** The row of the value in the store; 0 for none. */
export function storedRow({ store }: World): number {
  return Number(store?.value?.payload ?? 0);
}

/** Gives the lock back, and wakes those who wait for it. */
export function free(world: World): void {
  world.lock = 0;
  for (const flight of world.flights) if (flight.phase === 'waiting') flight.phase = 'woken';
}

export function currentAt(world: World, at: number): ModelFlight | undefined {
  return world.flights.find((flight) => flight.at === at && !flight.aside);
}

/** A short text that two states share only if everything that can happen from them on is the same. Names (of leases, of flights) do not matter. */
export function textOf(world: World): string {
  const leases: (string | undefined)[] = [undefined, world.store?.lease?.token];
  const lease = (token: string | undefined): number => {
    if (!leases.includes(token)) leases.push(token);
    return leases.indexOf(token);
  };
  const flights = [...world.flights].sort((a, b) => a.at - b.at || Number(a.aside) - Number(b.aside));
  const name = (id: number): number => flights.findIndex((flight) => flight.id === id);
  const { store, left } = world;
  return [
    world.db,
    world.announced,
    world.known,
    world.loads,
    Number(world.last),
    Number(world.byLease && world.store?.lease?.loading === true),
    name(world.lock),
    ...world.notices.map(({ row, sent }) => (sent ? -row : row)),
    ...Object.values(left),
    store === undefined
      ? '-'
      : `${storedRow(world)}/${String(store.value?.version?.order)}/${String(store.floor?.version.order)}/${store.lease === undefined ? 0 : 1}/${String(store.mark !== undefined)}`,
    ...flights.map(
      (f) =>
        `${f.at}${f.phase}${lease(f.lease)}${f.row}${f.rounds}${[f.aside, f.superseded, f.ending, f.begun, f.impatient, f.unqueued, f.seenLoading, f.untouched].map(Number).join('')}`,
    ),
    ...world.readers.map((r) =>
      r.phase === 'done'
        ? 'd'
        : `${r.phase}${r.atLeast}${lease(r.seenLease)}${Number(r.seenUnstored)}${name(r.seenBegun)},${r.waitsFor.map(name).join('')}`,
    ),
  ].join(' ');
}
