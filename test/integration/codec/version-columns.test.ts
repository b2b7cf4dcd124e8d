import 'reflect-metadata';

import { randomUUID } from 'node:crypto';

import { Column, DataSource, Entity, PrimaryColumn, UpdateDateColumn, VersionColumn } from 'typeorm';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { readVersion } from './support/stamped-entities.js';

const schema = `version_columns_${randomUUID().replaceAll('-', '')}`;

class Audit {
  @VersionColumn({ update: false })
  revision!: number;

  @UpdateDateColumn({ update: false })
  changedAt!: Date;
}

@Entity({ schema })
class Account {
  @PrimaryColumn({ type: 'int' })
  id!: number;

  @Column({ type: 'text' })
  owner!: string;

  @Column(() => Audit)
  audit!: Audit;
}

let dataSource: DataSource;

beforeAll(async () => {
  const url = inject('postgresUrl');
  dataSource = await new DataSource({ type: 'postgres', url, entities: [Account] }).initialize();
  await dataSource.query(`CREATE SCHEMA ${schema}`);
  await dataSource.synchronize();
});
afterAll(async () => {
  await dataSource.query(`DROP SCHEMA ${schema} CASCADE`);
  await dataSource.destroy();
});

describe('a @VersionColumn', () => {
  it('in an embedded object comes before the date beside it, and counts beyond 2^53, which the driver gives as text', async () => {
    const accounts = dataSource.getRepository(Account);
    const saved = await accounts.save(accounts.create({ id: 1, owner: 'ann' }));
    expect(readVersion(dataSource, Account, saved)).toStrictEqual({ kind: 'version', order: 1n });
    await dataSource.query(`ALTER TABLE ${schema}.account ALTER "auditRevision" TYPE bigint`);
    await dataSource.query(`UPDATE ${schema}.account SET "auditRevision" = $1`, [String(2n ** 60n)]);
    await accounts.update(1, { owner: 'bea' });
    const found = await accounts.findOneByOrFail({ id: 1 });
    expect(typeof found.audit.revision).toBe('string');
    expect(readVersion(dataSource, Account, found)).toStrictEqual({ kind: 'version', order: 2n ** 60n + 1n });
  });
});
