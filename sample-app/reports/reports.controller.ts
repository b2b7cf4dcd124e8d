import { Controller, Get, Inject } from '@nestjs/common';
import { LockedCacheable } from 'nestjs-distributed-cache';
import { ReportsService, type TopSeller } from './reports.service.js';

/** Nothing invalidates the report, so this is how old it may be. */
const REPORT_TTL_MS = 30_000;

@Controller('reports')
export class ReportsController {
  constructor(@Inject(ReportsService) private readonly reports: ReportsService) {}

  @Get('top-sellers')
  @LockedCacheable({ key: () => ['report', 'top-sellers'], ttlMs: REPORT_TTL_MS })
  topSellers(): Promise<TopSeller[]> {
    return this.reports.topSellers();
  }
}
