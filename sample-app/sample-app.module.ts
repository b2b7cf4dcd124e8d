import { Module, type DynamicModule } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DistributedCacheModule } from 'nestjs-distributed-cache';
import { openTelemetry } from 'nestjs-distributed-cache/opentelemetry';
import { cacheOptions } from './cache-options.js';
import { CatalogueSeeder } from './catalogue/catalogue-seeder.js';
import { ConfigModule } from './config.module.js';
import type { SampleAppConfig } from './config.js';
import { databaseOptions } from './database/database-options.js';
import { ObservabilityModule } from './observability/observability.module.js';
import { Prometheus } from './observability/prometheus.js';
import { ProductsModule } from './products/products.module.js';
import { ReportsModule } from './reports/reports.module.js';
import { StatsModule } from './stats/stats.module.js';

/** A product catalogue with the cache in front of its database. */
@Module({})
export class SampleAppModule {
  static forConfig(config: SampleAppConfig): DynamicModule {
    const prometheus = new Prometheus();
    const { meterProvider } = prometheus;
    return {
      module: SampleAppModule,
      imports: [
        ConfigModule.forConfig(config),
        TypeOrmModule.forRoot({ ...databaseOptions(config.databaseUrl), retryAttempts: 3, retryDelay: 1_000 }),
        DistributedCacheModule.forRoot({
          isGlobal: true,
          ...cacheOptions(config),
          // Its keys begin with one of few words, so these may be told apart.
          telemetry: openTelemetry({ meterProvider, maxKeyNames: 10 }),
        }),
        ProductsModule,
        ReportsModule,
        StatsModule,
        ObservabilityModule.forPrometheus(prometheus),
      ],
      providers: [CatalogueSeeder],
    };
  }
}
