import { InvalidOptionsError } from '../../core/errors.js';
import type { CacheTelemetry, CacheTelemetryFactory } from '../../core/telemetry.js';
import { checkOptions, trueOrFalse, wholeNumber, type OptionRule } from '../../options/option-rules.js';
import { AttributeSets } from './attribute-sets.js';
import { MetricsObserver } from './metrics-observer.js';
import type { OtelApi, OtelMeterProvider, OtelTracerProvider } from './otel-api.js';
import { OtelCacheTracer } from './otel-cache-tracer.js';

/** The instrumentation scope of all metrics and spans. */
const SCOPE = 'nestjs-distributed-cache';

/** What `openTelemetry()` takes. All of it may be left out. */
export interface OpenTelemetryOptions {
  /** Whether events are measured. Default true. */
  readonly metrics?: boolean;
  /** Whether `getOrLoad`, locks, waits, loads, fills and invalidations are spans. Default true. */
  readonly traces?: boolean;
  /**
   * So many names of keys are told apart in metrics and spans, by the attribute `distributed_cache.key.name`: the first part of a key, where it is a short text (`product` of `['product', id]`). Names beyond
   * that are `_OTHER`. For applications whose keys begin with one of few words: each name multiplies the series. 0 to 1,000. Default 0: no such attribute.
   */
  readonly maxKeyNames?: number;
  /** Whether spans tell the whole key, as `distributed_cache.key`. It may hold what is personal. Metrics never do. Default false. */
  readonly keysInSpans?: boolean;
  /** Where metrics go. Default: the meter provider that is registered when the application starts. */
  readonly meterProvider?: OtelMeterProvider;
  /** Where spans go. Default: the tracer provider that is registered. */
  readonly tracerProvider?: OtelTracerProvider;
}

const providerWith = (method: string, what: string): OptionRule => ({
  expected: `a ${what} of OpenTelemetry`,
  cure: 'Pass the one of your SDK, or leave it out to have the one that is registered.',
  accepts: (value) => typeof (value as Record<string, unknown> | null)?.[method] === 'function',
});

/** Exported for the tests of the options' page. */
export const OPEN_TELEMETRY_RULES = {
  metrics: trueOrFalse,
  traces: trueOrFalse,
  maxKeyNames: wholeNumber('names', 0, 1_000),
  keysInSpans: trueOrFalse,
  meterProvider: providerWith('getMeter', 'MeterProvider'),
  tracerProvider: providerWith('getTracer', 'TracerProvider'),
} satisfies Record<keyof OpenTelemetryOptions, OptionRule>;

/**
 * Metrics and spans by OpenTelemetry, for the module's option `telemetry`. Needs `@opentelemetry/api`, which is loaded when the application starts; without a registered SDK it does nothing.
 *
 * @throws InvalidOptionsError for options that make no sense
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): CacheTelemetryFactory {
  return openTelemetryWith(() => import('@opentelemetry/api'), options);
}

/** @param load for tests: gets the package */
export function openTelemetryWith(load: () => Promise<OtelApi>, options: OpenTelemetryOptions): CacheTelemetryFactory {
  checkOptions('openTelemetry() options', options, OPEN_TELEMETRY_RULES);
  const { metrics = true, traces = true, maxKeyNames = 0, keysInSpans = false } = options;
  return {
    async createTelemetry({ namespace }): Promise<CacheTelemetry> {
      const api = await load().catch((error: unknown) => {
        throw notInstalled(error);
      });
      const meter = (options.meterProvider ?? api.metrics).getMeter(SCOPE);
      const tracer = (options.tracerProvider ?? api.trace).getTracer(SCOPE);
      const attributes = new AttributeSets(namespace, maxKeyNames);
      return {
        ...(metrics && { observer: new MetricsObserver(meter, attributes) }),
        ...(traces && { tracer: new OtelCacheTracer(api, tracer, attributes, keysInSpans) }),
      };
    },
  };
}

function notInstalled(cause: unknown): unknown {
  if ((cause as { code?: unknown } | null)?.code !== 'ERR_MODULE_NOT_FOUND') return cause;
  return new InvalidOptionsError(
    'openTelemetry(): expected the package @opentelemetry/api to be installed. Run `npm install @opentelemetry/api`.',
  );
}
