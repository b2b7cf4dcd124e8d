import { describe, expect, it } from 'vitest';
import type { TypeOrmDataSource } from '../../../lib/codec/typeorm-types.js';
import { StatementWatch } from '../../../lib/invalidation/typeorm/statement-watch.js';
import { column, entity, inOneDatabase } from './fake-entities.js';

/** Executes an upsert by the key in a database of this kind, and says what is known of its row. */
async function upsertIn(type: string, id: unknown) {
  const product = entity('product', [column('id', 'int')]);
  inOneDatabase(type, product);
  const row = { id };
  class QueryBuilder {
    static readonly queryBuilderRegistry: Record<string, () => QueryBuilder> = {};
    readonly dataSource = dataSource;
    readonly expressionMap = {
      mainAlias: { hasMetadata: true, metadata: product },
      valuesSet: [row],
      callListeners: true,
      onUpdate: { conflict: ['id'] },
    };
    execute(): Promise<unknown> {
      return Promise.resolve();
    }
  }
  class Insert extends QueryBuilder {}
  class Other extends QueryBuilder {}
  const dataSource = { entityMetadatas: [product], createQueryBuilder: () => new QueryBuilder() } as TypeOrmDataSource;
  for (const name of ['UpdateQueryBuilder', 'DeleteQueryBuilder', 'SoftDeleteQueryBuilder'])
    QueryBuilder.queryBuilderRegistry[name] = () => new Other();
  QueryBuilder.queryBuilderRegistry.InsertQueryBuilder = () => new Insert();
  const watch = new StatementWatch(() => Promise.resolve());
  watch.watch(dataSource);
  await new Insert().execute();
  watch.unwatch(dataSource);
  return watch.rowOf({ queryRunner: { isTransactionActive: false }, metadata: product, entity: row });
}

describe('an upsert by the key', () => {
  it('tells its row where the database finds it by the key alone', async () => {
    expect(await upsertIn('postgres', 1)).toEqual({ isNew: false, hasVersion: false, identity: ['1'] });
  });

  it.each(['mysql', 'mariadb', 'aurora-mysql'])('tells none in %s, which finds it by any unique key', async (type) => {
    expect(await upsertIn(type, 1)).toBeUndefined();
  });

  it('tells none whose key may be stored in another spelling', async () => {
    expect(await upsertIn('postgres', '01')).toBeUndefined();
  });
});
