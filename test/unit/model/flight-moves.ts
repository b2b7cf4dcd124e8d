import { readState } from '../../../lib/core/cache-entry.js';
import { markState } from '../../../lib/core/entry-fill.js';
import { free, storedRow, type ModelFlight, type World } from './model-state.js';
import { answer } from './reader-moves.js';
import { Broken, LONG_MS, NOW, versionOf, type Rules, type Scene } from './rules.js';

/** A waiter that finds nothing after waking goes round once more, and then not again. */
const MAX_ROUNDS = 2;

export function advance(scene: Scene, rules: Rules, world: World, flight: ModelFlight): void {
  switch (flight.phase) {
    case 'start':
      if (world.byLease) {
        flight.phase = flight.unqueued ? 'begin' : 'claim';
        return;
      }
      if (!flight.unqueued && world.lock > 0) flight.phase = 'waiting';
      else flight.phase = 'begin';
      if (!flight.unqueued && world.lock === 0) world.lock = flight.id;
      return;
    case 'woken':
      flight.phase = 'looked';
      flight.row = storedRow(world);
      flight.unqueued = readState(world.store, NOW).mark?.kind === 'unstored';
      flight.seenLoading = world.byLease && readState(world.store, NOW).loading;
      return;
    case 'looked':
      if (!world.byLease) flight.rounds++;
      flight.ending = flight.row > 0;
      if (flight.ending) flight.phase = 'landing';
      else if (flight.unqueued || flight.impatient || (!world.byLease && flight.rounds >= MAX_ROUNDS))
        flight.phase = 'begin';
      else flight.phase = flight.seenLoading ? 'sleeping' : 'start';
      flight.seenLoading = false;
      return;
    case 'claim':
    case 'begin': {
      const unlessLoading = flight.phase === 'claim';
      const offer = { lease: `lease ${++world.ids}`, leaseMs: LONG_MS, unlessLoading };
      const { state, outcome } = rules.begin(world.store, NOW, offer);
      world.store = state;
      if (unlessLoading && outcome.kind === 'lease' && outcome.loading) {
        flight.phase = 'busy';
        return;
      }
      flight.phase = 'asked';
      if (outcome.kind === 'lease') flight.lease = outcome.lease;
      else flight.row = storedRow(world);
      flight.untouched = true;
      return;
    }
    case 'busy':
      // After two loads in turn that left nothing it is not waited for a third.
      flight.phase = ++flight.rounds > MAX_ROUNDS ? 'begin' : 'sleeping';
      return;
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

export function query(world: World, flight: ModelFlight, row: number): void {
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

export function giveUp(flight: ModelFlight): void {
  flight.phase = 'woken';
  flight.impatient = true;
}
