import { Flight, type Admission, type Seen } from '../../../lib/core/flight.js';
import { storedRow, textOf, type ModelFlight, type Reader, type World } from './model-state.js';
import { firstState, moves } from './protocol-model.js';
import { Broken, type Rules, type Scene } from './rules.js';

export interface Findings {
  readonly states: number;
  /** The first promise that was found broken, and the moves that led there. */
  readonly counterexample?: { readonly broken: string; readonly steps: readonly string[] };
}

/**
 * Every state that can be reached, depth first, each once. A state that is reached from itself is a counterexample too: the world could go round for ever.
 * As there is none, every run ends, and it is enough to see where runs end.
 */
export function explore(scene: Scene, rules: Rules): Findings {
  const left = new Map<string, boolean>();
  const steps: string[] = [];
  const visit = (world: World): void => {
    const text = textOf(world);
    const done = left.get(text);
    if (done === true) return;
    if (done === false) throw new Broken('progress: the world goes round');
    left.set(text, false);
    examine(scene, world);
    const { must, may } = moves(scene, rules, world);
    if (must.length === 0) examineEnd(world);
    for (const { name, go } of [...must, ...may]) {
      steps.push(name);
      visit(go());
      steps.pop();
    }
    left.set(text, true);
  };
  try {
    visit(firstState(scene));
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    return { states: left.size, counterexample: { broken: error.message, steps } };
  }
  return { states: left.size };
}

/** The joining rule of the core itself, asked about a flight in the same condition. */
export function admitsLikeTheCore(flight: ModelFlight, reader: Reader): Admission {
  const { superseded, ending, phase, begun, lease } = flight;
  const underWay = phase === 'looked' || phase === 'asked' || phase === 'busy';
  const after = reader.seenBegun === flight.id;
  const question = [superseded, ending, underWay, begun, lease, reader.seenLease, after].join();
  const known = ADMISSIONS.get(question);
  if (known !== undefined) return known;
  const real = new Flight('key', false, false, undefined, () => 1);
  if (begun) real.begin(lease);
  if (ending) real.end();
  if (superseded) real.supersede();
  if (underWay) real.underWay = Promise.resolve();
  const state = { loading: true, ...(reader.seenLease === undefined ? {} : { lease: reader.seenLease }) };
  const seen: Seen = { up: true, order: after ? 2 : 0, state };
  const admission = real.admits(seen);
  ADMISSIONS.set(question, admission);
  return admission;
}

const ADMISSIONS = new Map<string, Admission>();

/** What holds in every state. */
function examine({ lags }: Scene, world: World): void {
  const row = storedRow(world);
  // Behind a lagging replica only versions can tell, as long as they are known.
  const atLeast = lags > 0 ? world.known : world.announced;
  if (row > 0 && row < atLeast) throw new Broken(`P2: row ${row} is in the store, ${atLeast} was announced`);
  for (const at of [0, 1]) {
    const flights = world.flights.filter((flight) => flight.at === at);
    const current = flights.filter(({ aside }) => !aside).length;
    if (current > 1 || flights.length - current > 1) throw new Broken(`bound: ${flights.length} loads in a process`);
  }
}

/** What holds when nothing is under way: everybody has an answer, and whoever comes once changes have ceased leaves the current row in the store. */
function examineEnd(world: World): void {
  if (world.readers.some(({ phase }) => phase !== 'done')) throw new Broken('progress: a reader waits for ever');
  if (world.last && storedRow(world) !== world.db)
    throw new Broken('progress: changes have ceased, the row is not stored');
}
