import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClassRegistry } from '../../../lib/codec/class-registry.js';
import { TaggedJsonCodec } from '../../../lib/codec/tagged-json-codec.js';
import { CacheClosedError } from '../../../lib/core/errors.js';
import type { Version } from '../../../lib/core/version.js';
import type { InProcessVersionedStore } from '../../../lib/stores/in-process-versioned-store.js';
import { Fleet, POLICY, type Instance } from '../../support/fleet.js';

const INSTANCES = 3;
const TTL_MS = 200;

type Step =
  | { readonly do: 'read'; readonly at: number }
  | { readonly do: 'change'; readonly at: number; readonly versioned: boolean }
  | { readonly do: 'evict' | 'expire' | 'clear'; readonly at: number }
  | { readonly do: 'crash'; readonly at: number };

const at = fc.nat({ max: INSTANCES - 1 });
const plan = fc.array(
  fc.record({
    step: fc.oneof(
      { weight: 8, arbitrary: fc.record({ do: fc.constant('read' as const), at }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('change' as const), at, versioned: fc.boolean() }) },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constantFrom('evict' as const, 'expire' as const, 'clear' as const), at }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), at }) },
    ),
    /** How many of the pending moves happen before the next step. */
    moves: fc.nat({ max: 6 }),
  }),
  { minLength: 1, maxLength: 40 },
);

/** The real core over the real in-process store; every request to the store, every reply and every read of the database is a move of the scheduler. */
class World {
  /** Deadlines are so long that none is met: what happens then is another test. */
  readonly fleet = new Fleet(60_000);
  readonly instances: Instance[] = [];
  private readonly codec = new TaggedJsonCodec(new ClassRegistry());
  private database = 1;
  /** The highest row version whose change was announced. */
  announced = 1;
  loads = 0;
  private loadingNow = new Map<Instance, number>();
  mostLoadsInOneProcess = 0;
  readonly open: Promise<unknown>[] = [];
  readonly broken: string[] = [];

  constructor(
    private readonly scheduler: fc.Scheduler,
    private readonly versioned: boolean,
    private readonly ttlMs = TTL_MS,
  ) {
    for (let i = 0; i < INSTANCES; i++) this.instances.push(this.instance());
  }

  async perform(step: Step): Promise<void> {
    switch (step.do) {
      case 'read':
        this.open.push(this.read(this.instances[step.at]!));
        return;
      case 'change':
        this.open.push(this.change(this.instances[step.at]!, step.versioned));
        return;
      case 'evict':
        this.evict(this.fleet.shared);
        return;
      case 'expire':
        await this.fleet.clock.advance(this.ttlMs);
        return;
      case 'clear':
        this.open.push(this.instances[step.at]!.cache.clear().catch(() => undefined));
        return;
      case 'crash':
        this.open.push(this.instances[step.at]!.cache.close());
        this.instances[step.at] = this.instance();
    }
  }

  /** A reader that begins after an announcement never gets an older value (P3). */
  async read(instance: Instance): Promise<number | undefined> {
    const atLeast = this.announced;
    const version = (): Version => ({ kind: 'version', order: BigInt(read) });
    let read = 0;
    try {
      const { value } = await instance.cache.getOrLoad({
        key: 'k',
        policy: { ...POLICY, ttlMs: this.ttlMs },
        loader: async () => {
          this.loads++;
          const now = (this.loadingNow.get(instance) ?? 0) + 1;
          this.loadingNow.set(instance, now);
          this.mostLoadsInOneProcess = Math.max(this.mostLoadsInOneProcess, now);
          try {
            await this.scheduler.schedule(Promise.resolve(), 'query');
            read = this.database;
            await this.scheduler.schedule(Promise.resolve(), 'rows');
            return read;
          } finally {
            this.loadingNow.set(instance, this.loadingNow.get(instance)! - 1);
          }
        },
        ...(this.versioned ? { versionOf: version } : {}),
      });
      if (value < atLeast) this.broken.push(`a reader got ${value} after ${atLeast} had been announced`);
      return value;
    } catch (error) {
      if (!(error instanceof CacheClosedError)) this.broken.push(String(error));
      return undefined;
    }
  }

  private async change(instance: Instance, versioned: boolean): Promise<void> {
    const version = ++this.database;
    await this.scheduler.schedule(Promise.resolve(), 'commit → notice');
    const known = versioned && this.versioned ? { version: { kind: 'version', order: BigInt(version) } } : {};
    await instance.cache.invalidate('k', known);
    this.announced = Math.max(this.announced, version);
  }

  /** Moves on by so many of what is pending; after each, nothing older than announced may be in the store (P2). */
  async move(count: number): Promise<void> {
    for (let i = 0; i < count && this.scheduler.count() > 0; i++) {
      await this.scheduler.waitNext(1);
      await this.check();
    }
  }

  async finish(): Promise<void> {
    const state = { done: false };
    void Promise.all(this.open).then(() => (state.done = true));
    for (let idle = 0; !state.done && idle < 50; idle++) {
      await this.move(this.scheduler.count());
      await this.fleet.clock.advance(30); // the short delay of waiters that found nothing
    }
    if (!state.done) this.broken.push('something never ended');
  }

  private async check(): Promise<void> {
    const { value } = await this.fleet.shared.read('k');
    if (value === undefined || value.freshForMs <= 0) return;
    const stored = this.codec.decode(value.payload) as number;
    if (stored < this.announced) this.broken.push(`${stored} is in the store after ${this.announced} was announced`);
  }

  private evict(store: InProcessVersionedStore): void {
    void store.clear();
  }

  private instance(): Instance {
    const instance = this.fleet.instance();
    instance.store.everyStep = (what) => this.scheduler.schedule(Promise.resolve(), what);
    return instance;
  }
}

describe('the core, in random interleavings', { timeout: 240_000 }, () => {
  it.each([
    ['with versions', true],
    ['by the lease alone', false],
  ])('keeps P2 and P3, ends, and has one current load per process beside one superseded (%s)', async (_, versioned) => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), plan, async (scheduler, steps) => {
        const world = new World(scheduler, versioned);
        for (const { step, moves } of steps) {
          await world.perform(step);
          await world.move(moves);
        }
        await world.finish();
        expect(world.broken).toEqual([]);
        expect(world.mostLoadsInOneProcess).toBeLessThanOrEqual(2);
        // Once changes cease some load is stored, and everybody converges to the row.
        const last = world.instances.map((instance) => world.read(instance));
        world.open.push(...last);
        await world.finish();
        expect(new Set(await Promise.all(last)).size).toBe(1);
        expect(world.broken).toEqual([]);
        expect(world.instances.flatMap(({ events }) => events).at(-1)?.type).not.toBe('superseded');
      }),
      { numRuns: 100 },
    );
  });

  it('loads once when nothing changes, whatever the order of moves (P1)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(at, { minLength: 1, maxLength: 8 }), async (scheduler, readers) => {
        const world = new World(scheduler, true, POLICY.ttlMs);
        for (const reader of readers) await world.perform({ do: 'read', at: reader });
        await world.finish();
        expect(world.loads).toBe(1);
        expect(world.broken).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });
});
