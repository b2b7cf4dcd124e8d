import { describe, expect, it } from 'vitest';
import type { CacheEvent } from '../../../lib/core/cache-event.js';
import { InProcessLockProvider } from '../../../lib/locks/in-process-lock-provider.js';
import { InProcessLockTable } from '../../../lib/locks/in-process-lock-table.js';
import { LogObserver } from '../../../lib/observability/log-observer.js';
import { AttributeSets } from '../../../lib/observability/opentelemetry/attribute-sets.js';
import { BoundedNames } from '../../../lib/observability/opentelemetry/bounded-names.js';
import { InProcessVersionedStore } from '../../../lib/stores/in-process-versioned-store.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';
import { EVERY_EVENT } from '../../support/every-event.js';
import { extent } from '../../support/extent.js';
import { makeInstance, type Instance } from '../../support/fleet.js';

/** Each is more than what may be kept: of loaded keys 10,000 at most, of tags that a load hears of 11,000, of failures 1,000. */
const MANY = extent(20_000, 100_000);
const LOADED = extent(12_000, 40_000);
const FAILED = extent(5_000, 40_000);
const UNSTORED = extent(5_000, 20_000);

/** Every collection that can be reached from an object, by its path, with how much is in it; those of the store, which has bounds of its own, are left out. */
function collections(root: object): Map<string, number> {
  const found = new Map<string, number>();
  const seen = new Set<unknown>();
  const walk = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return;
    seen.add(value);
    if (value instanceof ManualClock || value instanceof InProcessVersionedStore) return;
    if (value instanceof Map || value instanceof Set) found.set(path, value.size);
    else if (Array.isArray(value)) found.set(path, value.length);
    else for (const [name, inner] of Object.entries(value)) walk(inner, path === '' ? name : `${path}.${name}`);
  };
  walk(root, '');
  return found;
}

function setUp() {
  const clock = new ManualClock();
  const shared = new InProcessVersionedStore({ clock, maxEntries: 1_000 });
  const table = new InProcessLockTable();
  const locks = new InProcessLockProvider({ clock, table });
  const instance = makeInstance({ store: shared, locks, clock, refreshOnChange: true });
  // What a test keeps of it must not be what grows.
  instance.events.push = () => 0;
  instance.store.steps.push = () => 0;
  return { clock, instance, shared, table };
}

/** What is left in this process: all collections of the cache that are not empty, by their names. */
function left({ cache }: Instance): Record<string, number> {
  const full = [...collections(cache)].filter(([, size]) => size > 0);
  return Object.fromEntries(full.map(([path, size]) => [path.split('.').slice(-2).join('.'), size]));
}

/** Many at a time, as they come. */
async function drive(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  for (let index = 0; index < count; index += 1_000)
    await Promise.all(Array.from({ length: 1_000 }, (_, more) => work(index + more).catch(() => undefined)));
}

describe('nothing in a process grows without a bound', { timeout: 300_000 }, () => {
  it(`after ${LOADED} keys with tags of their own, refreshed early and on change`, async () => {
    const { clock, instance, shared, table } = setUp();
    await drive(LOADED, (index) =>
      instance.load(() => index, { eagerRefresh: { beta: 1 } }, { key: `k${index}`, tags: [`t${index}`] }),
    );
    expect(left(instance)).toEqual({ 'recent.byKey': 1_000, 'eager.loadMs': 10_000 });
    expect([shared.size, table.size]).toEqual([1_000, 0]);
    expect(clock.pendingTimers, 'the sweep of the store').toBe(1);
  });

  it(`after ${FAILED} keys whose loads failed`, async () => {
    const { clock, instance, table } = setUp();
    await drive(FAILED, (index) => instance.load(() => Promise.reject(new Error('no')), {}, { key: `k${index}` }));
    expect(left(instance)).toEqual({ 'recent.byKey': 1_000, 'failures.failures': 1_000 });
    await clock.advance(2_000);
    expect(left(instance)).toEqual({ 'recent.byKey': 1_000 });
    expect(table.size).toBe(0);
  });

  it(`after ${UNSTORED} keys, loaded and failed, while the store is down`, async () => {
    const { clock, instance } = setUp();
    instance.store.down = true;
    const fails = (index: number) => index % 2 === 1;
    await drive(UNSTORED, (index) =>
      instance.load(() => (fails(index) ? Promise.reject(new Error('no')) : index), {}, { key: `k${index}` }),
    );
    expect(left(instance)).toEqual({ 'recent.byKey': 1_000, 'failures.failures': 1_000 });
    expect(clock.pendingTimers, 'one for each failure').toBeLessThanOrEqual(1_001);
  });

  it(`after ${MANY} tags were announced, and as many keys invalidated`, async () => {
    const { clock, instance } = setUp();
    await drive(MANY, (index) => instance.cache.announceTags([{ tag: `t${index}` }]));
    await drive(MANY, (index) => instance.cache.invalidate(`k${index}`));
    expect(left(instance)).toEqual({});
    expect(clock.pendingTimers).toBe(1);
  });

  it('in a flight that hears of very many announcements: it gives up', async () => {
    const { instance } = setUp();
    let end!: () => void;
    const gate = new Promise<void>((resolve) => (end = resolve));
    const load = instance.load(() => gate, {}, { tags: ['mine'] });
    await instance.cache.announceTags([]);
    for (let index = 0; index < MANY; index += 1_000)
      await instance.cache.announceTags(Array.from({ length: 1_000 }, (_, more) => ({ tag: `t${index + more}` })));
    const [flight] = (instance.cache as unknown as { flights: { all(): object[] } }).flights.all();
    expect([...collections(flight!)].find(([path]) => path.endsWith('announced'))?.[1]).toBeLessThanOrEqual(11_000);
    end();
    await load;
    expect(left(instance)).toEqual({ 'recent.byKey': 1 });
  });
});

describe('what is told of it does not grow either', () => {
  const events = function* (): Iterable<CacheEvent> {
    for (let index = 0; index < MANY / 10; index++)
      for (const event of Object.values(EVERY_EVENT)) yield 'key' in event ? { ...event, key: `k${index}` } : event;
  };

  it('in the log: one entry for each kind of line', () => {
    const observer = new LogObserver({ log: () => undefined, warn: () => undefined }, new ManualClock());
    for (const event of events()) observer.observe(event);
    for (const [path, size] of collections(observer)) expect(size, path).toBeLessThan(Object.keys(EVERY_EVENT).length);
  });

  it('in the attributes of metrics: so many names, and one for all others', () => {
    const sets = new AttributeSets('shop', 100);
    const errors = new BoundedNames(50);
    const told = new Set<unknown>();
    for (let index = 0; index < MANY; index++)
      told.add(sets.of({ 'error.type': errors.of(`Error${index}`) }, `name${index}:#1`));
    expect(told.size).toBeLessThanOrEqual(101 * 51);
    for (const [path, size] of collections(sets)) expect(size, path).toBeLessThanOrEqual(101 * 51);
  });
});
