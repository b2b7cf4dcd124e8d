import { describe, expect, it } from 'vitest';

import { EntityCatalog } from '../../../../lib/codec/entity-metadata.js';
import type { TypeOrmColumn } from '../../../../lib/codec/typeorm-types.js';
import { stampAdvice } from '../../../../lib/codec/stamps/stamp-advice.js';

class Product {}

const quiet: TypeOrmColumn = { propertyPath: 'at', isUpdate: false, default: () => 'now()' };

interface Columns {
  readonly versionColumn?: TypeOrmColumn;
  readonly updateDateColumn?: TypeOrmColumn;
}

function advice(type: string, columns: Columns, hasExtractor = false): string | undefined {
  const metadata = { name: 'Product', target: Product, embeddeds: [], ...columns };
  const entity = new EntityCatalog().add({ entityMetadatas: [metadata], options: { type } }).find(Product);
  return entity && stampAdvice(entity, hasExtractor);
}

describe('stampAdvice', () => {
  it.each<[string, string, Columns, boolean]>([
    ['a @VersionColumn that save() leaves alone', 'postgres', { versionColumn: quiet }, false],
    [
      'the same beside a date that is written back',
      'mysql',
      { versionColumn: quiet, updateDateColumn: { ...quiet, isUpdate: true } },
      false,
    ],
    [
      'a date that a trigger stamps, on PostgreSQL',
      'postgres',
      { updateDateColumn: { ...quiet, default: () => 'clock_timestamp()' } },
      false,
    ],
    [
      'a date that a trigger stamps, on MySQL',
      'mysql',
      { updateDateColumn: { ...quiet, default: () => '(SYSDATE(6))', precision: 6 } },
      false,
    ],
    ['a date on a database of which nothing is known', 'mssql', { updateDateColumn: quiet }, false],
    ['no column but a function', 'postgres', {}, true],
  ])('is silent about %s', (_, type, columns, hasExtractor) => {
    expect(advice(type, columns, hasExtractor)).toBeUndefined();
  });

  it.each<[string, string, Columns, RegExp]>([
    [
      'a version that save() may write',
      'postgres',
      { versionColumn: { ...quiet, isUpdate: true } },
      /^The @VersionColumn of Product can go backwards: .* Declare it @VersionColumn\(\{ update: false \}\)/,
    ],
    ['no source', 'postgres', {}, /^Product has neither a @VersionColumn nor an @UpdateDateColumn/],
    [
      'the start of the transaction',
      'postgres',
      { updateDateColumn: quiet },
      /can go backwards: .*start of the transaction.* a trigger that stamps updates with clock_timestamp\(\)/,
    ],
    [
      'the start of the transaction, on CockroachDB',
      'cockroachdb',
      { updateDateColumn: quiet },
      /start of the transaction/,
    ],
    [
      'seconds after updates',
      'mariadb',
      { updateDateColumn: { ...quiet, precision: 6 } },
      /whole seconds after every update.* SYSDATE\(6\)/,
    ],
    [
      'seconds',
      'better-sqlite3',
      { updateDateColumn: quiet },
      /which is in whole seconds\. Add @VersionColumn\(\{ update: false \}\)\.$/,
    ],
    [
      'precision 0',
      'mssql',
      { updateDateColumn: { ...quiet, precision: 0 } },
      /has precision 0, which is whole seconds.* stay with the date: precision: 6\.$/,
    ],
    [
      'a date that save() may write',
      'mssql',
      { updateDateColumn: { ...quiet, isUpdate: true } },
      /written back by save\(\).* stay with the date: @UpdateDateColumn\(\{ update: false \}\)\.$/,
    ],
  ])('names %s, and the cure', (_, type, columns, expected) => {
    expect(advice(type, columns)).toMatch(expected);
  });

  it('names all that is wrong with a date at once', () => {
    const text = advice('postgres', { updateDateColumn: { ...quiet, isUpdate: true, precision: 0 } });
    expect(text).toMatch(/start of the transaction.*; and which has precision 0.*; and which is written back/);
    expect(text).toMatch(/@UpdateDateColumn\(\{ update: false \}\), and precision: 6, and a trigger/);
  });

  it('knows nothing of a data source that tells nothing', () => {
    const entity = new EntityCatalog()
      .add({ entityMetadatas: [{ name: 'Product', target: Product, embeddeds: [] }] })
      .find(Product);
    expect(entity && stampAdvice(entity, false)).toBeUndefined();
  });
});
