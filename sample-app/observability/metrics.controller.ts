import type { IncomingMessage, ServerResponse } from 'node:http';
import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { Prometheus } from './prometheus.js';

@Controller('metrics')
export class MetricsController {
  constructor(@Inject(Prometheus) private readonly prometheus: Prometheus) {}

  @Get()
  metrics(@Req() request: IncomingMessage, @Res() response: ServerResponse): void {
    this.prometheus.exporter.getMetricsRequestHandler(request, response);
  }
}
