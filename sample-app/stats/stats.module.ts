import { Module } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { RequestCounter } from './request-counter.js';
import { StatsController } from './stats.controller.js';

@Module({
  controllers: [StatsController],
  providers: [RequestCounter, { provide: APP_INTERCEPTOR, useExisting: RequestCounter }],
})
export class StatsModule {}
