import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../lib/core/clock.js';
import { CorruptEntryError } from '../../../lib/core/errors.js';
import type { VersionedStore } from '../../../lib/core/versioned-store.js';
import { InProcessVersionedStore } from '../../../lib/stores/in-process-versioned-store.js';
import { BrokenStoreError, selfTest } from '../../../lib/stores/store-self-test.js';

const options = { clock: systemClock, timeoutMs: 2_000 };

/** A good store with one method of another kind. */
function storeWith(change: (good: VersionedStore) => Partial<VersionedStore>): VersionedStore {
  const good = new InProcessVersionedStore({ clock: systemClock, maxEntries: 10 });
  return Object.assign(good, change({ read: good.read.bind(good), fill: good.fill.bind(good) } as VersionedStore));
}

describe('selfTest', () => {
  it('passes a good store and leaves no value behind', async () => {
    expect(
      await selfTest(
        storeWith(() => ({})),
        options,
      ),
    ).toEqual({ kind: 'passed' });
  });

  it.each<[string, RegExp, (good: VersionedStore) => Partial<VersionedStore>]>([
    [
      'finds nothing again',
      /read back what was stored, got nothing/,
      () => ({ read: () => Promise.resolve({ loading: false }) }),
    ],
    [
      'gives other bytes back',
      /another text/,
      (good) => ({
        read: async (key) => ({ ...(await good.read(key)), value: { payload: '?', freshForMs: 1, staleSinceMs: 0 } }),
      }),
    ],
    [
      'stores nothing',
      /first fill to be stored.*evicted/,
      () => ({ fill: () => Promise.resolve({ stored: false, reason: 'evicted' }) }),
    ],
    ['keeps what is invalidated', /nothing after an invalidation/, () => ({ invalidate: () => Promise.resolve() })],
    [
      'rounds versions',
      /9007199254740993/,
      (good) => ({
        fill: (key, fill) =>
          good.fill(key, {
            ...fill,
            ...(fill.version && { version: { ...fill.version, order: fill.version.order - 1n } }),
          }),
      }),
    ],
    ['answers nonsense', /Probable causes/, () => ({ begin: () => Promise.reject(new CorruptEntryError('nonsense')) })],
    [
      'forbids scripts',
      /NOPERM/,
      () => ({
        begin: () => Promise.reject(new Error("NOPERM this user has no permissions to run the 'evalsha' command")),
      }),
    ],
    [
      'knows no scripts',
      /unknown command/,
      () => ({ begin: () => Promise.reject(new Error("ERR unknown command 'EVALSHA'")) }),
    ],
  ])('refuses a store that %s', async (_name, message, change) => {
    const failure = selfTest(storeWith(change), options);
    await expect(failure).rejects.toThrow(BrokenStoreError);
    await expect(failure).rejects.toThrow(message);
  });

  it.each<[string, Partial<VersionedStore>]>([
    ['refuses the connection', { begin: () => Promise.reject(new Error('connect ECONNREFUSED 127.0.0.1:6379')) }],
    [
      'is loading its data',
      { begin: () => Promise.reject(new Error('LOADING Redis is loading the dataset in memory')) },
    ],
    ['does not answer', { begin: () => new Promise(() => undefined) }],
  ])('lets the application start when the store %s', async (_name, change) => {
    expect(
      await selfTest(
        storeWith(() => change),
        { ...options, timeoutMs: 20 },
      ),
    ).toMatchObject({ kind: 'unavailable', error: expect.any(Error) as unknown });
  });
});
