import { randomInt, randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import {
  startRedisCluster,
  startRedisSentinel,
  startZooKeeperEnsemble,
  type OwnRedisCluster,
  type OwnRedisSentinel,
  type OwnZooKeeperEnsemble,
} from '../../../servers/index.js';
import { documentedSource, type Family } from '../../support/documented-clients.js';
import { DEGRADED, InstanceProcess, PATIENT, type InstanceSettings } from '../../support/process/instance-process.js';
import { ItemTable } from '../../support/process/item-table.js';

const CALLERS = 25;
const KEYS = 8;
/** Instances of one fleet need not have the same client. */
const families: Family[] = ['node-redis', 'ioredis', 'node-redis', 'ioredis'];

let cluster: OwnRedisCluster;
let sentinel: OwnRedisSentinel;
let ensemble: OwnZooKeeperEnsemble;
let namespace: string;
let items: ItemTable;
let fleet: InstanceProcess[] = [];

beforeAll(async () => {
  [cluster, sentinel, ensemble] = await Promise.all([
    startRedisCluster(),
    startRedisSentinel(),
    startZooKeeperEnsemble(),
  ]);
});

afterAll(async () => {
  await Promise.all([cluster.stop(), sentinel.stop(), ensemble.stop()]);
});

beforeEach(async () => {
  namespace = `topologies-${randomUUID()}`;
  items = await ItemTable.open(inject('postgresUrl'), namespace);
});

afterEach(async () => {
  const unhandled = fleet.flatMap((instance) => instance.unhandled);
  await Promise.all(fleet.map((instance) => instance.kill()));
  fleet = [];
  await items.close();
  expect(unhandled).toEqual([]);
});

async function start(settingsOf: (family: Family) => Partial<InstanceSettings>): Promise<void> {
  const common = {
    namespace,
    redisUrl: '',
    zooKeeperConnect: '',
    postgresUrl: inject('postgresUrl'),
    sessionTimeoutMs: 20_000,
    options: PATIENT,
  };
  fleet = await Promise.all(families.map((family) => InstanceProcess.start({ ...common, ...settingsOf(family) })));
}

/** All keys cold, all callers of all processes at once: they lie in many slots, and so on all masters. */
async function stampede(): Promise<void> {
  const keys = Array.from({ length: KEYS }, (_, n) => `key-${String(n)}`);
  for (const key of keys) await items.put(key, `value of ${key}`, 1);
  // The barrier: no load ends before every caller of every process has missed, however slow the machine is.
  const gate = randomInt(2 ** 31);
  const openGate = await items.closeGate(gate);
  const answers = keys.flatMap((key) =>
    fleet.map(async (instance) => ({ key, answers: await instance.load(key, { callers: CALLERS, loader: { gate } }) })),
  );
  await Promise.all(fleet.map((instance) => instance.until('miss', KEYS * CALLERS)));
  await openGate();
  for (const { key, answers: all } of await Promise.all(answers)) {
    expect(all).toHaveLength(CALLERS);
    expect(new Set(all.map(({ value }) => value?.value))).toEqual(new Set([`value of ${key}`]));
  }
  const heard = (await Promise.all(fleet.map((instance) => instance.events()))).flat();
  expect(heard.filter(({ type }) => DEGRADED.includes(type))).toEqual([]);
  for (const key of keys) expect(await items.loads(key)).toBe(1);
  expect(await Promise.all(fleet.map((instance) => instance.close()))).toEqual(fleet.map(() => 0));
}

const packageOf = (family: Family): 'redis' | 'ioredis' => (family === 'ioredis' ? 'ioredis' : 'redis');

describe('many cold keys, four processes, 25 callers of each key in each: one load a key', { timeout: 180_000 }, () => {
  it('on a Redis Cluster and a ZooKeeper ensemble', async () => {
    await start((family) => ({
      redisSample: {
        source: documentedSource('Cluster', family, cluster.endpoints),
        package: packageOf(family),
      },
      zooKeeperConnect: `${ensemble.connectString}/fleet`,
      zooKeeper: { auth: { scheme: 'digest', credentials: 'fleet:a-password' }, protectRoot: true },
    }));
    await stampede();
  });

  it('on a Redis behind Sentinels, which keeps the locks too', async () => {
    await start((family) => ({
      redisSample: {
        source: documentedSource('Sentinel', family, sentinel.endpoints),
        package: packageOf(family),
      },
      lock: 'redis',
    }));
    await stampede();
  });
});
