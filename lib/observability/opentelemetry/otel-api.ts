/** What of `@opentelemetry/api` is used, so that the package's types are not needed where it is not installed. */

export type OtelAttributes = Readonly<Record<string, string | boolean>>;

/** Instruments by which a sum grows: a counter, or one that can fall again. */
export interface OtelSum {
  add(value: number, attributes?: OtelAttributes): void;
}

export interface OtelHistogram {
  record(value: number, attributes?: OtelAttributes): void;
}

export interface OtelInstrumentOptions {
  description: string;
  unit: string;
  advice?: { explicitBucketBoundaries: number[] };
}

export interface OtelMeter {
  createCounter(name: string, options: OtelInstrumentOptions): OtelSum;
  createUpDownCounter(name: string, options: OtelInstrumentOptions): OtelSum;
  createHistogram(name: string, options: OtelInstrumentOptions): OtelHistogram;
}

/** Makes meters: the SDK's `MeterProvider`. */
export interface OtelMeterProvider {
  getMeter(name: string): OtelMeter;
}

/** Made and read by the library alone. */
export type OtelContext = object;

export interface OtelSpan {
  isRecording(): boolean;
  spanContext(): object;
  setAttribute(name: string, value: string | boolean): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  recordException(error: Error | string): void;
  end(): void;
}

export interface OtelTracer {
  startSpan(name: string, options: { attributes: OtelAttributes }, context: never): OtelSpan;
}

/** Makes tracers: the SDK's `TracerProvider`. */
export interface OtelTracerProvider {
  getTracer(name: string): OtelTracer;
}

/** The package as it is imported. */
export interface OtelApi {
  readonly metrics: OtelMeterProvider;
  readonly trace: OtelTracerProvider & { setSpan(context: never, span: never): OtelContext };
  readonly context: { active(): OtelContext; with<T>(context: never, work: () => T): T };
  readonly SpanStatusCode: { readonly ERROR: number };
  isSpanContextValid(context: never): boolean;
}
