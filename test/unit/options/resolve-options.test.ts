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
      maxConcurrentLoads: Infinity,
      maxQueuedLoads: 1_000,
      enabled: true,
      xCacheHeader: true,
      classes: [],
      observers: [],
      log: true,
      givenPolicy: {},
      policy: {
        ttlMs: 60_000,
        ttlJitter: 0.1,
        eagerRefresh: 0,
        staleWhileRevalidateMs: 0,
        staleIfErrorMs: 0,
        loadTimeoutMs: 30_000,
        softLoadTimeoutMs: 30_000,
        waitMs: 30_000,
        onWaitTimeout: 'load',
        onLoadLimit: 'wait',
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
    ['negativeTtlMs', 0, 315_360_000_000],
    ['staleWhileRevalidateMs', 0, 315_360_000_000],
    ['staleIfErrorMs', 0, 315_360_000_000],
    ['waitMs', 0, 86_400_000],
    ['failureBackoffMs', 0, 3_600_000],
    ['maxValueBytes', 1, 536_870_912],
    ['storeTimeoutMs', 1, 60_000],
    ['lockTimeoutMs', 1, 60_000],
    ['announceTimeoutMs', 1, 60_000],
    ['shutdownTimeoutMs', 0, 600_000],
    ['loadTimeoutMs', 1, 86_400_000],
    ['softLoadTimeoutMs', 1, 86_400_000],
  ])('%s goes from %d to %d', (name, min, max) => {
    const beside = name === 'softLoadTimeoutMs' ? { staleIfErrorMs: 1 } : {};
    for (const value of [min, max]) expect(() => resolveOptions({ ...beside, [name]: value })).not.toThrow();
    const range = `${name}: expected a whole number of ${name === 'maxValueBytes' ? 'bytes' : 'milliseconds'} from ${String(min)} to ${String(max)}${name === 'ttlMs' ? ', or a function of the loaded value that gives one' : ''}, got `;
    for (const value of [min - 1, max + 1, min + 0.5, NaN, Infinity])
      expect(refused({ [name]: value })).toContain(range + String(value));
    for (const value of ['60s', null, 1n, {}, []]) expect(refused({ [name]: value })).toContain(range);
  });

  it.each(['onWaitTimeout', 'onLockUnavailable', 'onStoreUnavailable'])('%s is one of its words', (name) => {
    expect(refused({ [name]: 'retry' })).toMatch(
      new RegExp(`${name}: expected one of .*'load', .*'fail', got "retry"`),
    );
    expect(refused({ [name]: true })).toContain('got true');
  });

  it.each(['cancelUnwatched', 'enabled', 'xCacheHeader', 'log'])('%s is true or false, and no text', (name) => {
    expect(refused({ [name]: 'false' })).toContain(`${name}: expected true or false, got "false"`);
  });

  it('breaker is off, or two numbers within their bounds', () => {
    const complete = (breaker: unknown) => resolveOptions({ breaker } as DistributedCacheOptions).breaker;
    expect(complete(undefined)).toEqual({ failures: 5, probeAfterMs: 500 });
    expect(complete({ failures: 1, probeAfterMs: undefined })).toEqual({ failures: 1, probeAfterMs: 500 });
    expect(complete({ failures: 1_000, probeAfterMs: 60_000 })).toEqual({ failures: 1_000, probeAfterMs: 60_000 });
    expect(complete({ probeAfterMs: 10 })).toEqual({ failures: 5, probeAfterMs: 10 });
    expect(complete(false)).toBe(false);
    const nonsense = [true, null, [], 5, 'on', { failures: 0 }, { failures: 1_001 }, { failures: 1.5 }];
    for (const breaker of [...nonsense, { probeAfterMs: 9 }, { probeAfterMs: 60_001 }, { toString: 1 }, { after: 1 }])
      expect(refused({ breaker })).toContain(
        'breaker: expected false, or { failures: 1 to 1000, probeAfterMs: 10 to 60000 }',
      );
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

  it('has no outbox unless one is asked for, and then with a default for everything', () => {
    const defaults = { table: 'distributed_cache_outbox', intervalMs: 2_000, batchSize: 100 };
    expect([undefined, false].map((outbox) => resolveOptions({ outbox } as DistributedCacheOptions).outbox)).toEqual([
      undefined,
      undefined,
    ]);
    expect(resolveOptions({ outbox: true }).outbox).toEqual(defaults);
    expect(resolveOptions({ outbox: { table: 'audit.notices' } }).outbox).toEqual({
      ...defaults,
      table: 'audit.notices',
    });
  });

  it.each(['yes', null, 1, []])('outbox refuses %j', (outbox) => {
    expect(refused({ outbox })).toContain('outbox: expected true, false or an object, got');
  });

  it.each(['', 'a b', 'a;b', 'a.b.c', '"a"', '1a', 'x'.repeat(58), 7])('outbox refuses the table %j', (table) => {
    expect(refused({ outbox: { table } })).toContain('outbox: table: expected the name of a table');
  });

  it('outbox and onChange are checked against each other', () => {
    expect(refused({ outbox: true, onChange: 'ignore' })).toContain("expected onChange 'invalidate' or 'refresh'");
    expect(() => resolveOptions({ outbox: false, onChange: 'ignore' })).not.toThrow();
    expect(refused({ outbox: { interval: 1 } })).toContain('Did you mean intervalMs?');
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

  it('takes functions of the value where they are meant, and shares of a ttl', () => {
    const ttlMs = (): number => 5;
    const cacheIf = (): boolean => true;
    expect(resolveOptions({ ttlMs, cacheIf, ttlJitter: 0 }).policy).toMatchObject({ ttlMs, cacheIf, ttlJitter: 0 });
    expect(() => resolveOptions({ ttlJitter: 0.9 })).not.toThrow();
    for (const ttlJitter of [-0.1, 0.91, NaN, '0.1'])
      expect(refused({ ttlJitter })).toContain('ttlJitter: expected a number from 0 to 0.9, got');
    for (const eagerRefresh of [0, 0.99, { beta: 0.01 }, { beta: 100 }])
      expect(resolveOptions({ eagerRefresh }).policy.eagerRefresh).toEqual(eagerRefresh);
    for (const eagerRefresh of [-0.1, 1, true, {}, { beta: 0 }, { beta: 101 }, { beta: 1, share: 0.8 }, null])
      expect(refused({ eagerRefresh })).toContain(
        'eagerRefresh: expected a share of the ttl from 0 to 0.99, or { beta }',
      );
    expect(refused({ cacheIf: true })).toContain('cacheIf: expected a function of the loaded value, got true');
  });

  it('bounds the loads of an instance', () => {
    for (const [name, min] of [
      ['maxConcurrentLoads', 1],
      ['maxQueuedLoads', 0],
    ] as const) {
      for (const value of [min, 1_000_000]) expect(resolveOptions({ [name]: value })).toMatchObject({ [name]: value });
      for (const value of [min - 1, 1_000_001, 1.5, Infinity])
        expect(refused({ [name]: value })).toContain(
          `${name}: expected a whole number of loads from ${min} to 1000000`,
        );
    }
    expect(refused({ onLoadLimit: 'drop' })).toContain("onLoadLimit: expected one of 'wait', 'shed'");
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
    expect(refused({ softLoadTimeoutMs: 200 })).toContain(
      'softLoadTimeoutMs: expected staleIfErrorMs above 0 beside 200, got staleIfErrorMs 0',
    );
    expect(() => resolveOptions({ softLoadTimeoutMs: 200, staleIfErrorMs: 1 })).not.toThrow();
    expect(() => resolveOptions({ softLoadTimeoutMs: 30_000 })).not.toThrow();
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

  it('has no soft deadline of its own where it has a longer load', () => {
    expect(resolvePolicy(defaults, { loadTimeoutMs: 40_000 }, 'here').softLoadTimeoutMs).toBe(40_000);
    const soft = resolveOptions({ softLoadTimeoutMs: 5, staleIfErrorMs: 1 });
    expect(resolvePolicy(soft, { loadTimeoutMs: 40_000 }, 'here').softLoadTimeoutMs).toBe(5);
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
