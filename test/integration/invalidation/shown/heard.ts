import 'reflect-metadata';
import { inspect, isDeepStrictEqual } from 'node:util';
import { Module, type INestApplicationContext, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DataSource, type DataSourceOptions, type EntityManager } from 'typeorm';
import { onTestFinished } from 'vitest';
import {
  DistributedCacheModule,
  DistributedCacheService,
  inProcessLock,
  memoryStore,
  type CacheEvent,
  type DistributedCacheOptions,
  type LoadOptions,
} from '../../../../lib/index.js';
import { PATIENT_CALLS } from '../../../support/patient.js';

/** A cached read: how it is loaded, and what is said of it. */
export interface CachedRead extends LoadOptions {
  readonly load: (manager: EntityManager) => Promise<unknown>;
}

interface HouseOptions {
  readonly cache?: Partial<DistributedCacheOptions>;
  /** Further providers of the application. */
  readonly providers?: readonly object[];
  readonly source?: DataSource;
}

/** An application with one data source in memory, or with those given. */
export async function openHouse(
  entities: DataSourceOptions['entities'],
  { cache = {}, providers = [], source }: HouseOptions = {},
) {
  const events: CacheEvent[] = [];
  const lines: string[] = [];
  const data = source ?? new DataSource({ type: 'sqljs', synchronize: true, ...(entities && { entities }) });
  if (!data.isInitialized && source === undefined) await data.initialize();
  class RootModule {}
  Module({
    providers: [
      { provide: DataSource, useValue: data },
      ...providers.map((useValue, at) => ({ provide: `provider ${String(at)}`, useValue })),
    ],
    imports: [
      DistributedCacheModule.forRoot({
        lock: inProcessLock(),
        store: memoryStore(),
        namespace: 'house',
        observers: [{ observe: (event) => void events.push(event) }],
        ...PATIENT_CALLS,
        ...cache,
      }),
    ],
  })(RootModule);
  const line = (text: unknown) => void lines.push(String(text));
  const app: INestApplicationContext = await NestFactory.createApplicationContext(RootModule as Type, {
    logger: { log: line, warn: line, error: line },
  });
  onTestFinished(async () => {
    await app.close();
    if (data.isInitialized) await data.destroy();
  });
  const service = app.get(DistributedCacheService);
  const read = (name: string, { load, ...options }: CachedRead) =>
    service.getOrLoadWithOutcome([name], () => load(data.manager), options);

  /** Caches the reads, writes, and says which of them were lost. Throws when one is still answered with what it was although a fresh one is another. */
  async function lostBy(reads: Readonly<Record<string, CachedRead>>, write: (manager: EntityManager) => unknown) {
    for (const [name, each] of Object.entries(reads)) {
      await read(name, each);
      const { outcome } = await read(name, each);
      if (outcome !== 'HIT') throw new Error(`${name} is not cached: ${outcome} ${inspect(events.at(-1))}`);
    }
    await write(data.manager);
    const lost: string[] = [];
    for (const [name, each] of Object.entries(reads)) {
      const fresh = await each.load(data.manager);
      const { outcome, value } = await read(name, each);
      if (!isDeepStrictEqual(value, fresh))
        throw new Error(`${name} is ${inspect(value)}, and should be ${inspect(fresh)}`);
      if (outcome !== 'HIT') lost.push(name);
    }
    return lost;
  }
  return { app, data, events, lines, lostBy, manager: data.manager, service };
}
