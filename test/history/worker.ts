import 'reflect-metadata';
import { AsyncLocalStorage } from 'node:async_hooks';
import { openSync, writeSync } from 'node:fs';
import { setTimeout as rest } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { DistributedCacheModule, DistributedCacheService, type CacheEvent } from 'nestjs-distributed-cache';
import { redisStore } from 'nestjs-distributed-cache/redis';
import { zooKeeperLock } from 'nestjs-distributed-cache/zookeeper';
import { HistoryTable } from './history-table.js';
import { monotonicNs, type HistoryRecord } from './history.js';
import { mutatedRedisStore } from './mutated-redis-store.js';
import { BOUNDS, keyName, planOperations, type Operation } from './plan.js';
import type { WorkerCommand, WorkerSettings } from './worker-process.js';

const { worker, sequence, seed, namespace, redisUrl, zooKeeperConnect, postgresUrl, file, mutant } = JSON.parse(
  process.argv[2]!,
) as WorkerSettings;

/** Written at once, so that a killed process leaves all that happened. */
const output = openSync(file, 'a');
function record(entry: HistoryRecord): void {
  writeSync(output, `${JSON.stringify(entry)}\n`);
}

/** What happened to the read in whose asynchronous context an event was made. */
interface Fate {
  blind: boolean;
  joined: boolean;
}
const fates = new AsyncLocalStorage<Fate>();

/** Those that no record of another kind tells. */
const TOLD: readonly CacheEvent['type'][] = [
  'superseded',
  'flight-superseded',
  'lock-lost',
  'lock-unavailable',
  'store-unavailable',
  'version-regressed',
];

function observe(event: CacheEvent): void {
  const fate = fates.getStore();
  if (fate !== undefined && event.type === 'store-unavailable' && event.step === 'read') fate.blind = true;
  if (fate !== undefined && event.type === 'joined') fate.joined = true;
  if (!TOLD.includes(event.type)) return;
  record({ t: 'event', worker, type: event.type, ...(event.type === 'superseded' && { reason: event.reason }) });
}

class WorkerModule {}

const { ttlMs, floorMs, loadTimeoutMs, lockTimeoutMs, sessionTimeoutMs, storeTimeoutMs, waitMs } = BOUNDS;
const context = await NestFactory.createApplicationContext(
  {
    module: WorkerModule,
    imports: [
      DistributedCacheModule.forRoot({
        namespace,
        store: mutant === undefined ? redisStore({ url: redisUrl }) : mutatedRedisStore(redisUrl, mutant),
        lock: zooKeeperLock({ connectString: zooKeeperConnect, sessionTimeoutMs }),
        observers: [{ observe }],
        log: false,
        ...{ ttlMs, floorMs, loadTimeoutMs, lockTimeoutMs, storeTimeoutMs, waitMs },
      }),
    ],
  },
  { logger: false },
);
const cache = context.get(DistributedCacheService);
const rows = HistoryTable.open(postgresUrl, namespace);

interface Row {
  readonly version: number;
}

async function load(key: string, loadMs: number): Promise<Row> {
  const version = await rows.read(key);
  if (loadMs > 0) await rest(loadMs);
  record({ t: 'loaded', worker, key, version });
  return { version };
}

/** Resolves with whether there was an answer. */
async function read(key: string, loadMs: number, last = false): Promise<boolean> {
  const fate = { blind: false, joined: false };
  const began = monotonicNs();
  try {
    const { value, outcome } = await fates.run(fate, () =>
      cache.getOrLoadWithOutcome(['row', key], () => load(key, loadMs), { version: (row: Row) => row.version }),
    );
    if (outcome === 'BYPASS') throw new Error('The cache was passed by');
    const { version } = value;
    record({ t: 'read', worker, key, began, ended: monotonicNs(), version, outcome, ...fate, ...(last && { last }) });
    return true;
  } catch (error) {
    record({ t: 'read-failed', worker, key, error: String(error) });
    return false;
  }
}

async function get(key: string): Promise<void> {
  const began = monotonicNs();
  const row = (await cache.get(['row', key])) as Row | undefined;
  if (row === undefined) return;
  const { version } = row;
  record({ t: 'read', worker, key, began, ended: monotonicNs(), version, outcome: 'GET', joined: false, blind: false });
}

async function write({ key, notice, gapMs }: Operation & { do: 'write' }): Promise<void> {
  const version = await rows.change(key);
  record({ t: 'committed', worker, key, version });
  if (gapMs > 0) await rest(gapMs);
  const announce = {
    versioned: () => cache.invalidate(['row', key], { version: { kind: 'extracted', order: BigInt(version) } }),
    bare: () => cache.invalidate(['row', key]),
    set: () => cache.set(['row', key], { version }, { version: { kind: 'extracted', order: BigInt(version) } }),
  }[notice];
  for (let attempt = 0; attempt < BOUNDS.announceAttempts; attempt++) {
    const began = monotonicNs();
    try {
      await announce();
      record({ t: 'announced', worker, key, version, began, ended: monotonicNs(), how: notice });
      return;
    } catch (error) {
      record({ t: 'announce-failed', worker, key, error: String(error) });
      await rest(BOUNDS.announceAgainMs);
    }
  }
}

let stopping = false;
/** How long a closed process may take to end by itself. */
const LINGER_MS = 30_000;

/** Who drives it is gone. */
function orphaned(): void {
  process.exit(1);
}
process.on('disconnect', orphaned);

async function runLane(lane: number): Promise<void> {
  for (const operation of planOperations(seed, sequence, lane)) {
    if (stopping) return;
    if (operation.do === 'read') await read(operation.key, operation.loadMs);
    else if (operation.do === 'get') await get(operation.key);
    else await write(operation);
    await rest(operation.restMs);
  }
}

let lanes: Promise<unknown> = Promise.resolve();

const commands: Record<WorkerCommand, () => unknown> = {
  go: () => {
    lanes = Promise.all(Array.from({ length: BOUNDS.lanes }, (_, lane) => runLane(lane)));
  },
  stop: async () => {
    stopping = true;
    await lanes;
  },
  'read all': async () => {
    for (let index = 0; index < BOUNDS.keys;) if (await read(keyName(index), 0, true)) index++;
  },
  close: async () => {
    await context.close();
    await rows.close();
    process.off('disconnect', orphaned);
    process.disconnect();
    // Normally nothing keeps it from here on. What does says nothing of what readers saw, so it is told and does not end the history.
    setTimeout(() => {
      process.stderr.write(`${worker} is closed and lingers: ${process.getActiveResourcesInfo().join(', ')}\n`);
      process.exit(0);
    }, LINGER_MS).unref();
  },
};

process.on('unhandledRejection', (error) => {
  record({ t: 'broken', what: `unhandled in ${worker}: ${String(error)}` });
});
process.on('message', (command: WorkerCommand) => {
  Promise.resolve(commands[command]()).then(
    () => process.connected && process.send!(command),
    (error: unknown) => {
      record({ t: 'broken', what: `${worker} could not ${command}: ${String(error)}` });
    },
  );
});
process.send!('ready');
