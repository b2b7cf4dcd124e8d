import { describe, expect, it } from 'vitest';
import { NonAtomicVersionedStore, type KeyValuePort } from '../../../lib/stores/non-atomic-versioned-store.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';
import { deferred } from '../../support/gate.js';

const LONG = 600_000;

/** A table whose answers a test holds back by key. */
class Table implements KeyValuePort {
  readonly rows = new Map<string, string>();
  readonly ttls: number[] = [];
  readonly told: string[] = [];
  hold: { operation: string; gate: Promise<void> } | undefined;

  async get(key: string): Promise<unknown> {
    await this.#tell('get', key);
    return this.rows.get(key);
  }

  async set(key: string, value: string, ttlMs: number): Promise<void> {
    await this.#tell('set', key);
    this.ttls.push(ttlMs);
    this.rows.set(key, value);
  }

  async delete(key: string): Promise<void> {
    await this.#tell('delete', key);
    this.rows.delete(key);
  }

  async #tell(operation: string, key: string): Promise<void> {
    this.told.push(`${operation} ${key.replace(/manual-\d+-/, 'g')}`);
    if (this.hold?.operation === operation && !key.endsWith('generation')) await this.hold.gate;
  }
}

function setUp(table = new Table(), seed = 1) {
  const clock = new ManualClock({ seed });
  const wall = { ms: 1_000_000.5 };
  const store = new NonAtomicVersionedStore({
    port: table,
    clock,
    timeoutMs: 100,
    prefix: 'p:',
    wallClockMs: () => wall.ms,
  });
  return { table, clock, wall, store };
}

describe('NonAtomicVersionedStore', () => {
  it('reads and writes one row for each step, and writes nothing where nothing changes', async () => {
    const { table, store } = setUp();
    await store.begin('k', { lease: 'l', leaseMs: LONG });
    await store.read('k');
    expect(table.told).toEqual(['get p:generation', 'set p:generation', 'get p:g1:k', 'set p:g1:k', 'get p:g1:k']);
    expect([store.name, store.scope]).toEqual(['non-atomic', 'process']);
  });

  it('gives a row a whole number of milliseconds to live, not less than the state', async () => {
    const { table, wall, store } = setUp();
    await store.invalidate('k', { floorMs: 10.2 });
    expect(table.ttls.at(-1)).toBe(11);
    wall.ms += 10;
    await store.mark('k', 'none', { id: 'm', kind: 'failed' }, 10);
    expect(table.rows.size).toBe(2);
  });

  it('goes on after a restart with what another process left, by the wall clock', async () => {
    const { table, store, wall } = setUp();
    await store.invalidate('k', { version: { kind: 'row', order: 5n }, floorMs: 1_000 });
    const begun = await store.begin('k', { lease: 'l', leaseMs: 1_000 });
    const restarted = setUp(table, 2);
    restarted.wall.ms = wall.ms + 500;
    const fill = {
      lease: 'l',
      begunAt: begun.kind === 'lease' ? begun.begunAt : '',
      fillId: 'f',
      payload: 'p',
      ttlMs: LONG,
      keepStaleMs: 0,
    };
    const older = { ...fill, version: { kind: 'row', order: 4n } };
    expect(await restarted.store.fill('k', older)).toMatchObject({ reason: 'older' });
    expect(await restarted.store.fill('k', fill)).toEqual({ stored: true });
    expect((await restarted.store.read('k')).value?.freshForMs).toBe(LONG - 500);
  });

  it('does not bring back what was there before a clear when the generation gets lost', async () => {
    const { table, store } = setUp();
    await store.begin('k', { lease: 'l', leaseMs: LONG });
    await store.clear();
    table.rows.delete('p:generation');
    const restarted = setUp(table, 2);
    expect(await restarted.store.read('k')).toEqual({ loading: false });
  });

  it('does not see what a step that was under way at a clear writes after it', async () => {
    const { table, store, clock } = setUp();
    await store.read('k');
    // 1. a begin has read its row; 2. clear comes and goes; 3. the begin writes.
    const gate = deferred<undefined>();
    table.hold = { operation: 'set', gate: gate.promise };
    const begun = store.begin('k', { lease: 'l', leaseMs: LONG });
    await clock.settle();
    await store.clear();
    gate.resolve(undefined);
    await begun;
    expect(await store.read('k')).toEqual({ loading: false });
  });

  it('leaves its own generation behind when the first step still looks for one', async () => {
    const { table, store, clock } = setUp();
    const set = table.set.bind(table);
    const gate = deferred<undefined>();
    table.set = async (...args) => {
      table.set = set;
      await gate.promise;
      await set(...args);
    };
    // 1. the first step makes a generation; 2. clear makes another; 3. the first one arrives in the table, late.
    const first = store.begin('k', { lease: 'l', leaseMs: LONG });
    await clock.settle();
    const cleared = store.clear();
    await clock.settle();
    gate.resolve(undefined);
    await Promise.all([first, cleared]);
    expect(await store.read('k')).toEqual({ loading: false });
    expect(await setUp(table, 2).store.read('k')).toEqual({ loading: false });
  });

  it('uses the table’s own clear to free the rows', async () => {
    const table = Object.assign(new Table(), { clear: async () => table.rows.clear() });
    const { store } = setUp(table);
    await store.begin('k', { lease: 'l', leaseMs: LONG });
    await store.clear();
    expect([...table.rows.keys()]).toEqual(['p:generation']);
  });

  it('tries again to find its generation after the table failed', async () => {
    const { table, store } = setUp();
    const get = table.get.bind(table);
    table.get = () => Promise.reject(new Error('table is down'));
    await expect(store.read('k')).rejects.toThrow('table is down');
    table.get = get;
    expect(await store.read('k')).toEqual({ loading: false });
  });

  it('gives up at its deadline, and does not do later what it said had failed', async () => {
    const { table, store, clock } = setUp();
    await store.read('k');
    const gate = deferred<undefined>();
    table.hold = { operation: 'get', gate: gate.promise };
    // 1. a begin hangs in the table; 2. an invalidate waits behind it; 3. both reach their deadline; 4. the table answers.
    const steps = [store.begin('k', { lease: 'l', leaseMs: LONG }), store.invalidate('k', { floorMs: LONG })];
    const outcomes = Promise.allSettled(steps);
    await clock.advance(100);
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ERR_CACHE_STORE_UNAVAILABLE' } });
    }
    table.hold = undefined;
    gate.resolve(undefined);
    await clock.settle();
    expect((await store.read('k')).lease).toBe('l');
    expect(clock.pendingTimers).toBe(0);
  });

  it('rejects every step after close', async () => {
    const { store } = setUp();
    await store.close();
    await store.close();
    await expect(store.read('k')).rejects.toMatchObject({ code: 'ERR_CACHE_CLOSED' });
    await expect(store.clear()).rejects.toMatchObject({ code: 'ERR_CACHE_CLOSED' });
  });
});
