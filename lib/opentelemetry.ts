export { openTelemetry, type OpenTelemetryOptions } from './observability/opentelemetry/open-telemetry.js';
export type {
  OtelAttributes,
  OtelHistogram,
  OtelInstrumentOptions,
  OtelMeter,
  OtelMeterProvider,
  OtelSpan,
  OtelSum,
  OtelTracer,
  OtelTracerProvider,
} from './observability/opentelemetry/otel-api.js';
