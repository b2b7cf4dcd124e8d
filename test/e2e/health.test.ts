import { randomUUID } from 'node:crypto';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Controller, Get, Inject } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { DistributedCacheService, type DistributedCacheOptions } from 'nestjs-distributed-cache';
import { redisLock, redisStore } from 'nestjs-distributed-cache/redis';
import { DistributedCacheHealthIndicator, type HealthCheckOptions } from 'nestjs-distributed-cache/terminus';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { get, startApp, stopApps } from './support/app.js';

/** Nobody listens there. */
const NOWHERE = 'redis://127.0.0.1:1';

async function health(
  cache: DistributedCacheOptions,
  options?: HealthCheckOptions,
): Promise<{ url: string; ask: () => Promise<{ status: number; told: unknown }> }> {
  @Controller()
  class HealthController {
    constructor(
      @Inject(HealthCheckService) private readonly check: HealthCheckService,
      @Inject(DistributedCacheHealthIndicator) private readonly indicator: DistributedCacheHealthIndicator,
      @Inject(DistributedCacheService) private readonly service: DistributedCacheService,
    ) {}

    @Get('health')
    @HealthCheck()
    health() {
      return this.check.check([() => this.indicator.check('cache', options)]);
    }

    @Get('row')
    row() {
      return this.service.getOrLoad(['row'], () => 'row');
    }
  }
  const { url } = await startApp({
    cache,
    imports: [TerminusModule.forRoot({ logger: false })],
    controllers: [HealthController],
    providers: [DistributedCacheHealthIndicator],
  });
  const ask = async () => {
    const { status, body } = await get(`${url}/health`);
    const { details, error } = JSON.parse(body) as { details: { cache: unknown }; error: object };
    // What fails is told as an error, and nothing else is.
    expect('cache' in error).toBe(status === 503);
    return { status, told: details.cache };
  };
  return { url, ask };
}

describe('the health indicator', () => {
  const listening: { readonly server: Server; readonly sockets: Socket[] }[] = [];

  afterEach(async () => {
    await stopApps();
    for (const { server, sockets } of listening.splice(0)) {
      sockets.forEach((socket) => socket.destroy());
      server.close();
    }
  });

  it('is up with a store that answers', async () => {
    const { ask } = await health({});
    expect(await ask()).toMatchObject({
      status: 200,
      told: { status: 'up', state: 'up', store: { name: 'memory' }, lock: { name: 'in-process', state: 'connected' } },
    });
  });

  it('is up when the cache is disabled', async () => {
    const { ask } = await health({ enabled: false });
    expect(await ask()).toEqual({ status: 200, told: { status: 'up', state: 'up' } });
  });

  it.each([
    ['degraded, and passes', {}, undefined, 200, 'degraded'],
    ['degraded, and fails where that is asked for', {}, { failOn: 'degraded' }, 503, 'degraded'],
    ['down, and fails', { onStoreUnavailable: 'fail' }, undefined, 503, 'down'],
    ['down, and passes where that is asked for', { onStoreUnavailable: 'fail' }, { failOn: 'never' }, 200, 'down'],
  ] as const)('a store that is away makes it %s', async (_, policy, options, status, state) => {
    const { ask } = await health({ store: redisStore({ url: NOWHERE }), ...policy }, options);
    const answer = await ask();
    expect(answer).toMatchObject({ status, told: { state, store: { status: 'down', error: expect.any(String) } } });
    // A terminus that does not know the word `degraded` says `up`, and the rest is in the details.
    const words = status === 503 ? ['down'] : ['degraded', 'up'];
    expect((answer.told as { status: string }).status).toBeOneOf(words);
  });

  it('a lock service that is away makes it degraded, before anybody has needed a lock too', async () => {
    const store = redisStore({ url: inject('redisUrl') });
    const lock = redisLock({ url: NOWHERE });
    const { ask, url } = await health({ namespace: randomUUID(), store, lock, lockTimeoutMs: 200 });
    const error = expect.stringContaining('ECONNREFUSED') as unknown;
    expect(await ask()).toMatchObject({
      told: { state: 'degraded', store: { status: 'up' }, lock: { name: 'redis', status: 'down', error } },
    });
    expect((await get(`${url}/row`)).status).toBe(200);
    expect(await ask()).toMatchObject({
      status: 200,
      told: { state: 'degraded', store: { status: 'up' }, lock: { status: 'down', state: 'suspended', error } },
    });
  });

  it('does not hang with a store that hangs', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1');
    listening.push({ server, sockets });
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const store = redisStore({ url: `redis://127.0.0.1:${String(port)}` });
    const { ask } = await health({ store, storeTimeoutMs: 200 }, { timeoutMs: 150 });
    expect(await ask()).toMatchObject({
      status: 200,
      told: {
        state: 'degraded',
        store: { status: 'down', error: expect.stringMatching(/no answer within 150 ms|has not answered/) },
      },
    });
  });

  it('refuses options that make no sense', async () => {
    const { url } = await health({}, { failOn: 'sometimes' as never });
    expect((await get(`${url}/health`)).status).toBe(500);
  });
});
