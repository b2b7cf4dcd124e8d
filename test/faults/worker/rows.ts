import 'reflect-metadata';
import type { CacheEvent, DistributedCacheService, VersionedStoreFactory } from 'nestjs-distributed-cache';
import { outboxMigration } from 'nestjs-distributed-cache/typeorm';
import { DataSource, EntitySchema } from 'typeorm';
import { monotonicMs } from '../settings.js';

class FaultRow {
  key!: string;
  stamp!: number;
  version!: number;
}

/** Without decorators, which a worker could not read. */
const faultRows = new EntitySchema<FaultRow>({
  name: 'FaultRow',
  tableName: 'fault_row',
  target: FaultRow,
  columns: {
    key: { type: 'text', primary: true },
    stamp: { type: 'int' },
    version: { type: 'int', version: true },
  },
});

/** Far longer than a case lasts: what is served of an outdated row was not announced. */
const TTL_MS = 600_000;

/** Rows that are written through TypeORM, and read through the cache. */
export class Rows {
  #cache: DistributedCacheService | undefined;
  #muted = false;
  readonly #lastTold = new Map<CacheEvent['type'], number>();

  private constructor(readonly dataSource: DataSource) {}

  /** Whoever comes first makes the tables. */
  static async open(url: string): Promise<Rows> {
    const dataSource = new DataSource({
      type: 'postgres',
      url,
      entities: [faultRows],
      migrations: [outboxMigration()],
      extra: { idleTimeoutMillis: 1_000 },
    });
    await dataSource.initialize();
    const turn = dataSource.createQueryRunner();
    await turn.query('select pg_advisory_lock(4711)');
    await dataSource.synchronize();
    await dataSource.runMigrations();
    await turn.query('select pg_advisory_unlock(4711)');
    await turn.release();
    return new Rows(dataSource);
  }

  /** A store whose announcements can be kept from being sent. */
  around({ description, ...factory }: VersionedStoreFactory): VersionedStoreFactory {
    return {
      description,
      createVersionedStore: async (context) => {
        const store = await factory.createVersionedStore(context);
        const announce = store.announce.bind(store);
        store.announce = (...args) => (this.#muted ? new Promise(() => undefined) : announce(...args));
        return store;
      },
    };
  }

  start(cache: DistributedCacheService): void {
    this.#cache = cache;
  }

  observe({ type }: CacheEvent): void {
    this.#lastTold.set(type, monotonicMs());
  }

  lastTold(type: CacheEvent['type']): number | null {
    return this.#lastTold.get(type) ?? null;
  }

  mute(): void {
    this.#muted = true;
  }

  /** Resolves when it is committed, and announced or kept. Only within a transaction the outbox has it too. */
  async write(key: string, stamp: number, transaction: boolean): Promise<void> {
    await this.dataSource.manager.save(FaultRow, { key, stamp }, { transaction });
  }

  /** What the cache has of it. */
  async read(key: string): Promise<number> {
    const row = await this.#cache!.getOrLoad(['row', key], () => this.#find(key), { entity: FaultRow, ttlMs: TTL_MS });
    return row?.stamp ?? 0;
  }

  /** What the database has of it. */
  async stored(key: string): Promise<number> {
    return (await this.#find(key))?.stamp ?? 0;
  }

  async close(): Promise<void> {
    await this.dataSource.destroy();
  }

  #find(key: string): Promise<FaultRow | null> {
    return this.dataSource.manager.findOneBy(FaultRow, { key });
  }
}
