import { Module, type DynamicModule } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { DistributedCacheHealthIndicator } from 'nestjs-distributed-cache/terminus';
import { HealthController } from './health.controller.js';
import { MetricsController } from './metrics.controller.js';
import { Prometheus } from './prometheus.js';

@Module({})
export class ObservabilityModule {
  static forPrometheus(prometheus: Prometheus): DynamicModule {
    return {
      module: ObservabilityModule,
      imports: [TerminusModule],
      controllers: [MetricsController, HealthController],
      providers: [DistributedCacheHealthIndicator, { provide: Prometheus, useValue: prometheus }],
    };
  }
}
