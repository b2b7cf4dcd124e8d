import { randomUUID } from 'node:crypto';
import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as rest } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { encodeKey } from '../../lib/core/cache-key.js';
import { startRedis, startZooKeeper, type OwnRedis, type OwnZooKeeper } from '../../servers/index.js';
import { cacheKeyOf, ENTRIES, KEYS } from './entries.js';
import { Faults } from './faults.js';
import { HistoryTable } from './history-table.js';
import { readHistory, type AnnouncedRecord, type HistoryRecord } from './history.js';
import { BOUNDS, planFaults, PLANS, type PlanName } from './plan.js';
import { WorkerFleet } from './worker-fleet.js';

export interface HistoryOptions {
  readonly seed: number;
  readonly durationMs: number;
  readonly postgresUrl: string;
  /** Default: `long`. */
  readonly plan?: PlanName;
  /** Servers that others use too, so no fault is done to anything. Left out: servers of its own, and the faults of the seed. */
  readonly shared?: { readonly redisUrl: string; readonly zooKeeperConnect: string };
  /** The mistake that the store makes; left out: none. */
  readonly mutant?: string;
  /** Ends the run early, when what is recorded so far is enough. Default: it takes its whole time. */
  readonly enough?: (history: readonly HistoryRecord[], lastedMs: number) => boolean;
}

/** Those that faults are done to. */
class OwnServers {
  readonly evictor: Redis;

  private constructor(
    readonly redis: OwnRedis,
    readonly zooKeeper: OwnZooKeeper,
  ) {
    const options = { enableOfflineQueue: false, retryStrategy: () => 100, commandTimeout: 500 };
    this.evictor = new Redis(redis.url, options);
    this.evictor.on('error', () => undefined);
  }

  static async start(): Promise<OwnServers> {
    const [redis, zooKeeper] = await Promise.all([startRedis(), startZooKeeper()]);
    return new OwnServers(redis, zooKeeper);
  }

  get addresses(): { readonly redisUrl: string; readonly zooKeeperConnect: string } {
    return { redisUrl: this.redis.url, zooKeeperConnect: this.zooKeeper.connectString };
  }

  async stop(): Promise<void> {
    this.evictor.disconnect();
    await Promise.all([this.redis.stop(), this.zooKeeper.stop()]);
  }
}

/** How often a run is asked whether it is enough. */
const ASK_EVERY_MS = 1_000;

/** Lets workers read and write while parts are broken, and resolves with what they recorded. */
export async function runHistory({
  seed,
  durationMs,
  postgresUrl,
  mutant,
  plan = 'long',
  ...more
}: HistoryOptions): Promise<HistoryRecord[]> {
  const directory = mkdtempSync(join(tmpdir(), 'distributed-cache-history-'));
  const fileOf = (name: string): string => join(directory, `${name}.jsonl`);
  const record = (entry: HistoryRecord): void => {
    appendFileSync(fileOf('driver'), `${JSON.stringify(entry)}\n`);
  };
  // Also the name of a schema.
  const namespace = `history_${randomUUID().replaceAll('-', '')}`;
  const own = more.shared === undefined ? await OwnServers.start() : undefined;
  const rows = await HistoryTable.open(postgresUrl, namespace);
  const settings = { seed, plan, namespace, ...(own?.addresses ?? more.shared!), postgresUrl };
  const fleet = new WorkerFleet({ ...settings, ...(mutant !== undefined && { mutant }) }, fileOf);
  try {
    await rows.create(KEYS);
    await fleet.start();
    await fleet.go();
    const evict = async (random: number): Promise<void> => {
      const key = encodeKey(cacheKeyOf(ENTRIES[random % ENTRIES.length]!));
      await own?.evictor.del(`${namespace}:cache:1:${key}`).catch(() => undefined);
    };
    const lasting = async (): Promise<void> => {
      // The files of the workers are read one after the other, while they grow: what is missing in one of them is there the next time.
      let wasEnough = false;
      const begin = performance.now();
      for (let lastedMs = 0; lastedMs < durationMs; lastedMs = performance.now() - begin) {
        await rest(Math.min(durationMs - lastedMs, ASK_EVERY_MS));
        const isEnough = more.enough?.(readAll(directory), performance.now() - begin) === true;
        if (isEnough && wasEnough) return;
        wasEnough = isEnough;
      }
    };
    const over = new AbortController();
    const faults = planFaults(seed, durationMs, PLANS[plan].workers);
    await Promise.all([
      own && new Faults(own.redis, own.zooKeeper, fleet, evict, record).perform(faults, over.signal),
      lasting().finally(() => {
        over.abort();
      }),
    ]);
    await fleet.tell('stop');
    await readRows(rows, () => readAll(directory), record);
    await fleet.tell('read all');
    await fleet.tell('close');
  } catch (error) {
    record({ t: 'broken', what: String(error) });
  } finally {
    await fleet.kill();
    await rows.drop();
    await Promise.all([rows.close(), own?.stop()]);
  }
  const history = readAll(directory);
  rmSync(directory, { recursive: true });
  return history;
}

/** Keeps a history for another look at it; returns where. */
export function keepHistory(history: readonly HistoryRecord[]): string {
  const file = join(mkdtempSync(join(tmpdir(), 'distributed-cache-history-')), 'history.jsonl');
  writeFileSync(file, history.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  return file;
}

/**
 * The rows as they are in the end. A change whose announcement failed for good, or whose writer was killed before it announced, is
 * seen when the time to live is over, and the stale life after it; all others must be seen at once.
 */
async function readRows(
  rows: HistoryTable,
  soFar: () => readonly HistoryRecord[],
  record: (entry: HistoryRecord) => void,
): Promise<void> {
  const announced = new Map<string, AnnouncedRecord>();
  for (const entry of soFar()) {
    if (entry.t === 'announced' && entry.stamp > (announced.get(entry.key)?.stamp ?? 0))
      announced.set(entry.key, entry);
  }
  let unannounced = false;
  for (const key of KEYS) {
    const row = await rows.read(key);
    record({ t: 'row', key, stamp: row?.stamp ?? null });
    const latest = announced.get(key);
    unannounced ||= row === null ? latest?.what !== 'removed' : latest !== undefined && row.stamp !== latest.stamp;
  }
  if (unannounced) await rest(BOUNDS.ttlMs + BOUNDS.staleWhileRevalidateMs);
}

function readAll(directory: string): HistoryRecord[] {
  return readdirSync(directory).flatMap((name) => readHistory(join(directory, name)));
}
