import { Module, type INestApplicationContext, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { DataSource } from 'typeorm';
import {
  DistributedCacheModule,
  DistributedCacheService,
  inProcessLock,
  type CacheAnswer,
  type CacheEvent,
  type DistributedCacheOptions,
} from '../../lib/index.js';
import { PATIENT_CALLS } from '../support/patient.js';
import { entitiesOf } from './reads/dependence.js';
import type { Read } from './reads/read.js';
import { runRead } from './reads/run-read.js';
import type { WorldClasses } from './world/classes.js';
import { Rows } from './world/rows.js';

/** An application with a cache, one of two that share a store and a database. */
export class Instance {
  private constructor(
    private readonly classes: WorldClasses,
    private readonly sources: readonly DataSource[],
    private readonly app: INestApplicationContext,
    readonly events: CacheEvent[],
  ) {}

  static async open(
    classes: WorldClasses,
    sources: readonly DataSource[],
    given: DistributedCacheOptions,
  ): Promise<Instance> {
    const events: CacheEvent[] = [];
    class Root {}
    const cache = DistributedCacheModule.forRoot({
      lock: inProcessLock(),
      ...given,
      namespace: classes.schema,
      dataSources: sources,
      observers: [{ observe: (event) => void events.push(event) }],
      log: false,
      ...PATIENT_CALLS,
      announceTimeoutMs: PATIENT_CALLS.storeTimeoutMs,
    });
    Module({ imports: [cache] })(Root);
    const app = await NestFactory.createApplicationContext(Root as Type, { logger: false });
    return new Instance(classes, sources, app, events);
  }

  /** The rows of the data source in which a class has its table. */
  rows(face: string): Rows {
    return new Rows(this.classes, this.source(face).manager);
  }

  source(face: string): DataSource {
    const isElsewhere = this.classes.elsewhere.some((one) => one === this.classes.byName.get(face));
    const source = this.sources[isElsewhere ? 1 : 0];
    if (source === undefined) throw new Error(`No data source for ${face}`);
    return source;
  }

  fresh(read: Read): Promise<unknown> {
    return runRead(read, this.rows(read.face));
  }

  cached(read: Read): Promise<CacheAnswer<unknown>> {
    const [first = read.face, ...more] = entitiesOf(this.classes.world, read);
    const rows = this.rows(read.face);
    const entity = more.length === 0 ? rows.class(first) : [first, ...more].map((name) => rows.class(name));
    return this.app
      .get(DistributedCacheService)
      .getOrLoadWithOutcome(['read', JSON.stringify(read)], () => runRead(read, rows), {
        entity: entity as Type,
        listInvalidation: read.lists,
      });
  }

  async close(): Promise<void> {
    await this.app.get(DistributedCacheService).clear();
    await this.app.close();
  }
}
