import { randomUUID } from 'node:crypto';
import { Body, Controller, Get, Inject, NotFoundException, Param, Put } from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { DistributedCacheService, LockedCacheable, type CacheableRequest } from 'nestjs-distributed-cache';
import { redisStore } from 'nestjs-distributed-cache/redis';
import { Column, DataSource, Entity, PrimaryColumn, VersionColumn } from 'typeorm';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { get, startApp, stopApps } from './support/app.js';

const schema = `e2e_${randomUUID().replaceAll('-', '')}`;

@Entity({ schema })
class Book {
  @PrimaryColumn({ type: 'text' })
  isbn!: string;

  @Column({ type: 'text' })
  title!: string;

  @VersionColumn({ type: 'int' })
  version!: number;
}

@Controller('books')
class BooksController {
  constructor(
    @Inject(DataSource) private readonly data: DataSource,
    @Inject(DistributedCacheService) private readonly cache: DistributedCacheService,
  ) {}

  @Get()
  @LockedCacheable({ entity: Book })
  all() {
    return this.data.manager.find(Book, { order: { isbn: 'ASC' } });
  }

  @Get('strict/:isbn')
  @LockedCacheable({ entity: Book, failureBackoffMs: 60_000 })
  async strict(@Param('isbn') isbn: string) {
    const book = await this.data.manager.findOneBy(Book, { isbn });
    if (book === null) throw new NotFoundException();
    return book;
  }

  @Get(':isbn')
  @LockedCacheable({
    key: ({ params }: CacheableRequest<{ params: { isbn: string } }>) => ['book', params.isbn],
    entity: Book,
  })
  one(@Param('isbn') isbn: string) {
    return this.data.manager.findOneBy(Book, { isbn });
  }

  @Put(':isbn')
  put(@Param('isbn') isbn: string, @Body() { title }: { title: string }) {
    return this.data.transaction(async (manager) => {
      await manager.save(Book, { isbn, title });
      return this.cache.get(['book', isbn]);
    });
  }
}

let admin: DataSource;
beforeAll(async () => {
  admin = await new DataSource({ type: 'postgres', url: inject('postgresUrl'), entities: [Book] }).initialize();
  await admin.query(`CREATE SCHEMA "${schema}"`);
  await admin.synchronize();
});
afterEach(stopApps);
afterAll(async () => {
  await admin.query(`DROP SCHEMA "${schema}" CASCADE`);
  await admin.destroy();
});

async function library(namespace: string) {
  const { url, app } = await startApp({
    imports: [
      TypeOrmModule.forRoot({ type: 'postgres', url: inject('postgresUrl'), entities: [Book], retryAttempts: 0 }),
    ],
    controllers: [BooksController],
    cache: { namespace, store: redisStore({ url: inject('redisUrl') }) },
  });
  const read = async (path: string) => {
    const { cache, body, status } = await get(`${url}/books${path}`);
    return [status, cache, body === '' ? '' : (JSON.parse(body) as unknown)];
  };
  const put = (isbn: string, title: string) =>
    get(`${url}/books/${isbn}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ title }),
    });
  return { app, read, put };
}

describe('changes of entities', () => {
  it('reach every instance before the write is answered: rows, lists, missing rows and errors', async () => {
    const namespace = randomUUID();
    const [here, there] = [await library(namespace), await library(namespace)];
    const first = { isbn: '1', title: 'first', version: 1 };
    for (const path of ['', '/1']) await here.read(path);
    expect(await there.read('')).toEqual([200, 'HIT', []]);
    expect(await there.read('/1')).toEqual([200, 'HIT', '']);
    expect((await here.read('/strict/1'))[0]).toBe(404);
    expect((await there.read('/strict/1'))[0]).toBe(404);
    await here.put('1', 'first');
    expect(await there.read('')).toEqual([200, 'MISS', [first]]);
    expect(await there.read('/1')).toEqual([200, 'MISS', first]);
    expect(await there.read('/strict/1')).toEqual([200, 'MISS', first]);
    expect(await here.read('/1')).toEqual([200, 'HIT', first]);
    await there.put('1', 'changed');
    for (const path of ['/1', '/strict/1'])
      expect(await here.read(path)).toEqual([200, 'MISS', { isbn: '1', title: 'changed', version: 2 }]);
    expect(await here.read('')).toEqual([200, 'MISS', [{ isbn: '1', title: 'changed', version: 2 }]]);
  });

  it('are not heard any more when the application is closed, though its data source lives on', async () => {
    const { app } = await library(randomUUID());
    const data = app.get<DataSource>(getDataSourceToken());
    expect(data.subscribers.map(({ constructor }) => constructor.name)).toContain('EntityCacheSubscriber');
    await app.close();
    expect(data.subscribers).toHaveLength(0);
  });
});
