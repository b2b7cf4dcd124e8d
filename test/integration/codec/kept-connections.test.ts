import 'reflect-metadata';

import { randomUUID } from 'node:crypto';

import { createConnection, type Connection, type ConnectionOptions } from 'mysql2';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';

import { EntityCatalog } from '../../../lib/codec/entity-metadata.js';
import { exactStamp } from '../../../lib/codec/stamps/exact-stamps.js';
import { keepMysqlStamps } from '../../../lib/codec/stamps/mysql-stamps.js';
import { obtainMariaDb } from '../../support/maria-db.js';
import { readVersion, stampedEntities } from './support/stamped-entities.js';

const name = `kept_${randomUUID().replaceAll('-', '').slice(0, 12)}`;
const server = obtainMariaDb();
let mariaDbUrl: string;
beforeAll(async () => {
  ({ url: mariaDbUrl } = await server);
});
afterAll(async () => (await server).stop());

describe('what is read from MariaDB', () => {
  const STAMPS = [
    '2024-01-31 12:00:00.123456',
    '2024-01-31 12:00:00.999999',
    '2024-01-31 00:00:00.000000',
    // In the night when Berlin's clocks go forward, and when they go back.
    '2024-03-31 02:30:00.000001',
    '2024-10-27 02:30:00.500000',
    '0000-00-00 00:00:00.000000',
    '0050-05-05 05:05:05.050505',
    '1001-01-01 00:00:00.000000',
    '9999-12-31 23:59:59.999999',
    null,
  ];
  const zone = process.env.TZ;
  const open: Connection[] = [];

  const connect = (options: ConnectionOptions, kept: boolean): ReturnType<Connection['promise']> => {
    const connection = createConnection({ uri: mariaDbUrl, ...options });
    open.push(connection);
    if (kept) expect(keepMysqlStamps(connection)).toBe(true);
    return connection.promise();
  };
  const rows = STAMPS.map((_, index) => `SELECT ${String(index)} AS n, ? AS stamp`);
  const table = `SELECT n, CAST(stamp AS DATETIME(6)) AS fine, CAST(stamp AS DATETIME) AS coarse, stamp FROM (${rows.join(' UNION ')}) t`;

  afterEach(async () => {
    process.env.TZ = zone ?? '';
    if (zone === undefined) delete process.env.TZ;
    for (const connection of open.splice(0)) await connection.promise().end();
  });

  it.each<ConnectionOptions>([{}, { timezone: 'Z' }, { timezone: '+05:30' }, { timezone: '-03:00' }])(
    'is the same with and without us, with %o',
    async (options) => {
      process.env.TZ = 'Europe/Berlin';
      const [plain, kept] = [connect(options, false), connect(options, true)];
      const [expected] = await plain.query(table, STAMPS);
      const [found] = await kept.query(table, STAMPS);
      expect(found).toStrictEqual(expected);
      const [first] = found as { fine: Date }[];
      expect(exactStamp(first?.fine as Date)).toBe(1706702400123456n);
    },
  );

  it.each<ConnectionOptions>([{}, { timezone: 'Z' }])(
    'is the same by prepared statements, with %o',
    async (options) => {
      process.env.TZ = 'Europe/Berlin';
      const [plain, kept] = [connect(options, false), connect(options, true)];
      const [expected] = await plain.execute(table, STAMPS);
      const [found] = await kept.execute(table, STAMPS);
      expect(found).toStrictEqual(expected);
    },
  );
});

describe('exact stamps come from every connection that TypeORM hands out', () => {
  const credentials = (text: string): { host: string; port: number; username: string; database: string } => {
    const { hostname, port, username, pathname } = new URL(text);
    return { host: hostname, port: Number(port), username, database: pathname.slice(1) };
  };
  const postgres = (): DataSourceOptions => ({ type: 'postgres', url: inject('postgresUrl') });
  const mariaDb = (): DataSourceOptions => ({ type: 'mariadb', url: mariaDbUrl });
  const replicated = (type: 'postgres' | 'mariadb', url: string): DataSourceOptions => ({
    type,
    replication: { master: credentials(url), slaves: [credentials(url)] },
  });

  const { Document, Note } = stampedEntities();
  const open: DataSource[] = [];
  afterEach(async () => {
    for (const dataSource of open.splice(0)) {
      if (!dataSource.isInitialized) continue;
      await dataSource.dropDatabase();
      await dataSource.destroy();
    }
  });

  const prepare = (options: DataSourceOptions): DataSource => {
    const isolated = options.type === 'postgres' ? { schema: name } : {};
    const dataSource = new DataSource({ ...options, ...isolated, entities: [Document, Note] });
    open.push(dataSource);
    return dataSource;
  };
  const start = async (dataSource: DataSource): Promise<void> => {
    await dataSource.initialize();
    if (dataSource.options.type === 'postgres') await dataSource.query(`CREATE SCHEMA IF NOT EXISTS ${name}`);
    await dataSource.synchronize();
    await dataSource.getRepository(Document).save({ title: 'draft' });
  };
  const kind = async (dataSource: DataSource): Promise<string | undefined> =>
    readVersion(dataSource, Document, await dataSource.getRepository(Document).findOneByOrFail({}))?.kind;

  it.each([
    ['PostgreSQL', postgres],
    ['PostgreSQL with a replica', () => replicated('postgres', inject('postgresUrl'))],
    ['MariaDB', mariaDb],
    ['MariaDB with a replica', () => replicated('mariadb', mariaDbUrl)],
  ])('%s: known before it was initialized, and again after it was destroyed', async (_, options) => {
    const dataSource = prepare(options());
    new EntityCatalog().add(dataSource);
    await start(dataSource);
    expect(await kind(dataSource)).toBe('updated-at-us');
    await dataSource.destroy();
    await dataSource.initialize();
    expect(await kind(dataSource)).toBe('updated-at-us');
  });

  it('PostgreSQL: met while it is in use', async () => {
    const dataSource = prepare(postgres());
    await start(dataSource);
    const documents = dataSource.getRepository(Document);
    const before = await documents.findOneByOrFail({});
    const catalog = new EntityCatalog().add(dataSource);
    expect(readVersion(dataSource, Document, before)?.kind).toBe('updated-at');
    expect(await kind(dataSource)).toBe('updated-at-us');
    expect(catalog.find(Document)?.stamping?.keeping).toStrictEqual({ refused: false });
  });

  it('MariaDB: dates that are read as texts stay as they are, in milliseconds, and it is known', async () => {
    const dataSource = prepare({ ...mariaDb(), dateStrings: true } as DataSourceOptions);
    await start(dataSource);
    const catalog = new EntityCatalog().add(dataSource);
    expect(await kind(dataSource)).toBe('updated-at');
    expect(catalog.find(Document)?.stamping?.keeping).toStrictEqual({ refused: true });
  });
});
