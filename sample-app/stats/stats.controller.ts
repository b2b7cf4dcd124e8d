import { Controller, Get, Inject } from '@nestjs/common';
import { DistributedCacheService, type CacheCounts } from 'nestjs-distributed-cache';
import { RequestCounter } from './request-counter.js';

/** What the cache counts, with `reads` for its own `requests`; `requests` are those that have reached a route. */
export type StatsAnswer = CacheCounts & { readonly reads: number };

/** What this instance has done since it started. */
@Controller('stats')
export class StatsController {
  constructor(
    @Inject(RequestCounter) private readonly requests: RequestCounter,
    @Inject(DistributedCacheService) private readonly cache: DistributedCacheService,
  ) {}

  @Get()
  stats(): StatsAnswer {
    const { requests: reads, ...counts } = this.cache.stats();
    return { requests: this.requests.count, reads, ...counts };
  }
}
