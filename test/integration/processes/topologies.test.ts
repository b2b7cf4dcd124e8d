import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import {
  startRedisCluster,
  startRedisSentinel,
  startZooKeeperEnsemble,
  type OwnRedisCluster,
  type OwnRedisSentinel,
  type OwnZooKeeperEnsemble,
} from '../../../servers/index.js';
import { documentedSource, type Family } from '../../support/documented-clients.js';
import { fleetTest, type Fleet } from '../../support/process/fleet-test.js';
import { DEGRADED, type InstanceSettings } from '../../support/process/instance-process.js';

const it = fleetTest();

const CALLERS = 25;
const KEYS = 8;
/** Instances of one fleet need not have the same client. */
const families: Family[] = ['node-redis', 'ioredis', 'node-redis', 'ioredis'];

let cluster: OwnRedisCluster;
let sentinel: OwnRedisSentinel;
let ensemble: OwnZooKeeperEnsemble;

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

/** All keys cold, all callers of all processes at once: they lie in many slots, and so on all masters. */
async function stampede(
  { items, start }: Fleet,
  settingsOf: (family: Family) => Partial<InstanceSettings>,
): Promise<void> {
  const fleet = (await Promise.all(families.map((family) => start(1, settingsOf(family))))).flat();
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
}

const packageOf = (family: Family): 'redis' | 'ioredis' => (family === 'ioredis' ? 'ioredis' : 'redis');

describe('many cold keys, four processes, 25 callers of each key in each: one load a key', { timeout: 180_000 }, () => {
  it('on a Redis Cluster and a ZooKeeper ensemble', async ({ fleet }) => {
    await stampede(fleet, (family) => ({
      redisSample: {
        source: documentedSource('Cluster', family, cluster.endpoints),
        package: packageOf(family),
      },
      zooKeeperConnect: `${ensemble.connectString}/fleet`,
      zooKeeper: { auth: { scheme: 'digest', credentials: 'fleet:a-password' }, protectRoot: true },
    }));
  });

  it('on a Redis behind Sentinels, which keeps the locks too', async ({ fleet }) => {
    await stampede(fleet, (family) => ({
      redisSample: {
        source: documentedSource('Sentinel', family, sentinel.endpoints),
        package: packageOf(family),
      },
      lock: 'redis',
    }));
  });
});
