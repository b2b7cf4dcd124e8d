import { Module, type DynamicModule } from '@nestjs/common';
import { SAMPLE_APP_CONFIG, type SampleAppConfig } from './config.js';

/** Hands the configuration to whoever injects {@link SAMPLE_APP_CONFIG}. */
@Module({})
export class ConfigModule {
  static forConfig(config: SampleAppConfig): DynamicModule {
    return {
      module: ConfigModule,
      global: true,
      providers: [{ provide: SAMPLE_APP_CONFIG, useValue: config }],
      exports: [SAMPLE_APP_CONFIG],
    };
  }
}
