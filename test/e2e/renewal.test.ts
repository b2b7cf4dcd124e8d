import { randomUUID } from 'node:crypto';
import { Controller, Get, Injectable, Param } from '@nestjs/common';
import {
  DistributedCacheService,
  InProcessVersionedStore,
  LockedCacheable,
  type CacheableRequest,
} from 'nestjs-distributed-cache';
import { ManualClock } from 'nestjs-distributed-cache/testing';
import { Column, DataSource, Entity, PrimaryColumn, UpdateDateColumn, VersionColumn } from 'typeorm';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { get, startApp, stopApps } from './support/app.js';

const schema = `renewal_${randomUUID().replaceAll('-', '')}`;

@Entity({ schema })
class Counted {
  @PrimaryColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'text' })
  name!: string;

  @VersionColumn({ type: 'int', update: false })
  version!: number;
}

@Entity({ schema })
class Dated {
  @PrimaryColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'text' })
  name!: string;

  @UpdateDateColumn({ type: 'timestamptz', update: false })
  updatedAt!: Date;
}

let dataSource: DataSource;
let loads = 0;

type Id = CacheableRequest<{ params: { id: string } }>;

@Injectable()
class Rows {
  async versionOf(id: string): Promise<number | undefined> {
    const rows: { version: number }[] = await dataSource.query(`SELECT version FROM ${schema}.counted WHERE id = $1`, [
      id,
    ]);
    return rows[0]?.version;
  }

  async updatedAtOf(id: number): Promise<Date | undefined> {
    const rows: { updatedAt: Date }[] = await dataSource.query(
      `SELECT "updatedAt" FROM ${schema}.dated WHERE id = $1`,
      [id],
    );
    return rows[0]?.updatedAt;
  }
}

@Controller()
class RowsController {
  @Get('rows/:id')
  @LockedCacheable({
    key: ({ params }: Id) => ['row', params.id],
    entity: Counted,
    staleIfErrorMs: 60_000,
    currentVersion: ({ params }: Id, { get: find }) => find(Rows).versionOf(params.id),
  })
  findOne(@Param('id') id: string): Promise<Counted | null> {
    loads++;
    return dataSource.getRepository(Counted).findOneBy({ id: Number(id) });
  }
}

describe('currentVersion', () => {
  beforeAll(async () => {
    dataSource = new DataSource({
      ...{ type: 'postgres', url: inject('postgresUrl'), schema, entities: [Counted, Dated] },
    });
    await dataSource.initialize();
    await dataSource.query(`CREATE SCHEMA ${schema}`);
    await dataSource.synchronize();
  });
  afterAll(async () => {
    await dataSource.query(`DROP SCHEMA ${schema} CASCADE`);
    await dataSource.destroy();
  });
  afterEach(async () => {
    await stopApps();
    loads = 0;
  });

  const start = async () => {
    const clock = new ManualClock();
    const { app, url, events } = await startApp({
      controllers: [RowsController],
      providers: [Rows],
      // Nothing is announced: what is found out here is found out by the version.
      cache: {
        ...{ clock, store: new InProcessVersionedStore({ clock, maxEntries: 100 }), dataSources: [dataSource] },
        ...{ ttlMs: 10_000, ttlJitter: 0, onChange: 'ignore' },
      },
    });
    const refused = () => events.filter(({ type }) => type === 'renewal-refused');
    return { cache: app.get(DistributedCacheService), rows: app.get(Rows), clock, url, refused };
  };

  it('renews a route’s answer by a provider’s query, until the row changes', async () => {
    const { cache, clock, refused, url } = await start();
    const rows = dataSource.getRepository(Counted);
    await rows.save(rows.create({ id: 1, name: 'one' }));
    const read = async () => (JSON.parse((await get(`${url}/rows/1`)).body) as Counted).name;
    expect(await read()).toBe('one');
    await clock.advance(10_000);
    expect(await read()).toBe('one');
    expect([loads, cache.stats().renewed]).toEqual([1, 1]);
    await rows.save({ id: 1, name: 'two' });
    expect(await read()).toBe('one');
    await clock.advance(10_000);
    expect(await read()).toBe('two');
    expect([loads, cache.stats().renewed, refused()]).toEqual([2, 1, []]);
  });

  it('renews by a date to the microsecond, as the driver gives it, and not by its copy', async () => {
    const { cache, clock, refused, rows } = await start();
    const dated = dataSource.getRepository(Dated);
    await dated.save(dated.create({ id: 1, name: 'one' }));
    const read = (currentVersion: () => Promise<Date | undefined>) =>
      cache.getOrLoad(
        ['dated', 1],
        () => {
          loads++;
          return dated.findOneByOrFail({ id: 1 });
        },
        { entity: Dated, staleIfErrorMs: 60_000, currentVersion },
      );
    const exactly = () => rows.updatedAtOf(1);
    await read(exactly);
    await clock.advance(10_000);
    expect((await read(exactly)).name).toBe('one');
    expect([loads, cache.stats().renewed]).toEqual([1, 1]);
    await clock.advance(10_000);
    await read(async () => new Date((await exactly()) ?? 0));
    expect(loads).toBe(2);
    expect(refused()).toMatchObject([{ because: 'not-comparable' }]);
  });
});
