import { MeterProvider, MetricReader, type MetricData } from '@opentelemetry/sdk-metrics';

class Reader extends MetricReader {
  protected onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
  protected onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

export interface Point {
  readonly name: string;
  readonly attributes: Record<string, unknown>;
  /** Of a histogram: how many were recorded. */
  readonly value: number;
}

/** The real SDK, read when a test asks. */
export class CollectedMetrics {
  private readonly reader = new Reader();
  readonly provider = new MeterProvider({ readers: [this.reader] });

  async data(): Promise<MetricData[]> {
    const { resourceMetrics, errors } = await this.reader.collect();
    if (errors.length > 0) throw new AggregateError(errors);
    return resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
  }

  async points(): Promise<Point[]> {
    return (await this.data()).flatMap(({ descriptor: { name }, dataPoints }) =>
      dataPoints.map(({ attributes, value }) => ({
        name,
        attributes,
        value: typeof value === 'number' ? value : value.count,
      })),
    );
  }

  /** The sum of all points of a metric that have these attributes; undefined when there is none. */
  async sum(name: string, attributes: Record<string, unknown> = {}): Promise<number | undefined> {
    const wanted = Object.entries(attributes).map(([key, value]) => [`distributed_cache.${key}`, value] as const);
    const found = (await this.points()).filter(
      (point) =>
        point.name === `distributed_cache.${name}` && wanted.every(([key, value]) => point.attributes[key] === value),
    );
    return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
  }
}
