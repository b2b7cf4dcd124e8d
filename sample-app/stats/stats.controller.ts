import { Controller, Get, Inject } from '@nestjs/common';
import { DistributedCacheService } from 'nestjs-distributed-cache';
import { RequestCounter } from './request-counter.js';

export interface StatsAnswer {
  readonly requests: number;
  readonly hits: number;
  readonly loads: number;
  readonly waits: number;
}

/** What this instance has done since it started. */
@Controller('stats')
export class StatsController {
  constructor(
    @Inject(RequestCounter) private readonly requests: RequestCounter,
    @Inject(DistributedCacheService) private readonly cache: DistributedCacheService,
  ) {}

  @Get()
  stats(): StatsAnswer {
    const { hits, loads, waits } = this.cache.stats();
    return { requests: this.requests.count, hits, loads, waits };
  }
}
