import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';

/** What is measured in one instance, for Prometheus to fetch. An application that starts an SDK of OpenTelemetry before Nest needs none of this: `openTelemetry()` finds it. */
export class Prometheus {
  /** Without a server of its own: `GET /metrics` is a route like the others. */
  readonly exporter = new PrometheusExporter({ preventServerStart: true });
  readonly meterProvider = new MeterProvider({ readers: [this.exporter] });
}
