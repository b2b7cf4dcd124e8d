import { PGlite, types } from '@electric-sql/pglite';
import { dataDir } from '@electric-sql/pglite-prepopulatedfs';
import { DataSource, type DataSourceOptions } from 'typeorm';
import type { Database } from './database.js';

type Connected = (error: unknown, client?: object, release?: () => void) => void;

/** PostgreSQL in this process: one session, so one data source, whose writes both instances hear. */
export async function pglite(): Promise<Database> {
  // Bigints arrive as texts, as `pg` gives them.
  const database = await PGlite.create({ loadDataDir: await dataDir(), parsers: { [types.INT8]: String } });
  const Pool = poolOf(database);
  const open = (entities: readonly unknown[], schema: string): Promise<DataSource> =>
    new DataSource({
      type: 'postgres',
      driver: { Pool },
      schema,
      entities,
    } as unknown as DataSourceOptions).initialize();
  return {
    name: 'pglite',
    kind: 'postgres',
    hasSchemas: true,
    open: async ({ entities, elsewhere, schema, otherSchema }) => {
      const elsewhereIn = `${schema}_elsewhere`;
      const places = [schema, otherSchema, elsewhereIn];
      for (const name of places) await database.exec(`CREATE SCHEMA ${name}`);
      // Views name their tables without a schema.
      await database.exec(`SET search_path TO ${schema}`);
      const sources: DataSource[] = [];
      const close = async (): Promise<void> => {
        for (const source of sources) await source.destroy();
        for (const name of places) await database.exec(`DROP SCHEMA ${name} CASCADE`);
      };
      try {
        sources.push(await open(entities, schema));
        if (elsewhere.length > 0) sources.push(await open(elsewhere, elsewhereIn));
        for (const source of sources) await source.synchronize();
      } catch (error) {
        await close();
        throw error;
      }
      return { sources: [sources, sources], close };
    },
    close: () => database.close(),
  };
}

/** What TypeORM asks of `pg.Pool`. Whoever connects waits until those before have released the one session. */
function poolOf(database: PGlite): new () => object {
  let turn: Promise<void> = Promise.resolve();
  const client = {
    query: async (sql: string, parameters?: unknown[]): Promise<object> => {
      const result =
        parameters === undefined ? (await database.exec(sql)).at(-1) : await database.query(sql, parameters);
      const command = /^\s*(?:\/\*.*?\*\/\s*)?(\w+)/.exec(sql)?.[1]?.toUpperCase() ?? '';
      return { command, rowCount: result?.affectedRows ?? 0, rows: result?.rows ?? [] };
    },
    on: () => client,
    removeListener: () => client,
  };
  return class {
    connect(callback: Connected): void {
      const before = turn;
      let release: () => void = () => undefined;
      turn = new Promise((resolve) => (release = resolve));
      void before.then(() => callback(undefined, client, release));
    }

    end(callback: (error?: unknown) => void): void {
      callback();
    }

    on(): this {
      return this;
    }
  };
}
