import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { Controller, Get } from '@nestjs/common';
import { LockedCacheable, type CacheTelemetryFactory, type TracedStep } from 'nestjs-distributed-cache';
import { openTelemetry } from 'nestjs-distributed-cache/opentelemetry';
import { afterEach, describe, expect, it } from 'vitest';
import { get, refusal, startApp, stopApps } from './support/app.js';

@Controller()
class RowController {
  @Get('row')
  @LockedCacheable({ key: () => ['row', 1] })
  row(): string {
    return 'row';
  }
}

describe('telemetry', () => {
  afterEach(stopApps);

  it('of OpenTelemetry measures what decorated routes do', async () => {
    const reader = new PrometheusExporter({ preventServerStart: true });
    const telemetry = openTelemetry({ meterProvider: new MeterProvider({ readers: [reader] }), maxKeyNames: 5 });
    const { url } = await startApp({ cache: { telemetry }, controllers: [RowController] });
    expect((await get(`${url}/row`)).cache).toBe('MISS');
    expect((await get(`${url}/row`)).cache).toBe('HIT');
    const { resourceMetrics } = await reader.collect();
    const [requests] = resourceMetrics.scopeMetrics[0]?.metrics ?? [];
    const outcomes = requests?.dataPoints
      .filter(({ attributes }) => attributes['distributed_cache.key.name'] === 'row')
      .map(({ attributes, value }) => [attributes['distributed_cache.request.outcome'], value]);
    expect(outcomes).toEqual([
      ['miss', 1],
      ['hit', 1],
    ]);
  });

  it('of OpenTelemetry measures what passes a disabled cache by', async () => {
    const reader = new PrometheusExporter({ preventServerStart: true });
    const telemetry = openTelemetry({ meterProvider: new MeterProvider({ readers: [reader] }) });
    const { url } = await startApp({ cache: { telemetry, enabled: false }, controllers: [RowController] });
    expect((await get(`${url}/row`)).cache).toBe('BYPASS');
    const { resourceMetrics } = await reader.collect();
    const points = resourceMetrics.scopeMetrics[0]?.metrics[0]?.dataPoints ?? [];
    expect(points.filter(({ value }) => value === 1).map(({ attributes }) => attributes)).toMatchObject([
      { 'distributed_cache.request.outcome': 'bypass', 'distributed_cache.bypass.reason': 'disabled' },
    ]);
  });

  it('of your own hears events and runs steps', async () => {
    const heard: string[] = [];
    const steps: TracedStep[] = [];
    const telemetry: CacheTelemetryFactory = {
      createTelemetry: ({ namespace }) => ({
        observer: { observe: ({ type }) => void heard.push(`${namespace} ${type}`) },
        tracer: {
          step: (step, _key, work) => {
            steps.push(step);
            return work();
          },
        },
      }),
    };
    const { url } = await startApp({ cache: { telemetry }, controllers: [RowController] });
    expect((await get(`${url}/row`)).body).toBe('row');
    expect(steps).toEqual(['getOrLoad', 'lock', 'load', 'fill']);
    expect(heard).toContain('e2e stored');
  });

  it('that cannot be built keeps the application from starting', async () => {
    const telemetry: CacheTelemetryFactory = {
      createTelemetry: () => Promise.reject(new Error('nothing to listen with')),
    };
    expect(await refusal(startApp({ cache: { telemetry } }))).toContain('nothing to listen with');
    const wrong = startApp({ cache: { telemetry: openTelemetry as never } });
    expect(await refusal(wrong)).toContain('Call it: telemetry: openTelemetry().');
  });
});
