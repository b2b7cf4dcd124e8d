import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { generateCatalogue } from './catalogue.js';
import { SCHEMA } from './schema.js';

/** Any number that no other user of the database's advisory locks takes. */
const SEED_LOCK = 7_218_944_103;

/** Makes the tables and fills them, once per database. The application listens only after that. */
@Injectable()
export class CatalogueSeeder implements OnModuleInit {
  private readonly logger = new Logger('SampleApp');

  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /**
   * One transaction behind one lock: of several instances that start together the first does the work, the others wait for its commit and
   * then find the rows; one that dies half-way leaves nothing behind.
   */
  async onModuleInit(): Promise<void> {
    await this.dataSource.transaction(async (manager) => {
      await manager.query('SELECT pg_advisory_xact_lock($1)', [SEED_LOCK]);
      await manager.query(SCHEMA);
      const [found] = await manager.query<unknown[]>('SELECT id FROM category LIMIT 1');
      if (found === undefined) await this.fill(manager);
    });
  }

  private async fill(manager: EntityManager): Promise<void> {
    const { categories, products, sales } = generateCatalogue();
    await insert(manager, 'category', 'id integer, slug text, name text', categories);
    const first = products.map((product) => ({ ...product, version: 1 }));
    await insert(
      manager,
      'product',
      'id integer, name text, price_cents integer, category_id integer, version integer',
      first,
    );
    await insert(manager, 'sale', 'id integer, product_id integer, quantity integer, unit_price_cents integer', sales);
    this.logger.log(
      `Made a catalogue of ${products.length} products in ${categories.length} categories, and ${sales.length} sales`,
    );
  }
}

/** All rows in one statement with one parameter, however many they are. */
async function insert(manager: EntityManager, table: string, columns: string, rows: readonly object[]): Promise<void> {
  const names = columns
    .split(', ')
    .map((column) => column.split(' ')[0])
    .join(', ');
  await manager.query(
    `INSERT INTO ${table} (${names}) SELECT ${names} FROM jsonb_to_recordset($1::jsonb) AS row(${columns})`,
    [JSON.stringify(rows)],
  );
}
