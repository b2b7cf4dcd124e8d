import 'reflect-metadata';
import { setTimeout as rest } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { DistributedCacheModule, DistributedCacheService } from 'nestjs-distributed-cache';
import { redisStore } from 'nestjs-distributed-cache/redis';
import { zooKeeperLock } from 'nestjs-distributed-cache/zookeeper';
import { HistoryTable } from './history-table.js';
import { mutatedRedisStore } from './mutated-redis-store.js';
import { BOUNDS, PLANS, type Operation } from './plan.js';
import type { WorkerCommand, WorkerSettings } from './worker-process.js';
import { WorkerReads } from './worker-reads.js';
import { WorkerRecord } from './worker-record.js';
import { WorkerWrites } from './worker-writes.js';

const settings = JSON.parse(process.argv[2]!) as WorkerSettings;
const { worker, sequence, seed, namespace, redisUrl, zooKeeperConnect, postgresUrl, mutant } = settings;
const plan = PLANS[settings.plan];
const record = new WorkerRecord(settings);
const rows = await HistoryTable.open(postgresUrl, namespace);

class WorkerModule {}

const { ttlMs, staleWhileRevalidateMs, staleIfErrorMs, failureBackoffMs, floorMs, announceTimeoutMs } = BOUNDS;
const { loadTimeoutMs, lockTimeoutMs, sessionTimeoutMs, storeTimeoutMs, waitMs } = BOUNDS;
const context = await NestFactory.createApplicationContext(
  {
    module: WorkerModule,
    imports: [
      DistributedCacheModule.forRoot({
        namespace,
        store: mutant === undefined ? redisStore({ url: redisUrl }) : mutatedRedisStore(redisUrl, mutant),
        lock: zooKeeperLock({ connectString: zooKeeperConnect, sessionTimeoutMs }),
        dataSources: [rows.data],
        observers: [record],
        log: false,
        ...{ ttlMs, staleWhileRevalidateMs, staleIfErrorMs, failureBackoffMs, floorMs, announceTimeoutMs },
        ...{ loadTimeoutMs, lockTimeoutMs, storeTimeoutMs, waitMs },
      }),
    ],
  },
  { logger: ['error'] },
);
const cache = context.get(DistributedCacheService);
const reads = new WorkerReads(cache, rows, record);
const writes = new WorkerWrites(cache, rows, record);

let stopping = false;
/** How long a closed process may take to end by itself. */
const LINGER_MS = 30_000;

/** Who drives it is gone. */
function orphaned(): void {
  process.exit(1);
}
process.on('disconnect', orphaned);

async function runLane(lane: number): Promise<void> {
  for (const operation of plan.operations(seed, sequence, lane)) {
    if (stopping) return;
    await perform(operation);
    await rest(operation.restMs);
  }
}

function perform(operation: Operation): Promise<unknown> {
  switch (operation.do) {
    case 'read':
      return reads.read(operation);
    case 'get':
      return reads.get(operation.entry);
    case 'write':
      return writes.write(operation);
    case 'roll-back':
      return writes.rollBack(operation);
    case 'clear':
      return writes.clear();
  }
}

let lanes: Promise<unknown> = Promise.resolve();

const commands: Record<WorkerCommand, () => unknown> = {
  go: () => {
    lanes = Promise.all(Array.from({ length: plan.lanes }, (_, lane) => runLane(lane)));
  },
  stop: async () => {
    stopping = true;
    await lanes;
  },
  'read all': async () => {
    for (const entry of plan.entries)
      while (!(await reads.read({ entry, loadMs: 0, ttlMs, eagerRefresh: 0, renews: false, fails: false }, true)))
        await rest(10);
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
  record.add({ t: 'broken', what: `unhandled in ${worker}: ${String(error)}` });
});
process.on('message', (command: WorkerCommand) => {
  Promise.resolve(commands[command]()).then(
    () => process.connected && process.send!(command),
    (error: unknown) => {
      record.add({ t: 'broken', what: `${worker} could not ${command}: ${String(error)}` });
    },
  );
});
process.send!('ready');
