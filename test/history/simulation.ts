import type { Version } from '../../lib/core/version.js';
import { InProcessLockProvider } from '../../lib/locks/in-process-lock-provider.js';
import { InProcessLockTable } from '../../lib/locks/in-process-lock-table.js';
import { ManualClock } from '../../lib/testing/manual-clock.js';
import { SeededRandom } from '../../lib/testing/seeded-random.js';
import { rightTagSteps, SteppedStore, type Steps, type TagSteps } from '../contract/mutant-stores.js';
import { makeInstance, POLICY, type Instance } from '../support/fleet.js';
import type { HistoryRecord, Notice } from './history.js';

const INSTANCES = 3;
const OPERATIONS = 40;
/** A query takes as long as some requests to the store, so that changes overtake it. */
const QUERY_STEPS = 6;
const KEY = 'k';
/** A list in which the row is. Only the row's tag leads to it. */
const LIST = 'list';
const TAG = 'tag of k';

type Entry = typeof KEY | typeof LIST;

interface Move {
  readonly happen: () => void;
}

/**
 * A history in one process, every interleaving of which follows from the seed: each request to the store, each reply and each step of a query waits until the
 * scheduler picks it. Time is the number of things that have happened.
 */
export class Simulation {
  private readonly random: SeededRandom;
  private readonly clock: ManualClock;
  private readonly store: SteppedStore;
  private readonly instances: Instance[];
  private readonly history: HistoryRecord[] = [];
  private readonly pending: Move[] = [];
  private readonly open: Promise<void>[] = [];
  private time = 0;
  private row = 1;

  constructor(seed: number, steps: Steps, tagSteps: TagSteps = rightTagSteps) {
    this.random = new SeededRandom(seed * 2_654_435_761);
    this.clock = new ManualClock({ seed });
    this.store = new SteppedStore(() => this.clock.elapsedMs() + this.time / 1_000, steps, tagSteps);
    const table = new InProcessLockTable();
    this.instances = Array.from({ length: INSTANCES }, () => {
      const locks = new InProcessLockProvider({ clock: this.clock, table });
      // Deadlines are so long that none is met: what happens then is another test.
      const instance = makeInstance({ store: this.store, locks, clock: this.clock, storeTimeoutMs: 60_000 });
      instance.store.everyStep = () => this.picked();
      return instance;
    });
  }

  async run(): Promise<HistoryRecord[]> {
    for (let index = 0; index < OPERATIONS; index++) {
      this.begin();
      await this.moves(this.random.below(7));
    }
    await this.toTheEnd();
    for (let worker = 0; worker < INSTANCES; worker++)
      this.open.push(this.read(worker, KEY, true), this.read(worker, LIST, true));
    await this.toTheEnd();
    return [...this.history, { t: 'row', key: KEY, stamp: this.row }];
  }

  private begin(): void {
    const worker = this.random.below(INSTANCES);
    const entry = this.random.pick<Entry>([KEY, KEY, LIST]);
    const die = this.random.below(14);
    if (die < 9) this.open.push(this.read(worker, entry));
    else if (die < 13)
      this.open.push(this.write(worker, this.random.pick<Notice>(['versioned', 'bare', 'bare', 'bare', 'set'])));
    else this.store.states.delete(entry);
  }

  private async read(worker: number, entry: Entry, last = false): Promise<void> {
    const began = this.now();
    let read = 0;
    const { value, outcome } = await this.instances[worker]!.cache.getOrLoad<{ version: number }>({
      key: entry,
      policy: POLICY,
      loader: async () => {
        await this.picked();
        read = this.row;
        for (let step = 0; step < QUERY_STEPS; step++) await this.picked();
        return { version: read };
      },
      ...(entry === KEY ? { versionOf: ({ version }) => asVersion(version) } : { tagsOf: () => [TAG] }),
    });
    const fate = { joined: false, blind: false, ...(last && { last }) };
    const seen = { [KEY]: value.version };
    this.history.push({ t: 'read', worker: name(worker), entry, began, ended: this.now(), seen, outcome, ...fate });
  }

  private async write(worker: number, how: Notice): Promise<void> {
    const stamp = ++this.row;
    const { cache } = this.instances[worker]!;
    await this.picked();
    const began = this.now();
    const own = (): Promise<unknown> => {
      if (how === 'versioned') return cache.invalidate(KEY, { version: asVersion(stamp) });
      if (how === 'bare') return cache.invalidate(KEY);
      return cache.set(KEY, {
        value: { version: stamp },
        version: asVersion(stamp),
        lifetime: { ttlMs: POLICY.ttlMs, keepStaleMs: 0 },
      });
    };
    await Promise.all([own(), cache.announceTags([{ tag: TAG }])]);
    const whatever = { how, what: 'changed' } as const;
    this.history.push({ t: 'announced', worker: name(worker), key: KEY, stamp, began, ended: this.now(), ...whatever });
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
      await this.clock.advance(30); // the short delay of waiters that found nothing
    }
  }

  private now(): number {
    return ++this.time;
  }
}

function asVersion(version: number): Version {
  return { kind: 'version', order: BigInt(version) };
}

function name(worker: number): string {
  return `instance-${worker}`;
}
