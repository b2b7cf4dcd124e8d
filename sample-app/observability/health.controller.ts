import { Controller, Get, Inject } from '@nestjs/common';
import { HealthCheck, HealthCheckService, type HealthCheckResult } from '@nestjs/terminus';
import { DistributedCacheHealthIndicator } from 'nestjs-distributed-cache/terminus';

/** 200 while requests are answered, if need be without the cache; 503 when they would fail. */
@Controller('health')
export class HealthController {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(DistributedCacheHealthIndicator) private readonly cache: DistributedCacheHealthIndicator,
  ) {}

  @Get()
  @HealthCheck()
  check(): Promise<HealthCheckResult> {
    return this.health.check([() => this.cache.check('cache')]);
  }
}
