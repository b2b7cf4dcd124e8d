import 'reflect-metadata';
import { Module, type INestApplicationContext, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Column, DataSource, Entity, PrimaryColumn, VersionColumn } from 'typeorm';
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import {
  DistributedCacheModule,
  DistributedCacheService,
  inProcessLock,
  memoryStore,
  type CacheAnswer,
} from '../../../lib/index.js';
import { PATIENT_CALLS } from '../../support/patient.js';

/** In the database of every tenant. */
@Entity()
class Order {
  @PrimaryColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'int' })
  total!: number;

  @VersionColumn({ type: 'int' })
  version!: number;
}

/** In one of them only. */
@Entity()
class Tariff {
  @PrimaryColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'int' })
  price!: number;

  @VersionColumn({ type: 'int' })
  version!: number;
}

let north: DataSource;
let south: DataSource;
let app: INestApplicationContext;
let cache: DistributedCacheService;

beforeEach(async () => {
  north = await schemaWith([Order, Tariff]);
  south = await schemaWith([Order]);
  for (const data of [north, south]) await data.manager.save(Order, { id: 1, total: 1 });
  await north.manager.save(Tariff, { id: 1, price: 1 });
  class RootModule {}
  Module({
    imports: [
      DistributedCacheModule.forRoot({
        lock: inProcessLock(),
        store: memoryStore(),
        namespace: 'tenants',
        dataSources: [north, south],
        ...PATIENT_CALLS,
      }),
    ],
  })(RootModule);
  app = await NestFactory.createApplicationContext(RootModule as Type, { logger: ['error'] });
  cache = app.get(DistributedCacheService);
});

afterEach(async () => {
  await app.close();
  for (const data of [north, south]) {
    await data.query(`DROP SCHEMA "${schemas.get(data) ?? ''}" CASCADE`);
    await data.destroy();
  }
});

const schemas = new Map<DataSource, string>();

async function schemaWith(entities: Type[]): Promise<DataSource> {
  const schema = `tenant_${randomUUID().replaceAll('-', '')}`;
  const data = new DataSource({ type: 'postgres', url: inject('postgresUrl'), schema, entities });
  await data.initialize();
  await data.query(`CREATE SCHEMA "${schema}"`);
  await data.synchronize();
  schemas.set(data, schema);
  return data;
}

async function totalOf(
  tenant: string,
  data: DataSource,
): Promise<[number | undefined, CacheAnswer<unknown>['outcome']]> {
  const { value, outcome } = await cache.getOrLoadWithOutcome(
    [tenant, 'order', 1],
    () => data.manager.findOneBy(Order, { id: 1 }),
    { entity: Order },
  );
  return [value?.total, outcome];
}

describe('several data sources in one application', () => {
  it('are all heard: a change in any of them is announced', async () => {
    const price = async (): Promise<number | undefined> =>
      (await cache.getOrLoad(['tariff'], () => north.manager.findOneBy(Tariff, { id: 1 }), { entity: Tariff }))?.price;
    expect([await totalOf('north', north), await totalOf('south', south), await price()]).toEqual([
      [1, 'MISS'],
      [1, 'MISS'],
      1,
    ]);
    await north.manager.save(Order, { id: 1, total: 2 });
    await south.manager.save(Order, { id: 1, total: 3 });
    await north.manager.save(Tariff, { id: 1, price: 4 });
    expect([(await totalOf('north', north))[0], (await totalOf('south', south))[0], await price()]).toEqual([2, 3, 4]);
  });

  it('that have one class: the versions of one database do not refuse the rows of another', async () => {
    await totalOf('north', north);
    // 1. South's row 1 is changed often; 2. north's row 1, which has not changed, is loaded again.
    for (const total of [5, 6, 7]) await south.manager.save(Order, { id: 1, total });
    expect((await totalOf('north', north))[0]).toBe(1);
    expect(await totalOf('north', north)).toEqual([1, 'HIT']);
  });
});
