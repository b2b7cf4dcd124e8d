import { setTimeout as delay } from 'node:timers/promises';
import type { CacheMode } from '../../config.js';
import { Cluster } from '../cluster.js';
import type { ServerAddresses } from '../cluster-servers.js';
import type { LineListener } from '../instance.js';
import { CountingDatabase } from './counting-database.js';
import type { Outcome } from './outcome.js';
import type { StampedeOptions } from './stampede-options.js';
import type { StampedeProgress } from './stampede-progress.js';
import { storm } from './storm.js';

const LOOK_EVERY_MS = 200;

export interface Surroundings {
  readonly servers: ServerAddresses;
  readonly progress: StampedeProgress;
  readonly onLine: LineListener;
  /** Gives the run up. */
  readonly stop: AbortSignal;
}

/** One mode: a cluster that has never been asked, a schema and a namespace of its own, all requests at once. Nothing of it is left afterwards. */
export async function runMode(
  mode: CacheMode,
  { requests, instances }: StampedeOptions,
  { servers, progress, onLine, stop }: Surroundings,
): Promise<Outcome> {
  const database = await CountingDatabase.create(servers.databaseUrl);
  progress.begin(mode, requests);
  try {
    const cluster = await Cluster.start(
      {
        servers: { ...servers, databaseUrl: database.url },
        instances,
        firstPort: 0,
        env: { ...process.env, HOST: '127.0.0.1', CACHE_MODE: mode, CACHE_NAMESPACE: database.name },
        onLine,
        onDeath: (name, how) => onLine(name, `died (${how})`),
      },
      stop,
    );
    try {
      await database.count();
      const urls = await cluster.urls();
      const answers = await watched(database, progress, () => storm(urls, requests, stop, () => progress.answered()));
      return { mode, instances, answers, asked: await database.asked() };
    } finally {
      await cluster.stop();
    }
  } finally {
    progress.end();
    await database.drop();
  }
}

/** Looks at the database's count while the work goes on, and once more at its end. */
async function watched<T>(database: CountingDatabase, progress: StampedeProgress, work: () => Promise<T>): Promise<T> {
  const done = new AbortController();
  const watching = (async (): Promise<void> => {
    while (!done.signal.aborted) {
      await delay(LOOK_EVERY_MS, undefined, { signal: done.signal }).catch(() => undefined);
      progress.asked(await database.asked());
    }
  })();
  try {
    return await work();
  } finally {
    done.abort();
    await watching;
  }
}
