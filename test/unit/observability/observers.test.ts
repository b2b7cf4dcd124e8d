import { describe, expect, it } from 'vitest';
import type { CacheEvent, CacheObserver, StoreStep } from '../../../lib/core/cache-event.js';
import { LockAuthError, StoreUnavailableError } from '../../../lib/core/errors.js';
import { CacheStats } from '../../../lib/observability/cache-stats.js';
import { FanOutObserver } from '../../../lib/observability/fan-out-observer.js';
import { LOG_INTERVAL_MS, LogObserver } from '../../../lib/observability/log-observer.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';
import { EVERY_EVENT } from '../../support/every-event.js';

const LOCK_STATES = (['lost', 'auth-failed', 'suspended'] as const).map((state): CacheEvent => ({
  type: 'lock-state',
  provider: 'zookeeper',
  state,
  previous: 'connected',
}));
const UNSTORED = (['undefined', 'uncacheable', 'unserializable', 'too-large', 'tag-full', 'tags-unknown'] as const).map(
  (reason): CacheEvent => ({ type: 'not-stored', key: 'k', reason }),
);

const hit: CacheEvent = { type: 'hit', key: 'k', freshForMs: 1 };

describe('FanOutObserver', () => {
  it('tells everybody, whatever one of them throws, and reports each broken one once', async () => {
    const seen: string[] = [];
    const broken: unknown[] = [];
    const throwing: CacheObserver = {
      observe: () => {
        throw new Error('sync');
      },
    };
    const rejecting: CacheObserver = { observe: () => Promise.reject(new Error('async')) as unknown as undefined };
    const fan = new FanOutObserver(
      [throwing, rejecting, { observe: ({ type }) => void seen.push(type) }],
      (_observer, error) => void broken.push((error as Error).message),
    );
    fan.observe(hit);
    fan.observe(hit);
    await Promise.resolve();
    await Promise.resolve();
    expect(seen).toEqual(['hit', 'hit']);
    expect(broken).toEqual(['sync', 'async']);
  });
});

describe('CacheStats', () => {
  it('counts requests once, whichever way they go', () => {
    const stats = new CacheStats();
    const events: CacheEvent[] = [
      hit,
      { type: 'stale-hit', key: 'k', because: 'refreshing' },
      { type: 'miss', key: 'k' },
      { type: 'joined', key: 'k' },
      { type: 'miss', key: 'k' },
      { type: 'load-started', key: 'k', under: 'lock' },
      { type: 'load-started', key: 'k', under: 'lease', because: 'lock-unavailable' },
      { type: 'load-started', key: 'k', under: 'none', because: 'wait-ran-out' },
      { type: 'load-failed', key: 'k', loadMs: 1, error: new Error('x') },
      { type: 'stale-hit', key: 'k', because: 'load-failed' },
      { type: 'miss', key: 'k' },
      { type: 'stale-hit', key: 'k', because: 'load-slow' },
      { type: 'lock-waited', key: 'k', reason: 'released', waitedMs: 1 },
      { type: 'lease-waited', key: 'k', reason: 'told', waitedMs: 1 },
      { type: 'stale-hit', key: 'k', because: 'lock-unavailable' },
      { type: 'store-unavailable', step: 'read', error: 1 },
      { type: 'store-unavailable', step: 'read', error: 1, unasked: 'breaker-open' },
      { type: 'store-unavailable', step: 'fill', error: 1, unasked: 'breaker-open' },
      { type: 'lock-unavailable', key: 'k', error: 1 },
      { type: 'eager-refresh', key: 'k', freshForMs: 1 },
      { type: 'renewed', key: 'k', version: { kind: 'version', order: 1n } },
      { type: 'load-queued', key: 'k', ahead: 0 },
      { type: 'load-turn', key: 'k', waitedMs: 1 },
      { type: 'load-shed', key: 'k', because: 'limit', background: true },
      { type: 'breaker-changed', server: 'store', state: 'open', previous: 'closed' },
      { type: 'breaker-changed', server: 'store', state: 'half-open', previous: 'open' },
      { type: 'breaker-changed', server: 'store', state: 'open', previous: 'half-open' },
      { type: 'breaker-changed', server: 'store', state: 'closed', previous: 'half-open' },
      { type: 'cleared' },
    ];
    for (const event of events) stats.observe(event);
    expect(stats.snapshot()).toEqual({
      requests: 5,
      hits: 1,
      staleHits: 4,
      softTimeouts: 1,
      eagerRefreshes: 1,
      queuedLoads: 1,
      shedLoads: 1,
      misses: 3,
      loads: 3,
      unlockedLoads: 1,
      loadFailures: 1,
      waits: 3,
      stored: 0,
      renewed: 1,
      superseded: 0,
      notStored: 0,
      invalidations: 0,
      announcementFailures: 0,
      bypasses: 0,
      storeFailures: 1,
      storeUnasked: 2,
      lockFailures: 1,
      breakerOpenings: 1,
    });
  });

  it('gives a copy', () => {
    const stats = new CacheStats();
    const before = stats.snapshot();
    stats.observe(hit);
    expect(before.hits).toBe(0);
  });
});

describe('LogObserver', () => {
  function logging(): { lines: string[]; clock: ManualClock; observe: (event: CacheEvent) => void } {
    const lines: string[] = [];
    const clock = new ManualClock();
    const observer = new LogObserver(
      { log: (line) => void lines.push(`log ${line}`), warn: (line) => void lines.push(`warn ${line}`) },
      clock,
    );
    return { lines, clock, observe: (event) => observer.observe(event) };
  }

  it('writes nothing while all is well', () => {
    const { lines, observe } = logging();
    const events: CacheEvent[] = [
      hit,
      { type: 'miss', key: 'k' },
      { type: 'lock-acquired', key: 'k', token: 1n },
      { type: 'leased', key: 'k', existed: false },
      { type: 'load-failed', key: 'k', loadMs: 1, error: new Error('the application’s own') },
      { type: 'not-stored', key: 'k', reason: 'undefined' },
      { type: 'lock-state', provider: 'zookeeper', state: 'connected', previous: 'connecting' },
      { type: 'superseded', key: 'k', reason: 'invalidated' },
    ];
    for (const event of events) observe(event);
    expect(lines).toEqual([]);
  });

  it.each([
    [
      'store',
      { type: 'store-unavailable', step: 'read', error: new Error('refused') },
      { type: 'stored', key: 'k', bytes: 1 },
    ],
    [
      'lock service',
      { type: 'lock-unavailable', key: 'k', error: new Error('refused') },
      { type: 'lock-acquired', key: 'k', token: 1n },
    ],
    [
      'lock service',
      { type: 'lock-unavailable', key: 'k', error: new Error('refused') },
      { type: 'lock-state', provider: 'z', state: 'connected', previous: 'lost' },
    ],
  ] as const)('%s: one line when it goes down, one when it is back', async (part, down, back) => {
    const { lines, clock, observe } = logging();
    for (const _ of [1, 2, 3]) observe(down);
    await clock.advance(LOG_INTERVAL_MS);
    observe(down);
    expect(lines).toEqual([
      expect.stringMatching(new RegExp(`^warn The ${part} does not answer \\(.*Error: refused\\)`)),
    ]);
    observe(back);
    observe(back);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(/^log .*(answers again|connected again)/);
    await clock.advance(LOG_INTERVAL_MS);
    observe(down);
    expect(lines).toHaveLength(3);
  });

  it.each([
    ['store', 'The store'],
    ['lock', 'The lock service'],
  ] as const)(
    'a breaker before the %s: one line when it opens, one when it closes, none for its probes',
    (server, part) => {
      const { lines, observe } = logging();
      observe(
        server === 'store'
          ? { type: 'store-unavailable', step: 'read', error: new Error('refused') }
          : { type: 'lock-unavailable', key: 'k', error: new Error('refused') },
      );
      observe({ type: 'breaker-changed', server, state: 'open', previous: 'closed' });
      for (const _ of [1, 2, 3]) {
        observe({ type: 'breaker-changed', server, state: 'half-open', previous: 'open' });
        observe({ type: 'breaker-changed', server, state: 'open', previous: 'half-open' });
      }
      observe({ type: 'breaker-changed', server, state: 'closed', previous: 'half-open' });
      expect(lines).toEqual([
        expect.stringContaining(`warn ${part} does not answer`),
        expect.stringContaining(`warn ${part} has failed too often in a row`),
        expect.stringContaining(`log ${part} answers again after`),
      ]);
    },
  );

  it('a part that comes and goes is written of once an interval, and what was left out is told', async () => {
    const { lines, clock, observe } = logging();
    const down: CacheEvent = { type: 'store-unavailable', step: 'read', error: 'x' };
    for (let i = 0; i < 10; i++) {
      observe(down);
      observe(hit);
    }
    expect(lines).toHaveLength(2);
    await clock.advance(LOG_INTERVAL_MS);
    observe(down);
    expect(lines[2]).toContain('(9 more of this kind since the last line)');
  });

  it('says after how long a part is back, and how much failed until then', async () => {
    const { lines, clock, observe } = logging();
    const down: CacheEvent = { type: 'store-unavailable', step: 'read', error: 'x' };
    for (let i = 0; i < 1_000; i++) observe(down);
    await clock.advance(12_300);
    observe(hit);
    expect(lines.at(-1)).toBe('log The store answers again after 12.3 s; failed commands: 1000.');
    observe({ ...EVERY_EVENT['announcement-failed'], tags: 2 });
    await clock.advance(420);
    const before = lines.length;
    observe({ ...EVERY_EVENT['announcement-made-up'], unsent: { keys: 0, tags: 1, everything: false } });
    expect(lines).toHaveLength(before);
    observe(EVERY_EVENT['announcement-made-up']);
    expect(lines.at(-1)).toBe('log What could not be announced is announced after 420 ms; failed announcements: 1.');
    observe({ type: 'lock-state', provider: 'zookeeper', state: 'lost', previous: 'suspended' });
    await clock.advance(600_000);
    observe({ type: 'lock-state', provider: 'zookeeper', state: 'connected', previous: 'connecting' });
    expect(lines.at(-1)).toBe('log zookeeper: connected again after 10 min.');
  });

  it('says that a part is down once more, as soon as a line may be written again', async () => {
    const { lines, clock, observe } = logging();
    const down: CacheEvent = { type: 'store-unavailable', step: 'read', error: 'x' };
    observe(down);
    observe(hit);
    observe(down); // down again at once, and it stays: the last line says the opposite
    expect(lines).toHaveLength(2);
    await clock.advance(LOG_INTERVAL_MS);
    observe(down);
    expect(lines[2]).toMatch(/^warn The store does not answer/);
    await clock.advance(1_000);
    observe(hit);
    expect(lines[3]).toBe('log The store answers again after 61.0 s; failed commands: 2.');
  });

  it('writes a bounded number of lines, whatever happens and however often', async () => {
    const { lines, clock, observe } = logging();
    const storm = [...Object.values(EVERY_EVENT), ...LOCK_STATES, ...UNSTORED];
    const intervals = 5;
    for (let n = 0; n < intervals * 2_000; n++) {
      for (const event of storm) observe('key' in event ? { ...event, key: `k${n}` } : event);
      await clock.advance(LOG_INTERVAL_MS / 2_000);
    }
    // Of each kind that can be told apart without its key, one line an interval; of the three parts two.
    expect(lines.length).toBeGreaterThan(intervals);
    expect(lines.length).toBeLessThanOrEqual((intervals + 1) * 20);
  });

  it('what the store refuses of announcements has one line for its beginning and one for its end, however often it is tried', async () => {
    const { lines, clock, observe } = logging();
    const error = new StoreUnavailableError('NOPERM', { refused: true });
    const unsent = { keys: 1, tags: 0, everything: false };
    const refused = (step: StoreStep): CacheEvent => ({ type: 'store-unavailable', step, error });
    observe({ type: 'announcement-failed', ...unsent, unsent, error });
    observe({ type: 'announcements-refused', unsent, error });
    for (let n = 0; n < 10; n++) {
      for (const step of ['invalidate', 'announce', 'set', 'clear'] as const) observe(refused(step));
      observe(hit);
      await clock.advance(LOG_INTERVAL_MS);
    }
    expect(lines).toEqual([
      expect.stringContaining('warn A committed change could not be announced (StoreUnavailableError: NOPERM)'),
      expect.stringMatching(
        /^warn The store refuses .* NOPERM.*loads what is stored under these keys and stores nothing/,
      ),
    ]);
    observe(EVERY_EVENT['announcement-made-up']);
    expect(lines[2]).toContain('log What could not be announced is announced after 10 min');
    // A step of a load that is refused, or an announcement that is not answered, is the store's own line.
    observe(refused('begin'));
    expect(lines[3]).toContain('The store does not answer (begin: StoreUnavailableError: NOPERM)');
    observe(hit);
    await clock.advance(LOG_INTERVAL_MS);
    observe({ type: 'store-unavailable', step: 'announce', error: new StoreUnavailableError('too late') });
    expect(lines.at(-1)).toContain('The store does not answer (announce: StoreUnavailableError: too late)');
  });

  it.each([
    { keys: 0, tags: 1, everything: false },
    { keys: 0, tags: 0, everything: true },
  ])('says what it costs that the store refuses %j', (unsent) => {
    const { lines, observe } = logging();
    observe({ type: 'announcements-refused', unsent, error: new Error('OOM') });
    expect(lines).toEqual([expect.stringContaining('This instance loads everything and stores nothing until')]);
  });

  it('names the cure of a version that went backwards, and each kind of unstorable value', () => {
    const { lines, observe } = logging();
    const version = { kind: 'updated-at', order: 1n };
    observe({ type: 'version-regressed', key: 'k', version, floor: { kind: 'updated-at', order: 2n } });
    observe({ type: 'version-regressed', key: 'k2', version });
    observe({ type: 'not-stored', key: 'k', reason: 'too-large', detail: '9 MiB' });
    observe({ type: 'not-stored', key: 'k', reason: 'unserializable' });
    observe({ type: 'not-stored', key: 'k', reason: 'policy-failed', detail: 'Error: x' });
    for (const meant of ['cache-if', 'no-ttl', 'undefined', 'uncacheable'] as const)
      observe({ type: 'not-stored', key: 'k', reason: meant });
    observe({ type: 'renewal-refused', key: 'k', because: 'tag-announced' });
    observe({ type: 'renewal-refused', key: 'k', because: 'coarse-version' });
    observe({ type: 'renewal-refused', key: 'k', because: 'failed', error: new Error('y') });
    observe({ type: 'load-shed', key: 'k', because: 'limit', background: true });
    observe({ type: 'load-shed', key: 'k', because: 'queue-full', background: false });
    observe({ type: 'corrupt-entry', key: 'k', error: new Error('cut short') });
    expect(lines).toEqual([
      expect.stringMatching(
        /version 1 of k, older than 2; .*add a @VersionColumn\(\), or stamp rows with clock_timestamp\(\)/,
      ),
      expect.stringContaining('The value of k was not stored, because it is too large: 9 MiB.'),
      expect.stringContaining('The value of k was not stored, because it would not come back as it is.'),
      expect.stringContaining('The value of k was not stored, because its policy cannot be told: Error: x.'),
      expect.stringMatching(/k was loaded, .*milliseconds.*@VersionColumn/),
      expect.stringMatching(/k was loaded, .*currentVersion failed: Error: y/),
      expect.stringMatching(/k was not loaded, .*\(queue-full\): raise maxConcurrentLoads/),
      expect.stringContaining('could not be read and counts as a miss: Error: cut short'),
    ]);
  });

  it.each(['not-stored', 'other-shape'] as const)(
    '%s: a second class is told too, and the same one only once an interval',
    (type) => {
      const { lines, observe } = logging();
      const what = (path: string, name: string): CacheEvent => {
        const text = `UnserializableValueError: value${path} is a ${name} and cannot be cached. Register its class: classes: [${name}].`;
        return type === 'not-stored'
          ? { type, key: 'k', reason: 'unserializable', detail: text }
          : { type, key: 'k', error: new Error(text), stays: false };
      };
      const paths = ['', '.owner', '[7].owner', '[8].owner', '.map<entry 3>', '["a b"].x'];
      for (const name of ['OrderV1', 'OrderV2', 'Decimal']) for (const path of paths) observe(what(path, name));
      for (const name of ['OrderV1', 'OrderV2', 'Decimal'])
        expect(lines.filter((line) => line.includes(`a ${name} and`))).toHaveLength(1);
      expect(lines).toHaveLength(3);
    },
  );

  it('writes a bounded number of lines, however many classes cannot be stored', () => {
    const { lines, observe } = logging();
    for (let n = 0; n < 5_000; n++)
      observe({ type: 'not-stored', key: 'k', reason: 'unserializable', detail: `value is a Class${String(n)}x` });
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.length).toBeLessThanOrEqual(25);
  });

  it('says that a lock service refuses us, and what it said, on one line', () => {
    const { lines, observe } = logging();
    const cause = new Error('WRONGPASS invalid username-password pair\n2026 forged line');
    observe({ type: 'lock-unavailable', key: 'k', error: new LockAuthError('Redis refuses us.', { cause }) });
    expect(lines).toEqual([
      expect.stringMatching(
        /^warn The lock service refuses us \(LockAuthError: Redis refuses us: WRONGPASS .* forged line\)/,
      ),
    ]);
  });

  it('follows the session of the lock service', () => {
    const { lines, observe } = logging();
    observe({ type: 'lock-state', provider: 'zookeeper', state: 'suspended', previous: 'connected' });
    observe({ type: 'lock-state', provider: 'zookeeper', state: 'lost', previous: 'suspended' });
    observe({ type: 'lock-state', provider: 'zookeeper', state: 'connected', previous: 'connecting' });
    observe({
      type: 'lock-state',
      provider: 'zookeeper',
      state: 'auth-failed',
      previous: 'connected',
      error: new Error('digest'),
    });
    expect(lines.map((line) => line.slice(0, 45))).toEqual(
      [
        'warn zookeeper: contact is lost; reconnecting.',
        'log zookeeper: connected again after 0 ms.',
        'warn zookeeper refuses our credentials (Error',
      ].map((line) => line.slice(0, 45)),
    );
  });
});
