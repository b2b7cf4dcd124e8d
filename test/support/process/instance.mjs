// One instance of a Nest application in a process of its own, driven by messages from a test. It runs what was built, by the package's own name.
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { DistributedCacheModule, DistributedCacheService } from 'nestjs-distributed-cache';
import { redisLock, redisStore } from 'nestjs-distributed-cache/redis';
import { zooKeeperLock } from 'nestjs-distributed-cache/zookeeper';
import pg from 'pg';
import { runSample } from './documented-client.mjs';
import { obey } from './obey.mjs';
import { Stops } from './stopped-store.mjs';

// A client of the application's own, as the documentation makes it, or a URL.
const samplePackages = { redis: () => import('redis'), ioredis: () => import('ioredis') };
async function sampleClient({ source, package: name }) {
  return runSample(source, { [name]: await samplePackages[name]() });
}

class InstanceModule {}

/** What belongs to the application that is open. */
let context, cache, client, database, events, namespace, stops;

async function open(settings) {
  const { redisUrl, redisSample, zooKeeperConnect, sessionTimeoutMs, zooKeeper, lock, options } = settings;
  namespace = settings.namespace;
  client = redisSample && (await sampleClient(redisSample));
  const redis = client === undefined ? { url: redisUrl } : { client };
  const heard = (events = []);
  const observer = {
    observe: ({ type, key, reason, under, because }) => {
      heard.push({ type, key, reason, under, because });
      process.send({ event: type, key });
    },
  };
  stops = new Stops((event) => process.send({ event }));
  context = await NestFactory.createApplicationContext(
    {
      module: InstanceModule,
      imports: [
        DistributedCacheModule.forRoot({
          namespace,
          store: stops.around(redisStore(redis)),
          lock:
            lock === 'redis'
              ? redisLock(redis)
              : zooKeeperLock({ connectString: zooKeeperConnect, sessionTimeoutMs, ...zooKeeper }),
          observers: [observer],
          log: false,
          ...options,
        }),
      ],
    },
    { logger: false },
  );
  cache = context.get(DistributedCacheService);
  database = new pg.Pool({ connectionString: settings.postgresUrl, max: 4 });
  database.on('error', () => undefined);
}

/**
 * Reads the row, or the rows of a list, is slow for `queryMs` inside PostgreSQL, and then stops at the test's gate: a shared advisory lock, which is free
 * unless the test holds it. Every run is counted in the database.
 */
async function load(key, { queryMs = 0, gate, list }) {
  const client = await database.connect();
  try {
    await client.query('insert into loads (key, instance) values ($1, $2)', [`${namespace}/${key}`, process.pid]);
    const names = (list ?? [key]).map((name) => `${namespace}/${name}`);
    const { rows } = await client.query('select value, version from items where key = any($1) order by key', [names]);
    process.send({ event: 'row-read', key });
    await client.query('select pg_sleep($1)', [queryMs / 1_000]);
    if (gate !== undefined) {
      await client.query('select pg_advisory_lock_shared($1)', [gate]);
      await client.query('select pg_advisory_unlock_shared($1)', [gate]);
    }
    return list === undefined ? (rows[0] ?? null) : rows;
  } finally {
    client.release();
  }
}

const commands = {
  open,
  load: ({ key, callers = 1, loader = {}, policy = {} }) =>
    Promise.all(
      Array.from({ length: callers }, () =>
        cache.getOrLoadWithOutcome(['item', key], () => load(key, loader), {
          version: (row) => (row === null || Array.isArray(row) ? undefined : Number(row.version)),
          ...policy,
        }),
      ),
    ),
  get: async ({ key }) => (await cache.get(['item', key])) ?? null,
  invalidate: async ({ key, version }) => {
    await cache.invalidate(
      ['item', key],
      version === undefined ? {} : { version: { kind: 'extracted', order: BigInt(version) } },
    );
  },
  invalidateTags: ({ tags }) => cache.invalidateTags(tags),
  stop: async ({ at }) => stops.close(at),
  goOn: async ({ at }) => stops.open(at),
  events: () => Promise.resolve(events.splice(0)),
  close: async () => {
    await context.close();
    await database.end();
    await (client?.destroy ? client.destroy() : client?.disconnect());
  },
};

obey(commands);
