import 'reflect-metadata';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DistributedCacheModule, DistributedCacheService, type CacheEvent } from 'nestjs-distributed-cache';
import { redisStore } from 'nestjs-distributed-cache/redis';
import { zooKeeperLock } from 'nestjs-distributed-cache/zookeeper';
import * as redis from 'redis';
import { runSample } from '../../support/process/documented-client.mjs';
import { SETTINGS } from '../settings.js';
import { Canaries } from './canaries.js';
import { Database } from './database.js';
import { loadOdd } from './odd-values.js';
import type { WorkerCommands, WorkerReport, WorkerSettings } from './protocol.js';
import { CONTROLLERS } from './routes.js';
import { Rows } from './rows.js';
import { stepClock } from './stepped-clock.js';

const { name, namespace, redisUrl, redisSample, zooKeeper, postgresUrl, writesRows, canaryEveryMs } = JSON.parse(
  process.argv[2]!,
) as WorkerSettings;

/** Far longer than anything here stands still. */
const KEEP_ALIVE_MS = 300_000;
/** Once the server is closing: no connection on which it still answers keeps it from that. */
const KEEP_ALIVE_AT_END_MS = 1;

/** What the measuring of the event loop finds where nothing delays it. */
const RESOLUTION_MS = 10;
const lag = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
lag.enable();

const unhandled: string[] = [];
process.on('unhandledRejection', (error) => unhandled.push(`unhandled rejection: ${String(error)}`));

const tell = (message: object): void => {
  if (process.connected) process.send!(message);
};

const database = new Database(postgresUrl, (load) => {
  tell({ load: { worker: name, ...load } });
});
const canaries = new Canaries(name, canaryEveryMs, () => database.answers());
const rows = writesRows ? await Rows.open(postgresUrl) : undefined;

let events: Record<string, number> = {};
const observer = {
  observe: (event: CacheEvent) => {
    events[event.type] = (events[event.type] ?? 0) + 1;
    canaries.observe(event);
    rows?.observe(event);
  },
};

const client = redisSample === undefined ? undefined : ((await runSample(redisSample, { redis })) as Destroyable);
interface Destroyable {
  destroy(): unknown;
}
const store = redisStore(client === undefined ? { url: redisUrl } : { client });
const { sessionTimeoutMs, storeTimeoutMs, lockTimeoutMs, loadTimeoutMs } = SETTINGS;

@Module({
  imports: [
    DistributedCacheModule.forRoot({
      ...{ namespace, storeTimeoutMs, lockTimeoutMs, loadTimeoutMs, log: false },
      observers: [observer],
      // Lives of one length, so that a load that comes early is seen.
      ttlJitter: 0,
      store: rows?.around(store) ?? store,
      ...(rows && { dataSources: [rows.dataSource], outbox: true }),
      lock: zooKeeperLock({ sessionTimeoutMs, ...zooKeeper }),
    }),
  ],
  controllers: [...CONTROLLERS],
  providers: [{ provide: Database, useValue: database }],
})
class WorkerModule {}

/** How many listen to what happens to the process, beside those of this file. */
function processListeners(): number {
  const names = ['SIGINT', 'SIGHUP', 'exit', 'beforeExit', 'uncaughtException', 'unhandledRejection', 'warning'];
  return names.reduce((sum, each) => sum + process.listenerCount(each), 0);
}
const listenersBefore = processListeners();

const app = await NestFactory.create(WorkerModule as Type, { logger: false });
app.enableShutdownHooks();
const server = app.getHttpServer() as Server;
// The load balancer ends idle connections. A server that did so when it goes on after a standstill would end those on which
// requests wait to be read.
server.keepAliveTimeout = KEEP_ALIVE_MS;
let cutOff = 0;
server.on('request', (_request, response) => {
  response.once('close', () => {
    if (!response.writableFinished) cutOff++;
  });
});
await app.listen(0, '127.0.0.1');
const cache = app.get(DistributedCacheService);
canaries.start(cache);
rows?.start(cache);

function report(): WorkerReport {
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  const lagMs = Math.max(0, lag.max / 1e6 - RESOLUTION_MS);
  const counts = { events, lagMs, cutOff, ...database.takeCounts() };
  lag.reset();
  events = {};
  cutOff = 0;
  return { ...counts, canaries: canaries.take(), unhandled: unhandled.splice(0), resources };
}

/** Ends what was begun here; what then still keeps the process from ending is a leftover. */
async function end(): Promise<void> {
  canaries.stop();
  await database.close();
  await rows?.close();
  client?.destroy();
  lag.disable();
}

const commands: WorkerCommands = {
  report,
  block: (forMs) => {
    // The command is answered first.
    setTimeout(() => {
      const until = performance.now() + forMs;
      while (performance.now() < until);
    }, 10);
  },
  stepClock,
  loadOdd: (kind) => loadOdd(cache, kind, postgresUrl),
  writeRow: ({ key, stamp, transaction }) => rows!.write(key, stamp, transaction),
  readRow: (key) => rows!.read(key),
  storedRow: (key) => rows!.stored(key),
  mute: () => {
    rows!.mute();
  },
  lastTold: (type) => rows!.lastTold(type),
  quiet: () => {
    canaries.stop();
  },
  close: async () => {
    await app.close();
    await end();
    return { listeners: processListeners() - listenersBefore };
  },
};

interface Message {
  readonly id: number;
  readonly command: keyof WorkerCommands;
  readonly argument?: never;
}

process.on('message', ({ id, command, argument }: Message) => {
  Promise.resolve()
    .then((): unknown => commands[command](argument as never))
    .then(
      (result) => {
        tell({ id, result: result ?? null });
      },
      (error: unknown) => {
        tell({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
      },
    )
    .finally(() => {
      if (command === 'close') process.disconnect();
    });
});
process.once('disconnect', () => {
  // Whoever drives it is gone.
  if (server.listening) process.exit(1);
});
// Nest closes the application at this signal too, and sends it again when that is done.
process.once('SIGTERM', () => {
  canaries.stop();
  server.keepAliveTimeout = KEEP_ALIVE_AT_END_MS;
  server.once('close', () => {
    tell({ last: report() });
    void end();
  });
});
// The driver may also have gone while this process started.
if (!process.connected) process.exit(1);
tell({ ready: (server.address() as AddressInfo).port });
