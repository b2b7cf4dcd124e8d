import { beginLoad, readState } from '../../../lib/core/cache-entry.js';
import { invalidateState } from '../../../lib/core/entry-change.js';
import { fillState, markState } from '../../../lib/core/entry-fill.js';
import type { Admission } from '../../../lib/core/flight.js';
import type { Version } from '../../../lib/core/version.js';
import {
  copyOf,
  newReader,
  NOTHING,
  storedRow,
  type Bounds,
  type ModelFlight,
  type Reader,
  type World,
} from './model-state.js';

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
  /** The process that announces the changes; -1: one that has no readers. */
  readonly writer: number;
}

/** What may happen next; `go` makes the state after it, or throws {@link Broken}. */
export interface Move {
  readonly name: string;
  readonly go: () => World;
}

/** A promise is broken. */
export class Broken extends Error {}

/** Nothing ends by time here: what the model asks is in which order things may happen. */
const NOW = 0;
const LONG_MS = 1_000;
const PROCESSES = [0, 1];
/** A waiter that finds nothing after waking goes round once more, and then not again. */
const MAX_ROUNDS = 2;

export function firstState({ readers, ...scene }: Scene): World {
  const { commits, evictions, crashes, lockLosses, impatience, lags } = scene;
  const left: Bounds = { commits, evictions, crashes, lockLosses, impatience, lags };
  const world = { db: 1, announced: 1, known: 0, store: undefined, notices: [], lock: 0, flights: [] };
  return {
    ...world,
    readers: readers.map(newReader),
    left,
    ids: 0,
    loads: 0,
    last: false,
    calm: Object.values(left).every((times) => times === 0),
    lagging: lags > 0,
  };
}

/** Everything that may happen next. Without `must`, only things that need not: commits and faults. */
export function moves(scene: Scene, rules: Rules, world: World): { must: Move[]; may: Move[] } {
  const must: Move[] = [];
  const may: Move[] = [];
  const step = (list: Move[], name: string, change: (next: World) => void): void => {
    const go = (): World => {
      const next = copyOf(world);
      change(next);
      return next;
    };
    list.push({ name, go });
  };
  world.readers.forEach((reader, r) => {
    // Readers of one process are alike: they begin in turn.
    const waitsItsTurn = world.readers.slice(0, r).some(({ at, phase }) => at === reader.at && phase === 'new');
    if (reader.phase === 'again' || (reader.phase === 'new' && !waitsItsTurn)) {
      step(must, `reader ${r} looks`, (next) => look(next, next.readers[r]!));
    }
    if (reader.phase === 'boarding' && mayBoard(rules, world, reader)) {
      step(must, `reader ${r} boards`, (next) => board(rules, next, next.readers[r]!));
    }
  });
  world.flights.forEach((flight, f) => {
    const name = `flight ${flight.id} of process ${flight.at}: ${flight.phase}`;
    if (flight.phase === 'waiting') {
      if (world.left.impatience > 0) step(may, `${name}, gives up`, (next) => giveUp(next, next.flights[f]!));
    } else if (flight.phase === 'loading') {
      step(must, name, (next) => query(next, next.flights[f]!, next.db));
      for (let row = 1; world.left.lags > 0 && row < world.db; row++) {
        step(may, `${name}, an older row`, (next) => (spend(next, 'lags'), query(next, next.flights[f]!, row)));
      }
    } else {
      step(must, name, (next) => advance(scene, rules, next, next.flights[f]!));
    }
  });
  world.notices.forEach(({ row, sent }, n) => {
    if (scene.writer >= 0 && !sent) {
      step(must, `notice of ${row} leaves`, (next) => sendNotice(scene, next, n));
      return;
    }
    if (scene.versions) step(must, `notice of ${row} with its version`, (next) => announce(rules, next, n, row));
    if (!scene.versions || scene.lags === 0) step(must, `notice of ${row}`, (next) => announce(rules, next, n));
  });
  const { left } = world;
  if (left.commits > 0) step(may, 'commit', (next) => (spend(next, 'commits'), commit(next)));
  if (left.evictions > 0 && world.store) step(may, 'eviction', (next) => (spend(next, 'evictions'), evict(next)));
  if (left.lockLosses > 0 && world.lock > 0) step(may, 'lock lost', (next) => (spend(next, 'lockLosses'), free(next)));
  for (const at of left.crashes > 0 ? PROCESSES : []) {
    if (world.flights.some((flight) => flight.at === at)) step(may, `crash of ${at}`, (next) => crash(next, at));
  }
  for (const at of must.length === 0 && !world.last ? PROCESSES : []) {
    step(may, `one more reader at ${at}`, (next) => {
      Object.assign(next, { last: true, left: NOTHING, readers: [...next.readers, newReader(at)] });
    });
  }
  return { must, may };
}

// --- a reader ---------------------------------------------------------------------------------------------------------------------------

function look(world: World, reader: Reader): void {
  if (reader.phase === 'new') reader.atLeast = world.announced;
  const { lease, mark } = readState(world.store, NOW);
  if (storedRow(world) > 0) {
    answer(world, reader, storedRow(world));
    return;
  }
  const begun = currentAt(world, reader.at);
  reader.phase = 'boarding';
  reader.seenLease = lease;
  reader.seenUnstored = mark?.kind === 'unstored';
  reader.seenBegun = begun?.begun ? begun.id : 0;
}

function mayBoard(rules: Rules, world: World, reader: Reader): boolean {
  const current = currentAt(world, reader.at);
  return current === undefined || rules.admits(current, reader) !== 'reply-under-way';
}

function board(rules: Rules, world: World, reader: Reader): void {
  const current = currentAt(world, reader.at);
  const admission = current === undefined ? 'launch' : rules.admits(current, reader);
  if (current === undefined || admission === 'launch') {
    launch(world, reader);
  } else if (admission === 'join') {
    wait(reader, 'riding', [current.id]);
  } else if (admission === 'look-again') {
    reader.phase = 'again';
  } else if (admission === 'ending') {
    wait(reader, 'parked', [current.id]);
  } else {
    current.superseded = true;
    if (world.lock === current.id) free(world);
    const others = world.flights.filter(({ at }) => at === reader.at);
    if (others.length === 1) current.aside = true;
    else
      wait(
        reader,
        'parked',
        others.map(({ id }) => id),
      );
  }
}

function wait(reader: Reader, phase: 'riding' | 'parked' | 'done', waitsFor: number[]): void {
  Object.assign(reader, { phase, waitsFor, seenLease: undefined, seenUnstored: false, seenBegun: 0 });
}

function launch(world: World, reader: Reader): void {
  const flags = { aside: false, superseded: false, ending: false, begun: false, impatient: false, untouched: false };
  const [id, at, unqueued] = [++world.ids, reader.at, reader.seenUnstored];
  world.flights.push({ ...flags, id, at, unqueued, phase: 'start', lease: undefined, row: 0, rounds: 0 });
  wait(reader, 'riding', [id]);
}

function answer(world: World, reader: Reader, row: number): void {
  reader.phase = 'done';
  reader.waitsFor = [];
  if (row < reader.atLeast && !world.lagging)
    throw new Broken(`P3: a reader got row ${row}, it began after ${reader.atLeast} was announced`);
}

// --- a flight ---------------------------------------------------------------------------------------------------------------------------

function advance(scene: Scene, rules: Rules, world: World, flight: ModelFlight): void {
  switch (flight.phase) {
    case 'start':
      if (!flight.unqueued && world.lock > 0) flight.phase = 'waiting';
      else flight.phase = 'begin';
      if (!flight.unqueued && world.lock === 0) world.lock = flight.id;
      return;
    case 'woken':
      flight.phase = 'looked';
      flight.row = storedRow(world);
      flight.unqueued = readState(world.store, NOW).mark?.kind === 'unstored';
      return;
    case 'looked':
      flight.rounds++;
      flight.ending = flight.row > 0;
      if (flight.ending) flight.phase = 'landing';
      else flight.phase = flight.unqueued || flight.impatient || flight.rounds >= MAX_ROUNDS ? 'begin' : 'start';
      return;
    case 'begin': {
      const { state, outcome } = rules.begin(world.store, NOW, { lease: `lease ${++world.ids}`, leaseMs: LONG_MS });
      world.store = state;
      flight.phase = 'asked';
      if (outcome.kind === 'lease') flight.lease = outcome.lease;
      else flight.row = storedRow(world);
      flight.untouched = true;
      return;
    }
    case 'asked':
      flight.ending = flight.row > 0;
      flight.begun = !flight.ending;
      flight.phase = flight.ending ? 'landing' : 'loading';
      return;
    case 'read':
      fill(scene, rules, world, flight);
      return;
    case 'refused':
      flight.phase = 'landing';
      if (!flight.superseded) {
        const mark = { id: 'mark', kind: 'unstored' } as const;
        world.store = markState(world.store, NOW, { lease: flight.lease!, mark, forMs: LONG_MS }).state;
      }
      return;
    default:
      land(world, flight);
  }
}

function query(world: World, flight: ModelFlight, row: number): void {
  flight.row = row;
  flight.phase = 'read';
  if (world.calm && ++world.loads > 1) throw new Broken('P1: two loads, and nothing had happened');
}

function fill(scene: Scene, rules: Rules, world: World, flight: ModelFlight): void {
  flight.phase = 'landing';
  if (!flight.superseded) {
    const { state, outcome } = rules.fill(world.store, NOW, {
      ...{ lease: flight.lease!, begunAt: String(NOW), fillId: `fill ${flight.id}`, payload: String(flight.row) },
      ...{ ttlMs: LONG_MS, keepStaleMs: 0, ...(scene.versions ? { version: versionOf(flight.row) } : {}) },
    });
    world.store = state;
    if (outcome.stored && scene.versions) {
      if (flight.row < world.known) throw new Broken(`P2: row ${flight.row} was stored while ${world.known} was known`);
      world.known = flight.row;
    }
    if (!outcome.stored && outcome.reason === 'older') flight.phase = 'refused';
    if (!outcome.stored && outcome.current) flight.row = Number(outcome.current.payload);
  }
  // The first to finish is stored, however many load: else loads that outlast the patience of waiters would never fill.
  const ceased = flight.untouched && world.notices.length === 0 && flight.row === world.db;
  if (ceased && storedRow(world) === 0)
    throw new Broken('progress: a load begun after the last change left nothing stored');
}

function land(world: World, flight: ModelFlight): void {
  world.flights = world.flights.filter(({ id }) => id !== flight.id);
  if (world.lock === flight.id) free(world);
  for (const reader of world.readers.filter(({ waitsFor }) => waitsFor.includes(flight.id))) {
    if (reader.phase === 'riding') answer(world, reader, flight.row);
    else Object.assign(reader, { phase: 'again', waitsFor: [] });
  }
}

function giveUp(world: World, flight: ModelFlight): void {
  spend(world, 'impatience');
  flight.phase = 'woken';
  flight.impatient = true;
}

function currentAt(world: World, at: number): ModelFlight | undefined {
  return world.flights.find((flight) => flight.at === at && !flight.aside);
}

function free(world: World): void {
  world.lock = 0;
  for (const flight of world.flights) if (flight.phase === 'waiting') flight.phase = 'woken';
}

// --- the world --------------------------------------------------------------------------------------------------------------------------

function spend(world: World, what: keyof Bounds): void {
  world.left = { ...world.left, [what]: world.left[what] - 1 };
}

function sendNotice({ writer }: Scene, world: World, n: number): void {
  world.notices[n]!.sent = true;
  for (const flight of world.flights.filter(({ at, begun }) => at === writer && begun)) {
    flight.superseded = true;
    if (world.lock === flight.id) free(world);
  }
}

function announce(rules: Rules, world: World, n: number, version?: number): void {
  const [notice] = world.notices.splice(n, 1);
  const versioned = version === undefined ? {} : { version: versionOf(version) };
  world.store = rules.invalidate(world.store, NOW, { floorMs: LONG_MS, ...versioned }).state;
  world.announced = Math.max(world.announced, notice!.row);
  world.known = Math.max(world.known, version ?? 0);
  for (const flight of world.flights) flight.untouched = false;
}

function commit(world: World): void {
  world.notices.push({ row: ++world.db, sent: false });
}

function evict(world: World): void {
  world.store = undefined;
  world.known = 0;
  for (const flight of world.flights) flight.untouched = false;
}

/** Its callers are gone with it; it starts again with those who have not begun yet. */
function crash(world: World, at: number): void {
  spend(world, 'crashes');
  const held = world.flights.some((flight) => flight.at === at && flight.id === world.lock);
  world.flights = world.flights.filter((flight) => flight.at !== at);
  if (held) free(world);
  for (const reader of world.readers) {
    if (reader.at === at && reader.phase !== 'new') wait(reader, 'done', []);
  }
}

function versionOf(row: number): Version {
  return { kind: 'version', order: BigInt(row) };
}
