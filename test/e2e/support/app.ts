import 'reflect-metadata';
import { Module, type INestApplication, type ModuleMetadata, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  DistributedCacheModule,
  inProcessLock,
  memoryStore,
  type CacheEvent,
  type DistributedCacheOptions,
} from 'nestjs-distributed-cache';
import { PATIENT_CALLS } from '../../support/patient.js';

export const PLATFORMS = ['express', 'fastify'] as const;
export type Platform = (typeof PLATFORMS)[number];

export interface RunningApp {
  readonly app: INestApplication;
  readonly url: string;
  readonly events: CacheEvent[];
  /** What Nest's logger was given, `level text`. */
  readonly lines: string[];
}

export interface AppParts extends ModuleMetadata {
  readonly platform?: Platform;
  readonly cache?: DistributedCacheOptions;
  /** Instead of `forRoot(cache)`. */
  readonly module?: NonNullable<ModuleMetadata['imports']>[number];
  readonly configure?: (app: INestApplication) => void;
  /** Called when the start was refused, before the application is closed. */
  readonly onRefused?: () => void;
}

const running: RunningApp[] = [];

/** A tiny application on a free port: memory store and in-process lock unless told otherwise. */
export async function startApp({
  platform = 'express',
  cache = {},
  module,
  configure,
  onRefused,
  ...metadata
}: AppParts): Promise<RunningApp> {
  const events: CacheEvent[] = [];
  const lines: string[] = [];
  const options: DistributedCacheOptions = {
    ...{ namespace: 'e2e', store: memoryStore(), lock: inProcessLock() },
    ...PATIENT_CALLS,
    ...cache,
  };
  const observers = [{ observe: (event: CacheEvent) => void events.push(event) }, ...(cache.observers ?? [])];
  class RootModule {}
  Module({
    ...metadata,
    imports: [module ?? DistributedCacheModule.forRoot({ ...options, observers }), ...(metadata.imports ?? [])],
  })(RootModule);
  const write =
    (level: string) =>
    (message: unknown): void =>
      void lines.push(`${level} ${String(message)}`);
  const logger = { log: write('log'), warn: write('warn'), error: write('error'), fatal: write('fatal') };
  const adapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  const app = await NestFactory.create(RootModule as Type, adapter, {
    logger,
    abortOnError: false,
    forceCloseConnections: true,
  });
  configure?.(app);
  try {
    await app.listen(0, '127.0.0.1');
  } catch (error) {
    onRefused?.();
    await app.close();
    throw error;
  }
  const started = { app, url: (await app.getUrl()).replace('[::1]', '127.0.0.1'), events, lines };
  running.push(started);
  return started;
}

/** For `afterEach`. */
export async function stopApps(): Promise<void> {
  for (const { app } of running.splice(0)) await app.close();
}

export interface Reply {
  readonly status: number;
  readonly cache: string | null;
  readonly body: string;
  readonly headers: Headers;
}

export async function get(url: string, init?: RequestInit): Promise<Reply> {
  const response = await fetch(url, init);
  return {
    status: response.status,
    cache: response.headers.get('x-cache'),
    body: await response.text(),
    headers: response.headers,
  };
}

/** The text of what a start was refused with. */
export async function refusal(start: Promise<unknown>): Promise<string> {
  try {
    await start;
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
  throw new Error('The application started, but should not have.');
}
