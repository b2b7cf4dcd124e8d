import * as api from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ClassRegistry } from '../../../lib/codec/class-registry.js';
import { TaggedJsonCodec } from '../../../lib/codec/tagged-json-codec.js';
import { PROBE_KEY } from '../../../lib/core/circuit-breaker.js';
import type { Loader } from '../../../lib/core/load-request.js';
import type { ReadThroughParts } from '../../../lib/core/assembly.js';
import type { VersionedStore } from '../../../lib/core/versioned-store.js';
import { AttributeSets } from '../../../lib/observability/opentelemetry/attribute-sets.js';
import { OtelCacheTracer } from '../../../lib/observability/opentelemetry/otel-cache-tracer.js';
import { TracedLockProvider } from '../../../lib/observability/tracing/traced-lock-provider.js';
import { TracedReadThrough } from '../../../lib/observability/tracing/traced-read-through.js';
import { TracedVersionedStore } from '../../../lib/observability/tracing/traced-versioned-store.js';
import { InProcessLockProvider } from '../../../lib/locks/in-process-lock-provider.js';
import { InProcessLockTable } from '../../../lib/locks/in-process-lock-table.js';
import { InProcessVersionedStore } from '../../../lib/stores/in-process-versioned-store.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';
import { POLICY } from '../../support/fleet.js';
import { Gate } from '../../support/gate.js';
import { StagedStore } from '../../support/staged-store.js';
import { TellingStore } from '../../support/telling-store.js';

const spans = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });

/** Caches of one fleet, traced. */
class TracedFleet {
  readonly clock = new ManualClock();
  readonly store = new StagedStore(new InProcessVersionedStore({ clock: this.clock, maxEntries: 100 }));
  private readonly table = new InProcessLockTable();

  cache(tracer = provider.getTracer('test'), keysInSpans = false): TracedReadThrough {
    const { clock, store, table } = this;
    const parts: ReadThroughParts = {
      store,
      locks: new InProcessLockProvider({ clock, table }),
      codec: new TaggedJsonCodec(new ClassRegistry()),
      clock,
      observer: { observe: () => undefined },
      storeTimeoutMs: 1_000,
      lockTimeoutMs: 3_000,
      floorMs: 60_000,
      maxKeysPerTag: 1_000,
      refreshOnChange: false,
    };
    return new TracedReadThrough(parts, new OtelCacheTracer(api, tracer, new AttributeSets('shop', 5), keysInSpans));
  }
}

/** Steps that a store may leave out. */
type OptionalSteps = {
  [Step in keyof VersionedStore]-?: undefined extends VersionedStore[Step] ? Step : never;
}[keyof VersionedStore];

const cacheTracer = () => new OtelCacheTracer(api, provider.getTracer('test'), new AttributeSets('shop', 0), false);

const request = (loader: Loader<unknown>, more: Partial<typeof POLICY> = {}) => ({
  key: 'product:#42',
  loader,
  policy: { ...POLICY, ...more },
});

/** Each span as `parent > name`, in the order in which they ended. */
function tree(): string[] {
  const finished = spans.getFinishedSpans();
  const nameOf = (id: string | undefined) => finished.find((span) => span.spanContext().spanId === id)?.name ?? '-';
  return finished.map((span) => `${nameOf(span.parentSpanContext?.spanId)} > ${span.name}`);
}

function named(name: string): ReadableSpan {
  const found = spans.getFinishedSpans().find((span) => span.name === name);
  if (found === undefined) throw new Error(`There is no span "${name}"`);
  return found;
}

describe('spans', () => {
  beforeAll(() => {
    api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  });
  afterAll(() => {
    api.context.disable();
  });
  beforeEach(() => {
    spans.reset();
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('stand below the active span, and the loader runs in the span of its load', async () => {
    const cache = new TracedFleet().cache();
    const tracer = provider.getTracer('application');
    await tracer.startActiveSpan('request', async (span) => {
      await cache.getOrLoad(
        request(async () => {
          await Promise.resolve();
          tracer.startSpan('query').end();
          return 'row';
        }),
      );
      span.end();
    });
    expect(tree()).toEqual([
      'cache getOrLoad > cache lock',
      'cache load > query',
      'cache getOrLoad > cache load',
      'cache getOrLoad > cache fill',
      'request > cache getOrLoad',
      '- > request',
    ]);
    expect(named('cache getOrLoad').attributes).toEqual({
      'distributed_cache.namespace': 'shop',
      'distributed_cache.key.name': 'product',
      'distributed_cache.request.outcome': 'miss',
    });
    expect(named('cache lock').attributes).toMatchObject({ 'distributed_cache.lock.outcome': 'acquired' });
    expect(named('cache fill').attributes).toMatchObject({ 'distributed_cache.fill.outcome': 'stored' });
  });

  it('of a hit are one', async () => {
    const cache = new TracedFleet().cache();
    await cache.getOrLoad(request(() => 'row'));
    spans.reset();
    await cache.getOrLoad(request(() => 'row'));
    expect(tree()).toEqual(['- > cache getOrLoad']);
    expect(named('cache getOrLoad').attributes).toMatchObject({ 'distributed_cache.request.outcome': 'hit' });
  });

  it('of a caller that waits for another process tell the wait and how it ended', async () => {
    const fleet = new TracedFleet();
    const [one, two] = [fleet.cache(), fleet.cache()];
    const gate = new Gate();
    const first = one.getOrLoad(request(() => gate.pass().then(() => 'row')));
    await gate.arrived;
    const second = provider.getTracer('application').startActiveSpan('waiter', async (span) => {
      const answer = await two.getOrLoad(request(() => 'never'));
      span.end();
      return answer;
    });
    await vi.waitFor(() => expect(tree()).toContain('- > cache lock'), 30_000);
    await vi.waitFor(
      () => expect(spans.getFinishedSpans().filter(({ name }) => name === 'cache lock')).toHaveLength(2),
      30_000,
    );
    gate.open();
    expect(await Promise.all([first, second])).toMatchObject([{ outcome: 'MISS' }, { outcome: 'WAITED' }]);
    expect(named('cache wait').attributes).toMatchObject({ 'distributed_cache.wait.reason': 'released' });
    const waiter = named('waiter').spanContext().traceId;
    expect(
      spans
        .getFinishedSpans()
        .filter((span) => span.spanContext().traceId === waiter)
        .map(({ name }) => name),
    ).toEqual(['cache lock', 'cache wait', 'cache getOrLoad', 'waiter']);
  });

  it('of what failed say so, and the error comes out untouched', async () => {
    const cache = new TracedFleet().cache();
    const error = new TypeError('no row');
    await expect(cache.getOrLoad(request(() => Promise.reject(error)))).rejects.toBe(error);
    for (const name of ['cache load', 'cache getOrLoad']) {
      expect(named(name)).toMatchObject({
        attributes: { 'error.type': 'TypeError' },
        status: { code: api.SpanStatusCode.ERROR, message: 'TypeError: no row' },
        events: [{ name: 'exception' }],
      });
    }
  });

  it('of a fill that was refused tell the reason', async () => {
    const fleet = new TracedFleet();
    const [cache, other] = [fleet.cache(), fleet.cache()];
    await cache.getOrLoad(
      request(async () => {
        await other.invalidate('product:#42');
        return 'old';
      }),
    );
    expect(named('cache fill').attributes).toMatchObject({
      'distributed_cache.fill.outcome': 'superseded',
      'distributed_cache.fill.reason': 'invalidated',
    });
    expect(tree()).toContain('cache load > cache invalidate');
  });

  it('tell the key only when they are told to', async () => {
    await new TracedFleet().cache().getOrLoad(request(() => 'row'));
    expect(JSON.stringify(spans.getFinishedSpans().map(({ attributes, name }) => [attributes, name]))).not.toContain(
      '42',
    );
    await new TracedFleet().cache(undefined, true).getOrLoad(request(() => 'row'));
    expect(spans.getFinishedSpans().at(-1)?.attributes).toMatchObject({ 'distributed_cache.key': 'product:#42' });
  });

  it('that are not sampled still carry the decision to what the loader calls', async () => {
    const off = new BasicTracerProvider({ sampler: new AlwaysOffSampler() });
    let active: api.SpanContext | undefined;
    await new TracedFleet().cache(off.getTracer('test')).getOrLoad(
      request(() => {
        active = api.trace.getActiveSpan()?.spanContext();
        return 'row';
      }),
    );
    expect(active).toMatchObject({ traceFlags: api.TraceFlags.NONE });
    expect(tree()).toEqual([]);
  });

  it('cost no context while no SDK is registered', async () => {
    const cache = new TracedFleet().cache(api.trace.getTracer('nobody'));
    const entered = vi.spyOn(api.context, 'with');
    expect(await cache.getOrLoad(request(() => 'row'))).toEqual({ value: 'row', outcome: 'MISS' });
    expect(await cache.getOrLoad(request(() => 'row'))).toEqual({ value: 'row', outcome: 'HIT' });
    expect(entered).not.toHaveBeenCalled();
  });

  it('are not made of the probes of a breaker', async () => {
    const locks = new TracedLockProvider(new InProcessLockProvider(), cacheTracer());
    expect(await locks.tryAcquire(PROBE_KEY, { timeoutMs: 1 })).toMatchObject({ acquired: true });
    expect(tree()).toEqual([]);
    expect(await locks.tryAcquire('k', { timeoutMs: 1 })).toMatchObject({ acquired: true });
    expect(tree()).toEqual(['- > cache lock']);
  });

  it('leave store and lock provider what they are', async () => {
    const fleet = new TracedFleet();
    const cache = fleet.cache();
    const version = { kind: 'version', order: 1n };
    await cache.getOrLoad({ ...request(() => 'row'), versionOf: () => version, tagsOf: () => ['a'] });
    expect(await cache.get('product:#42')).toBe('row');
    await cache.announceTags([{ tag: 'a' }]);
    expect(await cache.get('product:#42')).toBeUndefined();
    expect(await cache.set('product:#42', { value: 'new', version, lifetime: { ttlMs: 1, keepStaleMs: 0 } })).toBe(
      'invalidated',
    );
    await expect(cache.getOrLoad(request(() => Promise.reject(new Error('x'))))).rejects.toThrow('x');
    await cache.clear();
    expect(new Set(fleet.store.steps)).toEqual(
      new Set(['read', 'begin', 'register', 'fill', 'announce', 'invalidate', 'set', 'mark', 'clear']),
    );
    await cache.close();
  });

  it('pass on what a store may do beside, and add nothing to one that cannot', async () => {
    const told: string[] = [];
    const able = new TellingStore({ clock: new ManualClock(), maxEntries: 1 });
    able.connectionError = () => new Error('away');
    const traced = new TracedVersionedStore(able, cacheTracer());
    await traced.begin('k', { lease: 'L', leaseMs: 10_000, loadingMs: 1 });
    const listener = traced.listen?.('k', () => void told.push('ended'));
    const optional: Record<OptionalSteps, unknown> = {
      renew: await traced.renew?.('k', 'L', 6_000),
      listen: listener?.live,
      connectionError: traced.connectionError?.(),
    };
    expect(optional).toEqual({ renew: true, listen: true, connectionError: new Error('away') });
    await traced.mark('k', 'L', { id: 'm', kind: 'unstored' }, 0);
    expect(told).toEqual(['ended']);
    listener?.stop();
    expect(able.listened).toBe(0);

    class Plain extends StagedStore {}
    Object.assign(Plain.prototype, { renew: undefined, listen: undefined });
    const plain = new TracedVersionedStore(new Plain(able), cacheTracer());
    expect([plain.renew, plain.listen, plain.connectionError]).toEqual([undefined, undefined, undefined]);
  });

  it('pass on what a lock provider may do beside, and add nothing to one that cannot', async () => {
    const asked: number[] = [];
    const able = Object.assign(new InProcessLockProvider(), {
      check: ({ timeoutMs }: { readonly timeoutMs: number }) => Promise.resolve(void asked.push(timeoutMs)),
    });
    await new TracedLockProvider(able, cacheTracer()).check?.({ timeoutMs: 7 });
    expect(asked).toEqual([7]);
    expect(new TracedLockProvider(new InProcessLockProvider(), cacheTracer()).check).toBeUndefined();
  });
});
