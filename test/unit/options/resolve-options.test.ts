import { describe, expect, it } from 'vitest';
import { InvalidOptionsError } from '../../../lib/core/errors.js';
import { resolveOptions, resolvePolicy, type DistributedCacheOptions } from '../../../lib/distributed-cache.options.js';
import { inProcessLock } from '../../../lib/locks/in-process-lock.js';
import { InProcessLockProvider } from '../../../lib/locks/in-process-lock-provider.js';
import { memoryStore } from '../../../lib/stores/memory-store.js';

const refused = (options: object): string => {
  try {
    resolveOptions(options);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionsError);
    return (error as Error).message;
  }
  throw new Error('accepted');
};

describe('resolveOptions', () => {
  it('has a default for everything', () => {
    expect(resolveOptions()).toMatchObject({
      namespace: 'app',
      namespaceGiven: false,
      lock: undefined,
      store: undefined,
      floorMs: 60_000,
      storeTimeoutMs: 1_000,
      lockTimeoutMs: 3_000,
      enabled: true,
      xCacheHeader: true,
      classes: [],
      observers: [],
      log: true,
      givenPolicy: {},
      policy: {
        ttlMs: 60_000,
        staleWhileRevalidateMs: 0,
        staleIfErrorMs: 0,
        loadTimeoutMs: 30_000,
        waitMs: 30_000,
        onWaitTimeout: 'load',
        onLockUnavailable: 'lease',
        onStoreUnavailable: 'load',
        failureBackoffMs: 1_000,
        maxValueBytes: 8_388_608,
        cancelUnwatched: false,
        share: 'copy',
      },
    });
  });

  it('counts undefined as left out', () => {
    expect(
      resolveOptions({ ttlMs: undefined, namespace: undefined } as unknown as DistributedCacheOptions),
    ).toMatchObject({ namespace: 'app', policy: { ttlMs: 60_000 } });
  });

  it('waits as long as a load may take, and keeps floors as long as a lease lives', () => {
    expect(resolveOptions({ loadTimeoutMs: 300_000 })).toMatchObject({ floorMs: 301_000, policy: { waitMs: 300_000 } });
    expect(resolveOptions({ loadTimeoutMs: 300_000, waitMs: 0 }).policy.waitMs).toBe(0);
  });

  it.each([
    ['ttlMs', 1, 315_360_000_000],
    ['staleWhileRevalidateMs', 0, 315_360_000_000],
    ['staleIfErrorMs', 0, 315_360_000_000],
    ['waitMs', 0, 86_400_000],
    ['failureBackoffMs', 0, 3_600_000],
    ['maxValueBytes', 1, 536_870_912],
    ['storeTimeoutMs', 1, 60_000],
    ['lockTimeoutMs', 1, 60_000],
    ['loadTimeoutMs', 1, 86_400_000],
  ])('%s goes from %d to %d', (name, min, max) => {
    for (const value of [min, max]) expect(() => resolveOptions({ [name]: value })).not.toThrow();
    const range = `${name}: expected a whole number of ${name === 'maxValueBytes' ? 'bytes' : 'milliseconds'} from ${String(min)} to ${String(max)}, got `;
    for (const value of [min - 1, max + 1, min + 0.5, NaN, Infinity])
      expect(refused({ [name]: value })).toContain(range + String(value));
    for (const value of ['60s', null, 1n, {}, []]) expect(refused({ [name]: value })).toContain(range);
  });

  it.each(['onWaitTimeout', 'onLockUnavailable', 'onStoreUnavailable'])('%s is one of its words', (name) => {
    expect(refused({ [name]: 'retry' })).toMatch(new RegExp(`${name}: expected one of .*'load', .*'fail', got "retry"`));
    expect(refused({ [name]: true })).toContain('got true');
  });

  it.each(['cancelUnwatched', 'enabled', 'xCacheHeader', 'log'])('%s is true or false, and no text', (name) => {
    expect(refused({ [name]: 'false' })).toContain(`${name}: expected true or false, got "false"`);
  });

  it.each([true, 'freeze', null])('share refuses %j', (share) => {
    expect(refused({ share })).toContain("share: expected one of 'copy', 'frozen', got");
  });

  it.each(['', ' ', 'a b', 'a/b', 'ä', 'x'.repeat(65), 7, null])('namespace refuses %j', (namespace) => {
    expect(refused({ namespace })).toContain('namespace: expected 1 to 64 of A-Z a-z 0-9 . _ -, got');
  });

  it.each(['a', 'Shop.v2_x-1', 'x'.repeat(64)])('namespace accepts %j', (namespace) => {
    expect(resolveOptions({ namespace })).toMatchObject({ namespace, namespaceGiven: true });
  });

  it('lock and store are factories or instances of the ports, and wrong ones are not shown', () => {
    const provider = new InProcessLockProvider();
    expect(resolveOptions({ lock: provider }).lock).toBe(provider);
    const [lock, store] = [inProcessLock(), memoryStore()];
    expect(resolveOptions({ lock, store })).toMatchObject({ lock, store });
    for (const name of ['lock', 'store']) {
      expect(refused({ [name]: 'redis://user:secret@host' })).toMatch(
        new RegExp(`${name}: expected .*, got a string\\.`),
      );
      expect(refused({ [name]: { password: 'secret' } })).toContain('got an object');
      expect(refused({ [name]: new Map() })).toContain('got an instance of Map');
      expect(refused({ [name]: memoryStore })).toContain('got the function or class memoryStore');
      for (const given of ['redis://user:secret@host', { password: 'secret' }])
        expect(refused({ [name]: given })).not.toContain('secret');
    }
    expect(refused({ lock: memoryStore() })).toContain('lock: expected');
    expect(refused({ store: inProcessLock() })).toContain('store: expected');
  });

  it('lists are checked item by item', () => {
    expect(refused({ classes: [{}] })).toContain('classes: expected an array of classes');
    expect(refused({ observers: [() => undefined] })).toContain('Wrap a function: { observe: (event) => … }');
    expect(refused({ dataSources: {} })).toContain('dataSources: expected an array of TypeORM data sources');
    expect(refused({ clock: Date })).toContain('clock: expected a Clock');
  });

  it.each([
    ['ttl', 'Did you mean ttlMs?'],
    ['TTLMS', 'Did you mean ttlMs?'],
    ['namespae', 'Did you mean namespace?'],
    ['maxValue', 'Did you mean maxValueBytes?'],
    ['connectString', 'It belongs to the lock: lock: zooKeeperLock({ connectString'],
    ['zzzzzz', 'Remove it.'],
    ['constructor', 'Remove it.'],
  ])('an unknown name %s gets advice and the known ones', (name, advice) => {
    const message = refused({ [name]: 'secret' });
    expect(message).toContain(`there is no option "${name}"; known are namespace, lock, store`);
    expect(message).toContain(advice);
    expect(message).not.toContain('secret');
  });

  it.each([
    [null, 'null'],
    ['shop', '"shop"'],
    [[], 'an array'],
  ])('options themselves must be an object: %j', (options, got) => {
    expect(refused(options as object)).toContain(`expected an object, got ${got}`);
  });

  it('tells every mistake at once', () => {
    expect(refused({ ttlMs: -1, waitMs: -2, nonsense: 1 }).split('\n- ')).toHaveLength(4);
  });

  it('refuses what cannot be together', () => {
    expect(refused({ floorMs: 30_999 })).toContain(
      'floorMs: expected at least the life of a lease, 31000 (loadTimeoutMs 30000 + storeTimeoutMs 1000), got 30999',
    );
    expect(() => resolveOptions({ floorMs: 31_000 })).not.toThrow();
    expect(refused({ onWaitTimeout: 'stale' })).toContain(
      "onWaitTimeout: expected staleIfErrorMs above 0 beside 'stale'",
    );
    expect(() => resolveOptions({ onWaitTimeout: 'stale', staleIfErrorMs: 1 })).not.toThrow();
    expect(refused({ onLockUnavailable: 'stale' })).toContain(
      "onLockUnavailable: expected staleIfErrorMs above 0 beside 'stale'",
    );
    expect(() => resolveOptions({ onLockUnavailable: 'stale', staleIfErrorMs: 1 })).not.toThrow();
  });
});

describe('resolvePolicy', () => {
  const defaults = resolveOptions({ ttlMs: 5_000, staleIfErrorMs: 7 });

  it('is the module’s policy when nothing is given', () => {
    expect(resolvePolicy(defaults, {}, 'here')).toBe(defaults.policy);
    expect(resolvePolicy(defaults, { ttlMs: undefined } as unknown as object, 'here')).toBe(defaults.policy);
  });

  it('changes what is given and keeps the rest', () => {
    expect(resolvePolicy(defaults, { ttlMs: 9 }, 'here')).toEqual({ ...defaults.policy, ttlMs: 9 });
  });

  it('waits as long as this load may take, unless the module says how long', () => {
    expect(resolvePolicy(defaults, { loadTimeoutMs: 40_000 }, 'here').waitMs).toBe(40_000);
    expect(resolvePolicy(resolveOptions({ waitMs: 5 }), { loadTimeoutMs: 40_000 }, 'here').waitMs).toBe(5);
  });

  it('is checked as the module’s is, and against the module’s floor', () => {
    expect(() => resolvePolicy(defaults, { ttlMs: 0 }, '@LockedCacheable() on A.b')).toThrow(
      '@LockedCacheable() on A.b: ttlMs: expected',
    );
    expect(() => resolvePolicy(defaults, { loadTimeoutMs: 59_001 }, 'here')).toThrow(
      'here: floorMs: expected at least the life of a lease, 60001',
    );
    expect(() => resolvePolicy(defaults, { loadTimeoutMs: 59_000 }, 'here')).not.toThrow();
    expect(() => resolvePolicy(resolveOptions(), { onWaitTimeout: 'stale' }, 'here')).toThrow('staleIfErrorMs');
    expect(resolvePolicy(defaults, { onWaitTimeout: 'stale' }, 'here').onWaitTimeout).toBe('stale');
  });
});
