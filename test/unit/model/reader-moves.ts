import { readState } from '../../../lib/core/cache-entry.js';
import { currentAt, free, storedRow, type Reader, type World } from './model-state.js';
import { Broken, NOW, type Rules } from './rules.js';

export function look(world: World, reader: Reader): void {
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

export function mayBoard(rules: Rules, world: World, reader: Reader): boolean {
  const current = currentAt(world, reader.at);
  return current === undefined || rules.admits(current, reader) !== 'reply-under-way';
}

export function board(rules: Rules, world: World, reader: Reader): void {
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

export function wait(reader: Reader, phase: 'riding' | 'parked' | 'done', waitsFor: number[]): void {
  Object.assign(reader, { phase, waitsFor, seenLease: undefined, seenUnstored: false, seenBegun: 0 });
}

function launch(world: World, reader: Reader): void {
  const flags = {
    aside: false,
    superseded: false,
    ending: false,
    begun: false,
    impatient: false,
    seenLoading: false,
    untouched: false,
  };
  const [id, at, unqueued] = [++world.ids, reader.at, reader.seenUnstored];
  world.flights.push({ ...flags, id, at, unqueued, phase: 'start', lease: undefined, row: 0, rounds: 0 });
  wait(reader, 'riding', [id]);
}

export function answer(world: World, reader: Reader, row: number): void {
  reader.phase = 'done';
  reader.waitsFor = [];
  if (row < reader.atLeast && !world.lagging)
    throw new Broken(`P3: a reader got row ${row}, it began after ${reader.atLeast} was announced`);
}
