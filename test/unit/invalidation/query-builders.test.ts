import { describe, expect, it } from 'vitest';
import type { TypeOrmDataSource } from '../../../lib/codec/typeorm-types.js';
import {
  listenToBuilders,
  type BuilderListener,
  type QueryBuilderSlice,
} from '../../../lib/invalidation/typeorm/query-builders.js';

/** A copy of TypeORM's builders, as far as they are read. */
function builders() {
  class QueryBuilder {
    static readonly queryBuilderRegistry: Record<string, () => QueryBuilder> = {};
  }
  class Writer extends QueryBuilder {
    constructor(private readonly answer: () => Promise<unknown>) {
      super();
    }
    execute(): Promise<unknown> {
      return this.answer();
    }
  }
  for (const name of ['InsertQueryBuilder', 'UpdateQueryBuilder', 'DeleteQueryBuilder', 'SoftDeleteQueryBuilder'])
    QueryBuilder.queryBuilderRegistry[name] = () => new Writer(() => Promise.resolve());
  const dataSource = { entityMetadatas: [], createQueryBuilder: () => new QueryBuilder() } as TypeOrmDataSource;
  return { dataSource, Writer, execute: Reflect.get(Writer.prototype, 'execute') as unknown };
}

function listener(log: string[]): BuilderListener {
  return {
    executes: (_builder: QueryBuilderSlice, name) => void log.push(`executes ${name}`),
    executed: (_builder, name, failed) => Promise.resolve(void log.push(`executed ${name} ${String(failed)}`)),
  };
}

describe('listening to query builders', () => {
  it('hears before and after a statement, which answers and fails as ever', async () => {
    const { dataSource, Writer } = builders();
    const log: string[] = [];
    listenToBuilders(dataSource, listener(log));
    expect(await new Writer(() => Promise.resolve(7)).execute()).toBe(7);
    await expect(new Writer(() => Promise.reject(new Error('no'))).execute()).rejects.toThrow('no');
    expect(log.filter((line) => line.endsWith('InsertQueryBuilder true'))).toHaveLength(1);
    expect(log.filter((line) => line.endsWith('InsertQueryBuilder false'))).toHaveLength(1);
    expect(Object.keys(new Writer(() => Promise.resolve()))).toEqual(['answer']);
  });

  it('leaves the classes as they were when the last listener leaves', () => {
    const { dataSource, execute, Writer } = builders();
    const [first, second] = [listenToBuilders(dataSource, listener([])), listenToBuilders(dataSource, listener([]))];
    first?.();
    expect(Reflect.get(Writer.prototype, 'execute')).not.toBe(execute);
    second?.();
    expect(Reflect.get(Writer.prototype, 'execute')).toBe(execute);
  });

  it('takes away nothing that somebody else has put over it', async () => {
    const { dataSource, Writer } = builders();
    const log: string[] = [];
    const leave = listenToBuilders(dataSource, listener(log));
    const ours: unknown = Reflect.get(Writer.prototype, 'execute');
    const theirs = function (this: object): Promise<unknown> {
      log.push('theirs');
      return Reflect.apply(ours as () => Promise<unknown>, this, []);
    };
    Writer.prototype.execute = theirs;
    leave?.();
    expect(Reflect.get(Writer.prototype, 'execute')).toBe(theirs);
    await new Writer(() => Promise.resolve()).execute();
    expect(log).toEqual(['theirs']);
  });

  it.each([
    ['no builders', { entityMetadatas: [] }],
    ['builders of another kind', { entityMetadatas: [], createQueryBuilder: () => ({}) }],
    ['builders that are nothing', { entityMetadatas: [], createQueryBuilder: () => undefined }],
  ])('is nothing for a data source with %s', (_, dataSource) => {
    expect(listenToBuilders(dataSource as TypeOrmDataSource, listener([]))).toBeUndefined();
  });
});
