import { DataSource, type DataSourceOptions } from 'typeorm';
import type { Database } from './database.js';

/** In this process, in memory: one data source, whose writes both instances hear. */
export function sqlJs(): Database {
  const open = (entities: readonly unknown[]): Promise<DataSource> =>
    new DataSource({ type: 'sqljs', entities, synchronize: true } as DataSourceOptions).initialize();
  return {
    name: 'sqljs',
    kind: 'sqljs',
    hasSchemas: false,
    open: async ({ entities, elsewhere }) => {
      const sources = [await open(entities), ...(elsewhere.length > 0 ? [await open(elsewhere)] : [])];
      const close = async (): Promise<void> => {
        for (const source of sources) await source.destroy();
      };
      return { sources: [sources, sources], close };
    },
    close: () => Promise.resolve(),
  };
}
