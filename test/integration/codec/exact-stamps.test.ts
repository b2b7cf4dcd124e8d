import 'reflect-metadata';

import { randomUUID } from 'node:crypto';

import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { EntityCatalog } from '../../../lib/codec/entity-metadata.js';
import type { Version } from '../../../lib/core/version.js';
import { obtainMariaDb } from '../../support/maria-db.js';
import {
  readVersion,
  stampedEntities,
  type Class,
  type DateColumns,
  type StampedDocument,
  type StampedEntities,
} from './support/stamped-entities.js';

const name = `stamps_${randomUUID().replaceAll('-', '').slice(0, 12)}`;
const mariaDb = obtainMariaDb();
beforeAll(async () => {
  await mariaDb;
});
afterAll(async () => (await mariaDb).stop());

interface Database {
  /** What the database itself says, in microseconds since 1970, its texts taken for UTC. */
  readonly exact: (table: string, column: string) => string;
  readonly dataSource: (entities: StampedEntities) => Promise<DataSource>;
}

const postgres: Database = {
  exact: (table, column) => `SELECT (extract(epoch from "${column}") * 1000000)::bigint AS exact FROM ${name}.${table}`,
  dataSource: async ({ Document, Note }) => {
    const url = inject('postgresUrl');
    const dataSource = await new DataSource({ type: 'postgres', url, entities: [Document, Note] }).initialize();
    await dataSource.query(`CREATE SCHEMA IF NOT EXISTS ${name}`);
    return dataSource;
  },
};

const maria: Database = {
  exact: (table, column) =>
    `SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', \`${column}\`) AS exact FROM ${name}.${table}`,
  dataSource: async ({ Document, Note }) => {
    const { url } = await mariaDb;
    const admin = await new DataSource({ type: 'mariadb', url }).initialize();
    await admin.query(`CREATE DATABASE IF NOT EXISTS ${name}`);
    await admin.destroy();
    const database = url.replace(/\/[^/]*$/, `/${name}`);
    return new DataSource({ type: 'mariadb', url: database, entities: [Document, Note] }).initialize();
  },
};

const CASES: readonly (readonly [string, Database, DateColumns])[] = [
  ['PostgreSQL timestamptz', postgres, { type: 'timestamptz', schema: name }],
  ['PostgreSQL timestamp, TypeORM’s own choice', postgres, { schema: name }],
  ['PostgreSQL timestamptz of precision 3', postgres, { type: 'timestamptz', precision: 3, schema: name }],
  ['PostgreSQL timestamptz of precision 0', postgres, { type: 'timestamptz', precision: 0, schema: name }],
  ['MariaDB datetime(6), TypeORM’s own choice', maria, {}],
  ['MariaDB timestamp(6)', maria, { type: 'timestamp', precision: 6 }],
  ['MariaDB datetime(3)', maria, { precision: 3, default: () => 'CURRENT_TIMESTAMP(3)' }],
];

describe('exact stamps', () => {
  describe.each(CASES)('%s', (_, database, column) => {
    let entities: StampedEntities;
    let dataSource: DataSource;

    beforeAll(async () => {
      entities = stampedEntities(column);
      dataSource = await database.dataSource(entities);
      await dataSource.synchronize(true);
      new EntityCatalog().add(dataSource);
    });
    afterAll(() => dataSource.destroy());

    const version = (value: unknown, entity: Class<unknown> = entities.Document): Version | undefined =>
      readVersion(dataSource, entity, value);
    const truth = async (table = 'stamped_document', of = 'updatedAt'): Promise<Version> => {
      const [row] = await dataSource.query<{ exact: string }[]>(database.exact(table, of));
      return { kind: 'updated-at-us', order: BigInt(row?.exact ?? -1) };
    };
    const find = (): Promise<StampedDocument> => dataSource.getRepository(entities.Document).findOneByOrFail({});

    it('are those of the row, whichever way it is read', async () => {
      const documents = dataSource.getRepository(entities.Document);
      const saved = await documents.save({ title: 'draft', notes: [{ text: 'first' }] } as StampedDocument);
      const exact = await truth();
      expect(version(Object.assign(new entities.Document(), saved))).toStrictEqual(exact);

      const found = await find();
      expect(found.updatedAt).toBeInstanceOf(Date);
      expect(version(found)).toStrictEqual(exact);
      expect(version((await documents.find())[0])).toStrictEqual(exact);
      const builder = documents.createQueryBuilder('d').leftJoinAndSelect('d.notes', 'n');
      expect(version(await builder.getOne())).toStrictEqual(exact);
      const [joined] = await builder.getMany();
      expect(version(joined)).toStrictEqual(exact);

      const exactNote = await truth('stamped_note', 'auditChangedat');
      expect(version(joined?.notes[0], entities.Note)).toStrictEqual(exactNote);
      const note = await dataSource
        .getRepository(entities.Note)
        .findOneOrFail({ where: {}, relations: { document: true } });
      expect(version(note, entities.Note)).toStrictEqual(exactNote);
      expect(version(note.document)).toStrictEqual(exact);
    });

    it('are those that save() leaves in the entity, after an insert and after an update', async () => {
      await dataSource.query(`DELETE FROM ${name}.stamped_note`);
      await dataSource.query(`DELETE FROM ${name}.stamped_document`);
      const documents = dataSource.getRepository(entities.Document);
      const inserted = await documents.save(documents.create({ title: 'new' }));
      expect(version(inserted)).toStrictEqual(await truth());
      const found = await find();
      found.title = 'changed';
      const updated = await documents.save(found);
      expect(version(updated)).toStrictEqual(await truth());
      // TypeORM writes CURRENT_TIMESTAMP, which is without a fraction there.
      if (database === maria) expect((await truth()).order % 1_000_000n).toBe(0n);
    });

    it('are seen by nobody: the date is a Date like any other', async () => {
      const { updatedAt } = await find();
      expect(Reflect.ownKeys(updatedAt)).toStrictEqual([]);
      expect(updatedAt).toStrictEqual(new Date(updatedAt.getTime()));
      expect(JSON.stringify(updatedAt)).toBe(JSON.stringify(new Date(updatedAt.getTime())));
    });

    it('end with the Date: one that was set by hand or changed in place has its milliseconds', async () => {
      const document = await find();
      document.updatedAt = new Date(document.updatedAt);
      expect(version(document)).toStrictEqual({ kind: 'updated-at', order: BigInt(document.updatedAt.getTime()) });
      const changed = await find();
      changed.updatedAt.setMilliseconds(changed.updatedAt.getMilliseconds() + 1);
      expect(version(changed)).toStrictEqual({ kind: 'updated-at', order: BigInt(changed.updatedAt.getTime()) });
    });
  });
});
