import type { LoadPolicy } from '../../lib/core/load-policy.js';
import { InProcessLockProvider } from '../../lib/locks/in-process-lock-provider.js';
import { InProcessLockTable } from '../../lib/locks/in-process-lock-table.js';
import { ManualClock } from '../../lib/testing/manual-clock.js';
import { SeededRandom } from '../../lib/testing/seeded-random.js';
import { rightTagSteps, SteppedStore, type Steps, type TagSteps } from '../contract/mutant-stores.js';
import { makeInstance, POLICY, type Instance } from '../support/fleet.js';
import type { HistoryRecord, Notice } from './history.js';
import { traitsOf, type Traits } from './simulated-traits.js';
import {
  asVersion,
  isMissing,
  KEY,
  PAGE,
  PAGE_TAG,
  ROW_TAG,
  SimulatedRows,
  stampIn,
  type Entry,
  type SimulatedChange,
} from './simulated-rows.js';

const INSTANCES = 3;
const OPERATIONS = 120;

const PAUSES_MS = [1, 10, 40] as const;
/** Of the end, where writers may have died: together they outlast whatever may be kept, and everybody goes on reading. */
const LAST_PAUSES = 9;
const LAST_PAUSE_MS = 40;

interface Move {
  readonly happen: () => void;
}

/**
 * A history in one process, every interleaving of which follows from the seed: each request to the store, each reply and each step of a query waits until the
 * scheduler picks it. Time is the number of things that have happened; beside that the clock goes on in pauses, so that values are refreshed early, go stale and end.
 */
export class Simulation {
  private readonly random: SeededRandom;
  private readonly clock: ManualClock;
  private readonly store: SteppedStore;
  private readonly instances: Instance[];
  private readonly rows: SimulatedRows;
  private readonly history: HistoryRecord[] = [];
  private readonly pending: Move[] = [];
  private readonly open: Promise<void>[] = [];
  private readonly traits: Traits;
  private time = 0;

  constructor(seed: number, steps: Steps, tagSteps: TagSteps = rightTagSteps, traits: Partial<Traits> = {}) {
    this.random = new SeededRandom(seed * 2_654_435_761);
    this.traits = { ...traitsOf(this.random), ...traits };
    this.clock = new ManualClock({ seed });
    this.store = new SteppedStore(() => this.clock.elapsedMs() + this.time / 1_000, steps, tagSteps);
    this.rows = new SimulatedRows(this.random, this.traits, () => this.picked());
    const table = new InProcessLockTable();
    this.instances = Array.from({ length: INSTANCES }, () => {
      const locks = new InProcessLockProvider({ clock: this.clock, table });
      // Deadlines are so long that none is met: what happens then is another test.
      const { clock, store } = this;
      const { floorMs } = this.traits;
      const instance = makeInstance({ store, locks, clock, floorMs, storeTimeoutMs: 60_000 });
      instance.store.everyStep = () => this.picked();
      return instance;
    });
  }

  async run(): Promise<HistoryRecord[]> {
    for (let index = 0; index < OPERATIONS; index++) {
      await this.begin();
      await this.moves(this.random.below(20));
    }
    await this.toTheEnd();
    for (let pause = 0; this.traits.dies && pause < LAST_PAUSES; pause++) {
      this.readAll();
      await this.toTheEnd();
      await this.clock.advance(LAST_PAUSE_MS);
    }
    this.readAll(true);
    await this.toTheEnd();
    // Refreshes in the background too: a load under way keeps the async hooks of its instance on.
    while (this.pending.length > 0) await this.moves(this.pending.length);
    return [...this.history, { t: 'row', key: KEY, stamp: this.rows.stamp }];
  }

  /** How often something happened, in any instance. */
  count(type: Instance['events'][number]['type']): number {
    return this.instances.flatMap(({ events }) => events).filter((event) => event.type === type).length;
  }

  private async begin(): Promise<void> {
    const worker = this.random.below(INSTANCES);
    const entry = this.random.pick<Entry>([KEY, KEY, PAGE]);
    const { dies, notices, writes } = this.traits;
    const die = this.random.below(40);
    if (die < writes) this.open.push(this.write(worker, this.random.pick(notices)));
    else if (die < 6 && dies) await this.dyingWriter();
    else if (die < 7) this.store.states.delete(entry);
    else if (die < 30) this.open.push(this.read(worker, entry));
    else await this.clock.advance(this.random.pick(PAUSES_MS));
  }

  private readAll(last = false): void {
    for (let worker = 0; worker < INSTANCES; worker++)
      for (const entry of [KEY, PAGE] as const) this.open.push(this.read(worker, entry, last));
  }

  private async read(worker: number, entry: Entry, last = false): Promise<void> {
    const read = { t: 'read', worker: name(worker), entry, began: this.now(), joined: false, blind: false } as const;
    const ended = (stamp: number | null, outcome: 'HIT' | 'STALE' | 'MISS' | 'WAITED'): void => {
      this.history.push({ ...read, ended: this.now(), seen: { [KEY]: stamp }, outcome, ...(last && { last }) });
    };
    const request = { key: entry, policy: this.policy(), ...this.rows.request(entry) };
    try {
      const { value, outcome } = await this.instances[worker]!.cache.getOrLoad(request);
      ended(stampIn(value), outcome);
    } catch (error) {
      if (!isMissing(error)) throw error;
      ended(null, 'MISS'); // that there is no row is an answer like any other
    }
  }

  private policy(): LoadPolicy {
    const { random, traits } = this;
    const negativeTtlMs = random.pick(traits.negativeTtlsMs);
    return {
      ...POLICY,
      ttlMs: random.pick<LoadPolicy['ttlMs']>([...traits.ttlsMs, () => random.pick(traits.ttlsMs)]),
      ...(negativeTtlMs !== undefined && { negativeTtlMs }),
      ttlJitter: random.pick([0, 0.5]),
      eagerRefresh: random.pick(traits.eager),
      staleWhileRevalidateMs: random.pick(traits.staleMs),
      staleIfErrorMs: random.pick(traits.staleMs),
      failureBackoffMs: random.pick([0, 10]),
    };
  }

  private async write(worker: number, how: Notice): Promise<void> {
    const change = this.change(worker, how !== 'set' && this.random.below(4) === 0);
    const { stamp, version, what } = change;
    const { cache } = this.instances[worker]!;
    await this.picked();
    const began = this.now();
    const rowTags = how === 'typeorm' ? [{ tag: ROW_TAG, version, change: what }] : [];
    const ofPage = this.traits.tagged ? cache.announceTags([...rowTags, { tag: PAGE_TAG }]) : cache.invalidate(PAGE);
    await Promise.all([this.tellKey(cache, how, change), ofPage]);
    this.history.push({ t: 'announced', worker: name(worker), key: KEY, stamp, began, ended: this.now(), how, what });
  }

  private async tellKey(
    cache: Instance['cache'],
    how: Notice,
    { stamp, version, what }: SimulatedChange,
  ): Promise<unknown> {
    if (how === 'typeorm') return;
    if (how === 'bare') return cache.invalidate(KEY, { change: what });
    if (how === 'versioned') return cache.invalidate(KEY, { version, change: what });
    const lifetime = {
      ttlMs: this.random.pick(this.traits.ttlsMs),
      keepStaleMs: this.random.pick(this.traits.staleMs),
    };
    return cache.set(KEY, { value: { version: stamp }, version: asVersion(stamp), lifetime, tagsOf: () => [ROW_TAG] });
  }

  /** Is killed when it has left word of its change, and before it has invalidated a key. What it has not announced is seen when the time to live is over. */
  private async dyingWriter(): Promise<void> {
    this.change(0, this.random.below(4) === 0);
    for (const tag of [ROW_TAG, PAGE_TAG]) await this.store.announce(tag, 2 * this.traits.floorMs);
  }

  private change(worker: number, removes: boolean): SimulatedChange {
    const change = this.rows.change(removes);
    const { stamp, what } = change;
    this.history.push({
      t: 'writing',
      worker: name(worker),
      key: KEY,
      stamp,
      at: this.now(),
      removes: what === 'removed',
    });
    return change;
  }

  /** Resolves when the scheduler picks it. */
  private picked(): Promise<void> {
    return new Promise((resolve) => this.pending.push({ happen: resolve }));
  }

  private async moves(count: number): Promise<void> {
    for (let index = 0; index < count && this.pending.length > 0; index++) {
      this.time += 1;
      this.pending.splice(this.random.below(this.pending.length), 1)[0]!.happen();
      await this.clock.settle();
    }
  }

  private async toTheEnd(): Promise<void> {
    const all = { done: false };
    void Promise.all(this.open).then(() => (all.done = true));
    for (let idle = 0; !all.done; idle++) {
      if (idle > 200) throw new Error('Something never ended');
      await this.moves(this.pending.length);
      if (this.pending.length === 0) await this.clock.advance(30); // the short delay of waiters that found nothing
    }
  }

  private now(): number {
    return ++this.time;
  }
}

function name(worker: number): string {
  return `instance-${worker}`;
}
