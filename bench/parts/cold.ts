import { openApplication, type ApplicationSettings, type BenchApplication, type LockName } from '../application.js';
import { interleave, type Slice } from '../interleave.js';
import { ratioRow, reportRow, type Bound, type Row } from '../row.js';
import type { Stage } from '../stage.js';
import { ratios } from '../statistics.js';
import { pace } from './slices.js';

const PART = 'cold';
const WIDTH = 64;
const KEYS = 5_000;

type Name = 'none' | 'again' | 'redis' | 'syncing' | 'curator' | 'quick-disk';

/** Distinct cold keys in one process, 64 at a time: the rate with each lock in proportion to the rate without any. */
export async function coldKeys(stage: Stage): Promise<Row[]> {
  const redis = await stage.redis();
  const syncing = (await stage.syncingZooKeeper()).connectString;
  const quickDisk = (await stage.zooKeeper()).connectString;
  const apps: BenchApplication[] = [];
  const open = async (lock: LockName, zooKeeperConnect?: string): Promise<BenchApplication> => {
    const settings: ApplicationSettings = { namespace: stage.namespace(), redisUrl: redis.url, lock };
    const app = await openApplication({ ...settings, ...(zooKeeperConnect !== undefined && { zooKeeperConnect }) });
    apps.push(app);
    return app;
  };
  try {
    const none = await open('none');
    const opened: Record<Name, BenchApplication> = {
      none,
      again: none,
      redis: await open('redis'),
      syncing: await open('zookeeper', syncing),
      curator: await open('curator', syncing),
      'quick-disk': await open('zookeeper', quickDisk),
    };
    const rounds = stage.options.quick ? 1 : 10;
    const perSlice = stage.options.quick ? WIDTH : KEYS / rounds;
    const told = await interleave(slices(opened, perSlice), rounds);
    return rowsOf(told, perSlice * rounds);
  } finally {
    await Promise.all(apps.map((app) => app.close()));
  }
}

/** Each slice has keys of its own. */
function slices(opened: Record<Name, BenchApplication>, count: number): Record<Name, Slice> {
  let serial = 0;
  const slice = ({ cache }: BenchApplication): Slice => {
    return () => {
      const first = (serial += count);
      return pace(count, WIDTH, (index) =>
        cache.getOrLoad(['cold', first + index], () => ({ id: index, name: 'a row' })),
      );
    };
  };
  return Object.fromEntries(Object.entries(opened).map(([name, app]) => [name, slice(app)])) as Record<Name, Slice>;
}

function rowsOf(told: Record<Name, number[]>, keys: number): Row[] {
  // Rates, so the yardstick's time is above the line.
  const of = (name: Name, what: string, bound?: Bound): Row =>
    ratioRow({ part: PART, what, of: 'without' }, ratios(told.none, told[name]), bound);
  const many = `${keys} cold keys, ${WIDTH} at a time`;
  const rates = told.none.map((micros) => 1_000_000 / micros);
  return [
    reportRow({ part: PART, what: `${many}, without a lock` }, rates, 'loads/s'),
    of('again', `${many}, without a lock once more (noise)`),
    of('redis', `${many}, redisLock()`, { atLeast: 0.7 }),
    of('syncing', `${many}, zooKeeperLock(), its disk syncs`, { atLeast: 0.2 }),
    of('curator', `${many}, the recipe of Curator over the same client, its disk syncs`),
    of('quick-disk', `${many}, zooKeeperLock(), its disk does not sync`),
  ];
}
