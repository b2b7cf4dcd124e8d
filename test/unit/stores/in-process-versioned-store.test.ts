import { afterEach, describe, expect, it } from 'vitest';
import { InProcessVersionedStore } from '../../../lib/stores/in-process-versioned-store.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';

const LONG = 600_000;
const open: InProcessVersionedStore[] = [];

function setUp(options: { maxEntries?: number; maxBytes?: number } = {}) {
  const clock = new ManualClock();
  const store = new InProcessVersionedStore({ clock, maxEntries: 10_000, ...options });
  open.push(store);
  return { clock, store };
}

async function load(store: InProcessVersionedStore, key: string, parts: { payload?: string; ttlMs?: number } = {}) {
  const begun = await store.begin(key, { lease: `lease of ${key}`, leaseMs: 1_000 });
  if (begun.kind !== 'lease') throw new Error(begun.kind);
  const { lease, begunAt } = begun;
  return store.fill(key, { lease, begunAt, fillId: key, payload: 'p', ttlMs: LONG, keepStaleMs: 0, ...parts });
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((store) => store.close()));
});

describe('InProcessVersionedStore', () => {
  it('drops the least recently used key, a read counting as use', async () => {
    const { store } = setUp({ maxEntries: 3 });
    for (const key of ['a', 'b', 'c']) await load(store, key);
    await store.read('a');
    await load(store, 'd');
    expect(store.size).toBe(3);
    const there = await Promise.all(
      ['a', 'b', 'c', 'd'].map(async (key) => (await store.read(key)).value !== undefined),
    );
    expect(there).toEqual([true, false, true, true]);
  });

  it('refuses the fill of a load whose state was driven out', async () => {
    const { store } = setUp({ maxEntries: 2 });
    const begun = await store.begin('k', { lease: 'l', leaseMs: LONG });
    await load(store, 'a');
    await load(store, 'b');
    const fill = { lease: 'l', begunAt: '0', fillId: 'f', payload: 'p', ttlMs: LONG, keepStaleMs: 0 };
    expect(begun).toMatchObject({ kind: 'lease' });
    expect(await store.fill('k', fill)).toEqual({ stored: false, reason: 'evicted' });
  });

  it('keeps at most maxBytes of payload, counted as UTF-8', async () => {
    const { store } = setUp({ maxBytes: 100 });
    for (const key of ['a', 'b', 'c']) await load(store, key, { payload: 'é'.repeat(20) });
    const there = await Promise.all(['a', 'b', 'c'].map(async (key) => (await store.read(key)).value !== undefined));
    expect(there).toEqual([false, true, true]);
  });

  it('does not claim to have stored what is larger than the whole store', async () => {
    const { store } = setUp({ maxBytes: 100 });
    expect(await load(store, 'fits', { payload: 'x'.repeat(100) })).toEqual({ stored: true });
    expect(await load(store, 'large', { payload: 'é'.repeat(51) })).toEqual({ stored: false, reason: 'evicted' });
    expect(await store.read('large')).toEqual({ loading: false });
    const version = { kind: 'row', order: 1n };
    const begun = await store.begin('set', { lease: 'l', leaseMs: LONG });
    await store.fill('set', {
      lease: 'l',
      begunAt: begun.kind === 'lease' ? begun.begunAt : '',
      fillId: 'f',
      payload: 'p',
      version,
      ttlMs: LONG,
      keepStaleMs: 0,
    });
    const set = {
      payload: 'é'.repeat(51),
      version: { ...version, order: 2n },
      ttlMs: LONG,
      keepStaleMs: 0,
      floorMs: LONG,
    };
    expect(await store.set('set', set)).toBe('invalidated');
    expect(await store.read('set')).toEqual({ loading: false });
  });

  it('frees what has ended though nobody reads, and then lets its timer go', async () => {
    const { clock, store } = setUp();
    for (let index = 0; index < 50; index += 1) await load(store, `short ${index}`, { ttlMs: 1_500 });
    await store.invalidate('tombstone', { floorMs: 10_000 });
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(1_000);
    expect(store.size).toBe(51);
    await clock.advance(2_000);
    expect(store.size).toBe(1);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(10_000);
    expect([store.size, clock.pendingTimers]).toEqual([0, 0]);
    await load(store, 'again', { ttlMs: 10 });
    await clock.advance(3_000);
    expect([store.size, clock.pendingTimers]).toEqual([0, 0]);
  });

  it('does not take in what is over when it comes', async () => {
    const { clock, store } = setUp();
    await store.begin('k', { lease: 'l', leaseMs: LONG });
    await clock.advance(50_000);
    const late = { lease: 'l', begunAt: '0', fillId: 'f', payload: 'p', ttlMs: 10, keepStaleMs: 0 };
    expect(await store.fill('k', late)).toEqual({ stored: true });
    expect(store.size).toBe(0);
  });

  it('does not free what was prolonged meanwhile, nor later what was cut short', async () => {
    const { clock, store } = setUp();
    await load(store, 'prolonged', { ttlMs: 1_500 });
    await store.invalidate('prolonged', { floorMs: 60_000 });
    await load(store, 'cut', { ttlMs: 60_000 });
    await store.invalidate('cut', { floorMs: 1_500 });
    await clock.advance(3_000);
    expect(store.size).toBe(1);
    await clock.advance(60_000);
    expect(store.size).toBe(0);
  });

  it('frees a crowd in several goes', async () => {
    const { clock, store } = setUp({ maxEntries: 20_000 });
    for (let index = 0; index < 12_000; index += 1) await store.invalidate(`${index}`, { floorMs: 10 });
    await clock.advance(1_000);
    expect(store.size).toBe(7_000);
    await clock.advance(5);
    expect(store.size).toBe(2_000);
    await clock.advance(5);
    expect([store.size, clock.pendingTimers]).toEqual([0, 0]);
  });

  it('rejects every step after close, and leaves no timer', async () => {
    const { clock, store } = setUp();
    await load(store, 'k');
    await store.close();
    await store.close();
    expect([store.size, clock.pendingTimers]).toEqual([0, 0]);
    for (const step of [
      () => store.read('k'),
      () => store.begin('k', { lease: 'l', leaseMs: 1 }),
      () => store.mark('k', 'l', { id: 'm', kind: 'failed' }, 1),
      () => store.invalidate('k', { floorMs: 1 }),
    ]) {
      await expect(step()).rejects.toMatchObject({ code: 'ERR_CACHE_CLOSED' });
    }
  });
});
