import type { TypeOrmDataSource } from '../typeorm-types.js';
import { keepMysqlStamps } from './mysql-stamps.js';
import { keepPostgresStamps } from './postgres-stamps.js';

/** Whether the connections of a data source give exact stamps. */
export interface StampKeeping {
  /** A connection was handed out that reads milliseconds only. */
  refused: boolean;
}

type Obtain = (...args: unknown[]) => Promise<unknown>;

/** What makes a connection of this kind of database remember stamps; false when it cannot. */
const KEEPERS: Readonly<Record<string, (obtained: unknown) => boolean>> = {
  postgres: (obtained) => keepPostgresStamps(Array.isArray(obtained) ? obtained[0] : undefined),
  mysql: keepMysqlStamps,
  mariadb: keepMysqlStamps,
};

/** TypeORM's drivers hand out every connection, of the primary and of replicas, by one of these. */
const DOORS = ['obtainMasterConnection', 'obtainSlaveConnection'];

const kept = new WeakMap<object, StampKeeping>();

/**
 * Lets every connection that this data source hands out from now on remember exact stamps, while one of its entities is ordered by its `@UpdateDateColumn`. It may be
 * called again, before the data source is initialized too; pools that are made later are covered.
 *
 * @returns undefined when nothing is known of this kind of database
 */
export function keepStamps(dataSource: TypeOrmDataSource): StampKeeping | undefined {
  const { driver, options } = dataSource;
  const keeper = KEEPERS[options?.type ?? ''];
  if (keeper === undefined || driver === undefined) return undefined;
  const known = kept.get(driver);
  if (known !== undefined) return known;
  const keeping = { refused: false };
  kept.set(driver, keeping);
  const look = (obtained: unknown): void => {
    try {
      if (needsStamps(dataSource) && !keeper(obtained)) keeping.refused = true;
    } catch {
      // The connection is the application's, and it is here for more than versions.
      keeping.refused = true;
    }
  };
  for (const door of DOORS) watchDoor(driver as Record<string, unknown>, door, look);
  return keeping;
}

function watchDoor(driver: Record<string, unknown>, door: string, look: (obtained: unknown) => void): void {
  const obtain = driver[door];
  if (typeof obtain !== 'function') return;
  driver[door] = async function (this: unknown, ...args: unknown[]): Promise<unknown> {
    const obtained = await (obtain as Obtain).apply(this, args);
    look(obtained);
    return obtained;
  };
}

function needsStamps({ entityMetadatas }: TypeOrmDataSource): boolean {
  return entityMetadatas.some(
    ({ updateDateColumn, versionColumn }) => updateDateColumn !== undefined && versionColumn === undefined,
  );
}
