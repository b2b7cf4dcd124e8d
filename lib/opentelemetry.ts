export { openTelemetry, type OpenTelemetryOptions } from './observability/opentelemetry/open-telemetry.js';
export type {
  OtelAttributes,
  OtelHistogram,
  OtelInstrument,
  OtelMeter,
  OtelMeterProvider,
  OtelSpan,
  OtelSum,
  OtelTracer,
  OtelTracerProvider,
} from './observability/opentelemetry/otel-api.js';
