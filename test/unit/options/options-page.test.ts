import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LockedCacheable } from '../../../lib/cacheable/locked-cacheable.decorator.js';
import { resolveOptions } from '../../../lib/distributed-cache.options.js';
import { redisLock } from '../../../lib/locks/redis/redis-lock.js';
import { resolveZooKeeperLockOptions } from '../../../lib/locks/zookeeper/zoo-keeper-lock-options.js';
import { OPEN_TELEMETRY_RULES, openTelemetry } from '../../../lib/observability/opentelemetry/open-telemetry.js';
import { HEALTH_CHECK_RULES } from '../../../lib/observability/terminus/distributed-cache-health-indicator.js';
import { POLICY_RULES } from '../../../lib/options/cache-policy.js';
import { INVALIDATE_RULES, LOAD_RULES, SET_RULES } from '../../../lib/options/call-options.js';
import { cacheManagerStore } from '../../../lib/stores/cache-manager-store.js';
import { memoryStore } from '../../../lib/stores/memory-store.js';
import { redisStore } from '../../../lib/stores/redis/redis-store.js';

interface Row {
  readonly name: string;
  readonly fallback: string;
  readonly accepts: string;
}

const page = readFileSync(new URL('../../../docs/options.md', import.meta.url), 'utf8');

/** The table below a heading of the page. */
function rows(heading: string): Row[] {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^\| `(\w+)` \| (.+?) \| (.+?) \| /gm)].map(
    ([, name = '', fallback = '', accepts = '']) => ({
      name,
      fallback,
      accepts,
    }),
  );
}

const names = (...headings: string[]) => headings.flatMap((heading) => rows(heading).map(({ name }) => name)).sort();

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('accepted');
}

/** What a refusal of an unknown name says of the known ones. */
const known = (take: (options: never) => unknown, before: RegExp) =>
  (before.exec(messageOf(() => take({ nonsense: 1 } as never)))?.[1] ?? '').split(/, | and /).sort();

const listed = /known are ([^.]+)\./;

/** A value as the page writes it: 60,000, `'load'`, `true`. */
function written(value: unknown): string {
  if (value === Infinity) return 'no bound';
  if (typeof value === 'number') return value.toLocaleString('en');
  return typeof value === 'string' ? `\`'${value}'\`` : `\`${String(value)}\``;
}

/** What the page must say that an option accepts, by what its refusal says. */
function acceptedBy(expected: string): string {
  const range = / from (\d+) to (\d+)/.exec(expected);
  if (range !== null)
    return range
      .slice(1)
      .map((end) => Number(end).toLocaleString('en'))
      .join(' to ');
  const words = expected.match(/'[\w-]+'/g) ?? [];
  return expected === 'true or false' ? '`true`, `false`' : words.map((word) => `\`${word}\``).join(', ');
}

const KEY = 'How a key is cached';

describe('docs/options.md', () => {
  it.each([
    ['forRoot()', [KEY, 'The module'], known(resolveOptions as never, listed)],
    ['@LockedCacheable()', [KEY, '`@LockedCacheable()`'], known(LockedCacheable, listed)],
    ['getOrLoad()', [KEY, '`getOrLoad()`'], Object.keys(LOAD_RULES).sort()],
    ['set()', ['`set()`'], Object.keys(SET_RULES).sort()],
    ['invalidate()', ['`invalidate()`'], Object.keys(INVALIDATE_RULES).sort()],
    ['outbox', ['`outbox`'], known((options: never) => resolveOptions({ outbox: options }), listed)],
    ['zooKeeperLock()', ['`zooKeeperLock()`'], known(resolveZooKeeperLockOptions as never, /expected only ([^.]+)\./)],
    ['openTelemetry()', ['`openTelemetry()`'], known(openTelemetry, listed)],
    ['check()', ['`check()` of the health indicator'], Object.keys(HEALTH_CHECK_RULES).sort()],
    ['memoryStore()', ['`memoryStore()`'], known(memoryStore, /it knows ([^.]+)\./)],
    ['cacheManagerStore()', ['`cacheManagerStore()`'], known(cacheManagerStore, /it knows ([^.]+)\./)],
  ])('lists the options of %s, and nothing else', (_, headings, expected) => {
    expect(names(...headings)).toEqual(expected);
  });

  it('lists the options of what takes a URL or a client', () => {
    expect(messageOf(() => redisStore({ nonsense: 1 } as never))).toContain('{ url } or { client }');
    expect(names('`redisStore()`')).toEqual(['client', 'url']);
    expect(messageOf(() => redisLock({ nonsense: 1 } as never))).toContain('`url`, `client` and `ttlMs`');
    expect(names('`redisLock()`')).toEqual(['client', 'ttlMs', 'url']);
  });

  it('gives the defaults of the module', () => {
    const { policy, ...options } = resolveOptions();
    const { waitMs, softLoadTimeoutMs, ...defaults }: Record<string, unknown> = { ...options, ...policy };
    const told = rows(KEY).concat(rows('The module'));
    const simple = told.filter(({ name }) => ['number', 'string', 'boolean'].includes(typeof defaults[name]));
    expect(simple.length).toBeGreaterThan(20);
    for (const { name, fallback } of simple) expect(`${name} ${fallback}`).toBe(`${name} ${written(defaults[name])}`);
    expect([waitMs, softLoadTimeoutMs]).toEqual([policy.loadTimeoutMs, policy.loadTimeoutMs]);
    for (const name of ['waitMs', 'softLoadTimeoutMs'])
      expect(told).toContainEqual(expect.objectContaining({ name, fallback: '`loadTimeoutMs`' }));
  });

  it('gives the bounds and words of the module', () => {
    const told = rows(KEY).concat(rows('The module'));
    const expected = (name: string) =>
      new RegExp(`${name}: expected (.*?), got`).exec(
        messageOf(() => resolveOptions({ [name]: Symbol('nonsense') })),
      )?.[1] ?? '';
    const bounded = told.filter(({ name }) => / from \d|^one of|^true or/.test(expected(name)));
    expect(bounded.length).toBeGreaterThan(Object.keys(POLICY_RULES).length);
    for (const { name, accepts } of bounded)
      expect(`${name} ${accepts}`).toContain(`${name} ${acceptedBy(expected(name))}`);
  });

  it('gives the defaults and bounds of zooKeeperLock()', () => {
    const defaults = resolveZooKeeperLockOptions() as unknown as Record<string, unknown>;
    const simple = rows('`zooKeeperLock()`').filter(({ name }) => defaults[name] !== undefined);
    expect(simple).toHaveLength(6);
    for (const { name, fallback, accepts } of simple) {
      expect(`${name} ${fallback}`).toBe(`${name} ${written(defaults[name])}`);
      const { 1: expected = '' } =
        /must be (.*?), but got/.exec(messageOf(() => resolveZooKeeperLockOptions({ [name]: 'x' }))) ?? [];
      if (/ from \d|^true or/.test(expected)) expect(`${name} ${accepts}`).toContain(acceptedBy(expected));
    }
  });

  it.each([
    ['`openTelemetry()`', OPEN_TELEMETRY_RULES],
    ['`check()` of the health indicator', HEALTH_CHECK_RULES],
  ])('gives the bounds and words of %s', (heading, rules) => {
    const told = rows(heading);
    for (const [name, { expected }] of Object.entries(rules).filter(
      ([, { expected }]) => !expected.includes('of OpenTelemetry'),
    ))
      expect({ name, ...told.find((row) => row.name === name) }).toMatchObject({ name, accepts: acceptedBy(expected) });
  });

  it.each([
    ['`outbox`', 'intervalMs', (outbox: object) => resolveOptions({ outbox })],
    ['`outbox`', 'batchSize', (outbox: object) => resolveOptions({ outbox })],
    ['`memoryStore()`', 'maxEntries', (options: object) => memoryStore(options)],
    ['`memoryStore()`', 'maxBytes', (options: object) => memoryStore(options)],
    ['`redisLock()`', 'ttlMs', (options: object) => redisLock({ url: 'redis://127.0.0.1', ...options })],
  ])('%s: %s has the bounds that it is refused beyond', (heading, name, take) => {
    const { accepts } = rows(heading).find((row) => row.name === name) ?? { accepts: '' };
    const [min = 0, max = 0] = accepts.split(' to ').map((end) => Number(end.replaceAll(',', '')));
    for (const value of [min, max]) expect(() => take({ [name]: value })).not.toThrow();
    for (const value of [min - 1, max + 1]) expect(() => take({ [name]: value })).toThrow();
  });
});
