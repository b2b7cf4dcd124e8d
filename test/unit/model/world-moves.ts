import { free, type Bounds, type World } from './model-state.js';
import { wait } from './reader-moves.js';
import { LONG_MS, NOW, versionOf, type Rules, type Scene } from './rules.js';

export function spend(world: World, what: keyof Bounds): void {
  world.left = { ...world.left, [what]: world.left[what] - 1 };
}

export function sendNotice({ writer }: Scene, world: World, n: number): void {
  world.notices[n]!.sent = true;
  for (const flight of world.flights.filter(({ at, begun }) => at === writer && begun)) {
    flight.superseded = true;
    if (world.lock === flight.id) free(world);
  }
}

export function announce(rules: Rules, world: World, n: number, version?: number): void {
  const [notice] = world.notices.splice(n, 1);
  const versioned = version === undefined ? {} : { version: versionOf(version) };
  world.store = rules.invalidate(world.store, NOW, { floorMs: LONG_MS, ...versioned }).state;
  world.announced = Math.max(world.announced, notice!.row);
  world.known = Math.max(world.known, version ?? 0);
  for (const flight of world.flights) flight.untouched = false;
}

export function commit(world: World): void {
  world.notices.push({ row: ++world.db, sent: false });
}

export function evict(world: World): void {
  world.store = undefined;
  world.known = 0;
  for (const flight of world.flights) flight.untouched = false;
}

/** Its callers are gone with it; it starts again with those who have not begun yet. */
export function crash(world: World, at: number): void {
  const held = world.flights.some((flight) => flight.at === at && flight.id === world.lock);
  world.flights = world.flights.filter((flight) => flight.at !== at);
  if (held) free(world);
  for (const reader of world.readers) {
    if (reader.at === at && reader.phase !== 'new') wait(reader, 'done', []);
  }
}

/** Whether a look at the store would tell a waiter anything but that somebody loads. Messages only bring it forward. */
export function isWorthALook({ store }: World): boolean {
  return store?.lease?.loading !== true || store.value !== undefined || store.mark !== undefined;
}

/** Whether a load that has said so is alive. */
export function someoneLoads({ flights, store }: World): boolean {
  return flights.some(({ lease, phase }) => lease === store?.lease?.token && phase !== 'landing');
}

export function forgetLoad(world: World): void {
  const { lease, ...rest } = world.store ?? {};
  if (lease !== undefined) world.store = { ...rest, lease: { ...lease, loading: false } };
}
