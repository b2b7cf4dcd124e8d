import { DataSource, type DataSourceOptions } from 'typeorm';
import type { Database } from './database.js';

interface Server extends Pick<Database, 'name' | 'kind' | 'hasSchemas' | 'redisUrl'> {
  readonly admin: DataSourceOptions;
  /** How the tables of one program are kept apart from those of others. */
  readonly place: 'SCHEMA' | 'DATABASE';
  readonly in: (place: string) => Readonly<Record<string, unknown>>;
}

/** A database on a server: each program in places of its own, each instance with a pool of its own. */
export async function onServer({ admin: how, place, in: inPlace, ...what }: Server): Promise<Database> {
  const admin = await new DataSource(how).initialize();
  const open = (entities: readonly unknown[], name: string): Promise<DataSource> =>
    new DataSource({ ...how, ...inPlace(name), entities, poolSize: 3 } as DataSourceOptions).initialize();
  return {
    ...what,
    open: async ({ entities, elsewhere, schema, otherSchema }) => {
      const sources: [DataSource[], DataSource[]] = [[], []];
      const elsewhereIn = `${schema}_elsewhere`;
      const places = [schema, otherSchema, elsewhereIn];
      const close = async (): Promise<void> => {
        for (const source of sources.flat()) await source.destroy();
        const cascade = place === 'SCHEMA' ? 'CASCADE' : '';
        for (const name of places) await admin.query(`DROP ${place} IF EXISTS ${name} ${cascade}`);
      };
      try {
        for (const name of places) await admin.query(`CREATE ${place} ${name}`);
        for (const own of sources) {
          own.push(await open(entities, schema));
          if (elsewhere.length > 0) own.push(await open(elsewhere, elsewhereIn));
        }
        for (const source of sources[0]) await source.synchronize();
      } catch (error) {
        await close();
        throw error;
      }
      return { sources, close };
    },
    close: () => admin.destroy(),
  };
}
