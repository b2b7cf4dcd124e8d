import { randomUUID } from 'node:crypto';
import { Controller, Get, Inject } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { LockedCacheable } from 'nestjs-distributed-cache';
import { redisLock, redisStore } from 'nestjs-distributed-cache/redis';
import { DataSource, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';
import { afterEach, expect, inject, it } from 'vitest';
import { get, startApp, stopApps } from './support/app.js';

const schema = `nestjs_typeorm_${randomUUID().replaceAll('-', '')}`;

@Entity({ schema, name: 'page' })
class Page {
  @PrimaryColumn({ type: 'int' })
  id!: number;

  @UpdateDateColumn({ type: 'timestamptz', update: false })
  updatedAt!: Date;
}

@Controller()
class PagesController {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  @Get('page')
  @LockedCacheable({ key: () => ['page', 1], entity: Page })
  findOne(): Promise<Page> {
    return this.dataSource.getRepository(Page).findOneByOrFail({ id: 1 });
  }
}

afterEach(stopApps);

it('the data source of @nestjs/typeorm is found: versions are exact, and a start without replicas says nothing', async () => {
  const url = inject('redisUrl');
  const {
    app,
    events,
    lines,
    url: address,
  } = await startApp({
    cache: { namespace: randomUUID(), store: redisStore({ url }), lock: redisLock({ url }) },
    controllers: [PagesController],
    imports: [TypeOrmModule.forRoot({ type: 'postgres', url: inject('postgresUrl'), entities: [Page] })],
  });
  expect(lines.filter((line) => line.startsWith('warn '))).toEqual([]);
  const dataSource = app.get(DataSource);
  await dataSource.query(`CREATE SCHEMA ${schema}`);
  try {
    await dataSource.synchronize();
    await dataSource.query(`INSERT INTO ${schema}.page VALUES (1, '2024-01-31 12:00:00.123456+00')`);
    expect((await get(`${address}/page`)).cache).toBe('MISS');
    const hit = await get(`${address}/page`);
    expect(hit.cache).toBe('HIT');
    expect(JSON.parse(hit.body)).toEqual({ id: 1, updatedAt: '2024-01-31T12:00:00.123Z' });
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'stored', version: { kind: 'updated-at-us', order: 1706702400123456n } }),
    );
  } finally {
    await dataSource.query(`DROP SCHEMA ${schema} CASCADE`);
  }
});
