import { advance, giveUp, query } from './flight-moves.js';
import { copyOf, free, newReader, NOTHING, type Bounds, type World } from './model-state.js';
import { board, look, mayBoard } from './reader-moves.js';
import type { Rules, Scene } from './rules.js';
import {
  announce,
  commit,
  crash,
  evict,
  forgetLoad,
  isWorthALook,
  sendNotice,
  someoneLoads,
  spend,
} from './world-moves.js';

/** What may happen next; `go` makes the state after it, or throws {@link Broken}. */
export interface Move {
  readonly name: string;
  readonly go: () => World;
}

const PROCESSES = [0, 1];

export function firstState({ readers, byLease = false, ...scene }: Scene): World {
  const { commits, evictions, crashes, lockLosses, impatience, lags } = scene;
  const left: Bounds = { commits, evictions, crashes, lockLosses, impatience, lags };
  const world = { db: 1, announced: 1, known: 0, store: undefined, notices: [], lock: 0, flights: [] };
  return {
    ...world,
    readers: readers.map(newReader),
    left,
    ids: 0,
    byLease,
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
  const step = (list: Move[], name: string, change: (next: World) => void, spends?: keyof Bounds): void => {
    const go = (): World => {
      const next = copyOf(world);
      if (spends !== undefined) spend(next, spends);
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
    if (flight.phase === 'sleeping' && isWorthALook(world)) {
      step(must, `${name}, looks`, (next) => (next.flights[f]!.phase = 'woken'));
    }
    if (flight.phase === 'waiting' || flight.phase === 'sleeping') {
      if (world.left.impatience > 0) step(may, `${name}, gives up`, (next) => giveUp(next.flights[f]!), 'impatience');
    } else if (flight.phase === 'loading') {
      step(must, name, (next) => query(next, next.flights[f]!, next.db));
      for (let row = 1; world.left.lags > 0 && row < world.db; row++) {
        step(may, `${name}, an older row`, (next) => query(next, next.flights[f]!, row), 'lags');
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
  if (left.commits > 0) step(may, 'commit', (next) => commit(next), 'commits');
  if (left.evictions > 0 && world.store) step(may, 'eviction', (next) => evict(next), 'evictions');
  if (left.lockLosses > 0 && world.lock > 0) step(may, 'lock lost', (next) => free(next), 'lockLosses');
  if (world.byLease && world.store?.lease?.loading === true) {
    // A dead load is forgotten sooner or later; one that goes on only if it stands still for long.
    if (!someoneLoads(world)) step(must, 'a dead load is forgotten', forgetLoad);
    else if (left.lockLosses > 0) step(may, 'a load is taken for dead', forgetLoad, 'lockLosses');
  }
  for (const at of left.crashes > 0 ? PROCESSES : []) {
    if (world.flights.some((flight) => flight.at === at))
      step(may, `crash of ${at}`, (next) => crash(next, at), 'crashes');
  }
  for (const at of must.length === 0 && !world.last ? PROCESSES : []) {
    step(may, `one more reader at ${at}`, (next) => {
      Object.assign(next, { last: true, left: NOTHING, readers: [...next.readers, newReader(at)] });
    });
  }
  return { must, may };
}
