import { describe, expect, it } from 'vitest';
import type { ProviderContext } from '../../../lib/core/provider-factory.js';
import { memoryStore } from '../../../lib/stores/memory-store.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';

const context = (): ProviderContext => ({
  namespace: 'test',
  clock: new ManualClock(),
  storeTimeoutMs: 1_000,
  lockTimeoutMs: 1_000,
  report: () => undefined,
});

describe('memoryStore', () => {
  it('describes itself', () => {
    expect(memoryStore().description).toBe('memory (at most 10,000 keys)');
    expect(memoryStore({ maxEntries: 5, maxBytes: 2_000 }).description).toBe('memory (at most 5 keys, 2,000 bytes)');
  });

  it('makes a store of one process, within its bounds', async () => {
    const store = await memoryStore({ maxEntries: 1, maxBytes: 10 }).createVersionedStore(context());
    expect([store.name, store.scope]).toEqual(['memory', 'process']);
    await store.begin('a', { lease: 'a', leaseMs: 10 });
    await store.begin('b', { lease: 'b', leaseMs: 10 });
    expect(await store.read('a')).toEqual({ loading: false });
    const large = { lease: 'b', begunAt: '0', fillId: 'f', payload: 'x'.repeat(11), ttlMs: 10, keepStaleMs: 0 };
    expect(await store.fill('b', large)).toEqual({ stored: false, reason: 'evicted' });
    await store.close();
  });

  it.each<[unknown, RegExp]>([
    [{ maxEntries: 0 }, /maxEntries must be a whole number from 1 to 16,777,216, but is 0/],
    [{ maxEntries: 1.5 }, /but is 1\.5/],
    [{ maxEntries: '10' }, /but is "10"/],
    [{ maxEntries: 2 ** 24 + 1 }, /but is 16777217/],
    [{ maxBytes: -1 }, /maxBytes must be .*but is -1/],
    [{ maxBytes: 10n }, /but is 10n/],
    [{ maxBytes: Number.NaN }, /but is NaN/],
    [{ max: 10 }, /no option "max"; it knows maxEntries and maxBytes/],
    [null, /expects an object of options or nothing, but was given null/],
    [[], /was given an array/],
  ])('refuses %o', (options, message) => {
    const make = () => memoryStore(options as object);
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_CACHE_INVALID_OPTIONS' }));
  });

  it('takes undefined for the default', () => {
    expect(memoryStore({ maxEntries: undefined, maxBytes: undefined } as object).description).toBe(
      'memory (at most 10,000 keys)',
    );
  });
});
