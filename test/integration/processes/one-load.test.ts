import { randomInt, randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import {
  DEGRADED,
  InstanceProcess,
  PATIENT,
  type InstanceSettings,
  type LoadAnswer,
} from '../../support/process/instance-process.js';
import { ItemTable } from '../../support/process/item-table.js';

const CALLERS = 50;

let namespace: string;
let items: ItemTable;
let instances: InstanceProcess[] = [];

const start = async (count: number, more: Partial<InstanceSettings> = {}): Promise<InstanceProcess[]> => {
  const settings: InstanceSettings = {
    namespace,
    redisUrl: inject('redisUrl'),
    zooKeeperConnect: inject('zooKeeperConnect'),
    postgresUrl: inject('postgresUrl'),
    sessionTimeoutMs: 20_000,
    options: PATIENT,
    ...more,
  };
  const started = await Promise.all(Array.from({ length: count }, () => InstanceProcess.start(settings)));
  instances.push(...started);
  return started;
};

beforeEach(async () => {
  namespace = `processes-${randomUUID()}`;
  items = await ItemTable.open(inject('postgresUrl'), namespace);
});

afterEach(async () => {
  const unhandled = instances.flatMap((instance) => instance.unhandled);
  await Promise.all(instances.map((instance) => instance.kill()));
  instances = [];
  await items.close();
  expect(unhandled).toEqual([]);
});

/** Each of an instance's callers has looked and found nothing. */
const missed = (instance: InstanceProcess): Promise<void> => instance.until('miss', CALLERS);

describe('one cold key, several processes, 50 callers in each', () => {
  it.each([1, 2, 4, 8])('%i processes: exactly one load a round, in 20 rounds', { timeout: 180_000 }, async (count) => {
    const fleet = await start(count);
    for (let round = 0; round < 20; round++) {
      const key = `round-${round}`;
      await items.put(key, 'value', 1);
      for (const instance of fleet) instance.forget();
      // The barrier: no load ends before every caller of every process has missed, however slow the machine is.
      const gate = randomInt(2 ** 31);
      const openGate = await items.closeGate(gate);
      const answers = fleet.map((instance) => instance.load(key, { callers: CALLERS, loader: { queryMs: 200, gate } }));
      await Promise.all(fleet.map(missed));
      await openGate();
      const all: LoadAnswer[] = (await Promise.all(answers)).flat();
      expect(all).toHaveLength(count * CALLERS);
      expect(all.every(({ value }) => value?.value === 'value')).toBe(true);
      const heard = await Promise.all(fleet.map((instance) => instance.events()));
      expect(heard.flat().filter(({ type }) => DEGRADED.includes(type))).toEqual([]);
      expect(await items.loads(key)).toBe(1);
      for (const events of heard) {
        const types = events.map(({ type }) => type);
        expect(types.filter((type) => type === 'miss')).toHaveLength(CALLERS);
        const waitedOrLoaded = ['lock-waited', 'filled-by-another', 'load-finished'];
        expect(types.filter((type) => waitedOrLoaded.includes(type))).toHaveLength(1);
      }
    }
    const codes = await Promise.all(fleet.map((instance) => instance.close()));
    expect(codes).toEqual(fleet.map(() => 0));
  });

  it('a loader of 30 s keeps a lock whose session lives 10 s', { timeout: 150_000 }, async () => {
    // A client takes itself for cut off after two thirds of it: more than a busy machine stands still for.
    const fleet = await start(4, { sessionTimeoutMs: 10_000 });
    await items.put('slow', 'value', 1);
    const answers = fleet.map((instance) => instance.load('slow', { callers: CALLERS, loader: { queryMs: 30_000 } }));
    const all = (await Promise.all(answers)).flat();
    expect(all.every(({ value }) => value?.value === 'value')).toBe(true);
    const heard = await Promise.all(fleet.map((instance) => instance.events()));
    expect(heard.flat().filter(({ type }) => DEGRADED.includes(type))).toEqual([]);
    expect(await items.loads('slow')).toBe(1);
  });

  it('waiters that give up before a slow load ends: one load per process at most, the first to finish is stored, nobody loads again', async () => {
    const fleet = await start(8);
    await items.put('slow', 'value', 1);
    const gate = randomInt(2 ** 31);
    const openGate = await items.closeGate(gate);
    const answers = fleet.map((instance) =>
      instance.load('slow', { callers: CALLERS, loader: { gate }, policy: { waitMs: 2_000 } }),
    );
    // Every process ends up loading: one by the lock, seven because their waiters lost patience.
    await Promise.all(fleet.map((instance) => instance.until('row-read')));
    expect(await items.loads('slow')).toBe(8);
    await openGate();
    const all = (await Promise.all(answers)).flat();
    expect(all.every(({ value }) => value?.value === 'value')).toBe(true);
    const again = (await Promise.all(fleet.map((instance) => instance.load('slow', { callers: CALLERS })))).flat();
    expect(again.every(({ outcome }) => outcome === 'HIT')).toBe(true);
    expect(await items.loads('slow')).toBe(8);
    const stored = (await Promise.all(fleet.map((instance) => instance.events()))).flat();
    expect(stored.filter(({ type }) => type === 'stored')).toHaveLength(1);
  });
});
