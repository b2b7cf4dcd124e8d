import { describe, expect, it } from 'vitest';
import type { CacheEvent } from '../../../lib/core/cache-event.js';
import { AttributeSets } from '../../../lib/observability/opentelemetry/attribute-sets.js';
import { MetricsObserver } from '../../../lib/observability/opentelemetry/metrics-observer.js';
import { CollectedMetrics } from '../../support/collected-metrics.js';
import { EVERY_EVENT } from '../../support/every-event.js';

function measuring(maxKeyNames = 0): { metrics: CollectedMetrics; observe: (event: CacheEvent) => void } {
  const metrics = new CollectedMetrics();
  const observer = new MetricsObserver(metrics.provider.getMeter('test'), new AttributeSets('shop', maxKeyNames));
  return { metrics, observe: (event) => observer.observe(event) };
}

describe('MetricsObserver', () => {
  it.each(Object.values(EVERY_EVENT).map((event) => [event.type, event] as const))('measures %s', async (_, event) => {
    const { metrics, observe } = measuring();
    const before = await metrics.points();
    observe(event);
    expect(await metrics.points()).not.toEqual(before);
  });

  it('tells how reads were answered', async () => {
    const { metrics, observe } = measuring();
    for (const type of ['hit', 'hit', 'miss', 'bypassed', 'stale-hit'] as const) observe(EVERY_EVENT[type]);
    observe({ type: 'stale-hit', key: 'k', because: 'load-failed' });
    const outcomes = ['hit', 'miss', 'stale', 'bypass'].map((outcome) =>
      metrics.sum('requests', { 'request.outcome': outcome }),
    );
    expect(await Promise.all(outcomes)).toEqual([2, 1, 1, 1]);
    // It was a miss before: a request is counted once.
    expect(await metrics.sum('request.stale_fallbacks', { 'stale.reason': 'load-failed' })).toBe(1);
  });

  it('tells of loads, by lock, and of what became of their values, with the reason', async () => {
    const { metrics, observe } = measuring();
    observe({ type: 'load-started', key: 'k', under: 'lock' });
    observe({ type: 'load-started', key: 'k', under: 'none', because: 'wait-ran-out' });
    observe({ type: 'load-finished', key: 'k', loadMs: 1_500 });
    observe({ type: 'load-failed', key: 'k', loadMs: 1, error: new TypeError('x') });
    observe(EVERY_EVENT.stored);
    observe({ type: 'superseded', key: 'k', reason: 'older' });
    observe({ type: 'not-stored', key: 'k', reason: 'tag-full' });
    expect(await metrics.sum('loads', { 'load.under': 'lock' })).toBe(1);
    expect(await metrics.sum('loads', { 'load.under': 'none' })).toBe(1);
    expect(await metrics.sum('fills', { 'fill.outcome': 'superseded', 'fill.reason': 'older' })).toBe(1);
    expect(await metrics.sum('fills', { 'fill.outcome': 'not-stored', 'fill.reason': 'tag-full' })).toBe(1);
    expect(await metrics.sum('fills', { 'fill.outcome': 'stored' })).toBe(1);
    const points = (await metrics.points()).filter(({ name }) => name === 'distributed_cache.load.duration');
    expect(points.map(({ attributes }) => attributes['error.type'])).toEqual([undefined, 'TypeError']);
  });

  it('records seconds and bytes in buckets that suit them', async () => {
    const { metrics, observe } = measuring();
    observe({ type: 'load-finished', key: 'k', loadMs: 1_500 });
    observe({ type: 'stored', key: 'k', bytes: 2_000 });
    const histograms = Object.fromEntries(
      (await metrics.data()).map(({ descriptor, dataPoints }) => [descriptor.name, { descriptor, dataPoints }]),
    );
    const load = histograms['distributed_cache.load.duration'];
    const size = histograms['distributed_cache.fill.size'];
    expect(load?.descriptor.unit).toBe('s');
    expect(load?.dataPoints[0]?.value).toMatchObject({
      sum: 1.5,
      buckets: { boundaries: expect.arrayContaining([0.001, 1, 60]) },
    });
    expect(size?.descriptor.unit).toBe('By');
    expect(size?.dataPoints[0]?.value).toMatchObject({
      sum: 2_000,
      buckets: { boundaries: expect.arrayContaining([1_024]) },
    });
  });

  it('shows the state that the lock service is in as the only 1', async () => {
    const { metrics, observe } = measuring();
    const states = ['connecting', 'connected', 'suspended', 'connected'] as const;
    for (const state of states) observe({ type: 'lock-state', provider: 'zookeeper', state, previous: 'idle' });
    const points = (await metrics.points()).filter(({ name }) => name === 'distributed_cache.lock.status');
    expect(
      Object.fromEntries(points.map(({ attributes, value }) => [attributes['distributed_cache.lock.state'], value])),
    ).toEqual({ connecting: 0, connected: 1, suspended: 0 });
  });

  it('shows the state that each breaker is in as the only 1', async () => {
    const { metrics, observe } = measuring();
    observe({ type: 'breaker-changed', server: 'store', state: 'open', previous: 'closed' });
    observe({ type: 'breaker-changed', server: 'lock', state: 'open', previous: 'closed' });
    observe({ type: 'breaker-changed', server: 'store', state: 'half-open', previous: 'open' });
    observe({ type: 'breaker-changed', server: 'store', state: 'closed', previous: 'half-open' });
    const of = (server: string, state: string) =>
      metrics.sum('breaker.status', { 'breaker.server': server, 'breaker.state': state });
    expect(await Promise.all([of('store', 'open'), of('store', 'half-open'), of('store', 'closed')])).toEqual([
      0, 0, 1,
    ]);
    expect(await of('lock', 'open')).toBe(1);
  });

  it('tells how many announcements are kept now, and none when all are made', async () => {
    const { metrics, observe } = measuring();
    const unsent = (keys: number, tags: number, everything = false) => ({ keys, tags, everything });
    const kept = (now: ReturnType<typeof unsent>): CacheEvent => ({
      type: 'announcement-failed',
      ...unsent(1, 0),
      unsent: now,
      error: new Error('x'),
    });
    observe(kept(unsent(1, 0)));
    observe(kept(unsent(1, 2)));
    expect(await metrics.sum('unsent_announcements')).toBe(3);
    observe({ type: 'announcements-refused', unsent: unsent(1, 2), error: new Error('x') });
    expect(await metrics.sum('announcements', { 'announcement.outcome': 'refused' })).toBe(3);
    expect(await metrics.sum('unsent_announcements')).toBe(3);
    observe({ type: 'announcement-made-up', ...unsent(1, 0), unsent: unsent(0, 2) });
    expect(await metrics.sum('unsent_announcements')).toBe(2);
    observe(kept(unsent(0, 0, true)));
    expect(await metrics.sum('unsent_announcements')).toBe(1);
    observe({ type: 'announcement-made-up', ...unsent(0, 2, true), unsent: unsent(0, 0) });
    expect(await metrics.sum('unsent_announcements')).toBe(0);
  });

  it('begins at zero with what is alarming when it happens first', async () => {
    const { metrics } = measuring();
    for (const name of [
      'lock.losses',
      'superseded_loads',
      'version_regressions',
      'announcements',
      'wait.timeouts',
      'shed_loads',
    ])
      expect({ name, sum: await metrics.sum(name) }).toEqual({ name, sum: 0 });
  });

  it('is called as the semantic conventions say', async () => {
    const { metrics, observe } = measuring(5);
    for (const event of Object.values(EVERY_EVENT)) observe(event);
    for (const { descriptor, dataPoints } of await metrics.data()) {
      expect(descriptor.name).toMatch(/^distributed_cache(\.[a-z]+(_[a-z]+)*)+$/);
      expect(descriptor.name).not.toMatch(/total$|_seconds|_ms/);
      expect(descriptor.unit).toMatch(/^(\{[a-z]+\}|s|By|1)$/);
      expect(descriptor.name.endsWith('.duration')).toBe(descriptor.unit === 's');
      expect(descriptor.description).not.toBe('');
      for (const { attributes } of dataPoints) {
        expect(attributes['distributed_cache.namespace']).toBe('shop');
        for (const name of Object.keys(attributes))
          expect(name).toMatch(/^(error\.type|distributed_cache(\.[a-z]+(_[a-z]+)*)+)$/);
      }
    }
  });

  it('makes no more series, whatever keys, errors and reasons there are', async () => {
    const { metrics, observe } = measuring(10);
    class Named extends Error {
      constructor(override readonly name: string) {
        super('x');
      }
    }
    for (let n = 0; n < 3_000; n++) {
      for (const event of Object.values(EVERY_EVENT))
        observe('key' in event ? { ...event, key: `kind${n}:#1` } : event);
      observe({ type: 'load-failed', key: 'one:#1', loadMs: 1, error: new Named(`E${n}`) });
      observe({ type: 'load-failed', key: 'one:#1', loadMs: 1, error: new Named(`no name ${'x'.repeat(n)}`) });
      observe({ type: 'bypassed', reason: `because ${n}` });
    }
    const all = await metrics.points();
    for (const name of new Set(all.map((point) => point.name))) {
      const points = all.filter((point) => point.name === name);
      const keyNames = new Set(points.map(({ attributes }) => attributes['distributed_cache.key.name']));
      expect({ name, keyNames: keyNames.size <= 12 }).toEqual({ name, keyNames: true });
      expect({ name, series: points.length <= 100 }).toEqual({ name, series: true });
    }
    expect(new Set(all.map(({ attributes }) => attributes['error.type']))).toContain('_OTHER');
  });

  it('tells no key, and with maxKeyNames the first parts only', async () => {
    const secret = 'user:"ann@example.org"';
    for (const [maxKeyNames, expected] of [
      [0, undefined],
      [5, 'user'],
    ] as const) {
      const { metrics, observe } = measuring(maxKeyNames);
      observe({ type: 'miss', key: secret });
      observe({ type: 'miss', key: '"no simple text":#1' });
      const points = (await metrics.points()).filter(
        ({ name, value }) => name === 'distributed_cache.requests' && value > 0,
      );
      expect(JSON.stringify(points)).not.toContain('example.org');
      const names = points.map(({ attributes }) => attributes['distributed_cache.key.name']);
      expect(names).toEqual(expected === undefined ? [undefined] : [expected, '_OTHER']);
    }
  });
});
