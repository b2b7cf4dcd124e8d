import type { DataSourceOptions } from 'typeorm';
import { Category } from '../catalogue/category.entity.js';
import { Product } from '../catalogue/product.entity.js';
import { Sale } from '../catalogue/sale.entity.js';
import { EmbeddedPool } from './embedded/embedded-pool.js';

/** For a new connection, and for one of the pool's ten: `pg` has one limit for both, and in a rush requests queue for the pool. */
const CONNECT_DEADLINE_MS = 30_000;
const STATEMENT_DEADLINE_MS = 30_000;
const SILENCE_MS = 5_000;

/** The same entities and the same SQL on either database; which one is the only difference. */
export function databaseOptions(databaseUrl: string | undefined): DataSourceOptions {
  const common = { type: 'postgres' as const, entities: [Category, Product, Sale] };
  if (databaseUrl === undefined) return { ...common, driver: { Pool: EmbeddedPool } };
  return {
    ...common,
    url: databaseUrl,
    applicationName: 'sample-app',
    connectTimeoutMS: CONNECT_DEADLINE_MS,
    // The server ends a statement that takes too long; should the server be silent, the client gives up a little later.
    extra: { statement_timeout: STATEMENT_DEADLINE_MS, query_timeout: STATEMENT_DEADLINE_MS + SILENCE_MS },
  };
}
