import * as api from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';
import { openTelemetry, openTelemetryWith } from '../../../lib/observability/opentelemetry/open-telemetry.js';
import { CollectedMetrics } from '../../support/collected-metrics.js';
import { EVERY_EVENT } from '../../support/every-event.js';

const context = { namespace: 'shop' };

describe('openTelemetry()', () => {
  it('measures and traces, or one of the two', async () => {
    expect(Object.keys(await openTelemetry().createTelemetry(context)).sort()).toEqual(['observer', 'tracer']);
    expect(Object.keys(await openTelemetry({ traces: false }).createTelemetry(context))).toEqual(['observer']);
    expect(Object.keys(await openTelemetry({ metrics: false }).createTelemetry(context))).toEqual(['tracer']);
  });

  it('measures where it is told to', async () => {
    const metrics = new CollectedMetrics();
    const { observer } = await openTelemetry({ meterProvider: metrics.provider }).createTelemetry(context);
    observer?.observe(EVERY_EVENT.hit);
    expect(await metrics.sum('requests', { namespace: 'shop', 'request.outcome': 'hit' })).toBe(1);
  });

  it('says what to do where its package is missing', async () => {
    const missing = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
    const telemetry = openTelemetryWith(() => Promise.reject(missing), {}).createTelemetry(context);
    await expect(telemetry).rejects.toThrow('npm install @opentelemetry/api');
  });

  it('leaves other errors as they are', async () => {
    const broken = new Error('broken');
    await expect(openTelemetryWith(() => Promise.reject(broken), {}).createTelemetry(context)).rejects.toBe(broken);
  });

  it.each([
    [{ maxKeyNames: -1 }, 'maxKeyNames: expected a whole number of names from 0 to 1000'],
    [{ meterProvider: {} }, 'meterProvider: expected a MeterProvider of OpenTelemetry'],
    [{ tracerProvider: null }, 'tracerProvider: expected a TracerProvider of OpenTelemetry'],
    [{ keyNames: 5 }, 'Did you mean maxKeyNames?'],
  ])('refuses %o', (options, message) => {
    expect(() => openTelemetry(options as never)).toThrow(message);
  });

  it('takes the real package', async () => {
    const { tracer } = await openTelemetryWith(() => Promise.resolve(api), {}).createTelemetry(context);
    expect(
      await tracer?.step(
        'load',
        'k',
        () => Promise.resolve(1),
        () => ({}),
      ),
    ).toBe(1);
  });
});
