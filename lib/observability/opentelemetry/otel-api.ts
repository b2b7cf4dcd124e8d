/** What of `@opentelemetry/api` is used, so that the package's types are not needed where it is not installed. */

/** Names and values that are told with a measurement. */
export type OtelAttributes = Readonly<Record<string, string | boolean>>;

/** Instruments by which a sum grows: a counter, or one that can fall again. */
export interface OtelSum {
  /** Adds to the sum of these attributes. */
  add(value: number, attributes?: OtelAttributes): void;
}

/** An instrument by which values are sorted into buckets. */
export interface OtelHistogram {
  /** Adds one value. */
  record(value: number, attributes?: OtelAttributes): void;
}

/** How an instrument is described to who makes it. */
export interface OtelInstrument {
  description: string;
  unit: string;
  advice?: { explicitBucketBoundaries: number[] };
}

/** Makes instruments. */
export interface OtelMeter {
  /** A sum that only grows. */
  createCounter(name: string, options: OtelInstrument): OtelSum;
  /** A sum that may fall again. */
  createUpDownCounter(name: string, options: OtelInstrument): OtelSum;
  /** Values in buckets. */
  createHistogram(name: string, options: OtelInstrument): OtelHistogram;
}

/** Makes meters: the SDK's `MeterProvider`. */
export interface OtelMeterProvider {
  /** The meter of one instrumentation scope. */
  getMeter(name: string): OtelMeter;
}

/** Made and read by the library alone. */
export type OtelContext = object;

/** A step that is being traced. */
export interface OtelSpan {
  /** Whether anybody will see it. */
  isRecording(): boolean;
  /** What tells it apart from all others. */
  spanContext(): object;
  /** Tells a fact. */
  setAttribute(name: string, value: string | boolean): unknown;
  /** Says how it ended. */
  setStatus(status: { code: number; message?: string }): unknown;
  /** Tells an error. */
  recordException(error: Error | string): void;
  /** Ends it. */
  end(): void;
}

/** Makes spans. */
export interface OtelTracer {
  /** Begins one, below that of the context. */
  startSpan(name: string, options: { attributes: OtelAttributes }, context: never): OtelSpan;
}

/** Makes tracers: the SDK's `TracerProvider`. */
export interface OtelTracerProvider {
  /** The tracer of one instrumentation scope. */
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
