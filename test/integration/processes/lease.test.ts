import { randomInt, randomUUID } from 'node:crypto';
import { createClient } from 'redis';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { freePort } from '../../../servers/index.js';
import { InstanceProcess, PATIENT, type LoadAnswer } from '../../support/process/instance-process.js';
import { ItemTable } from '../../support/process/item-table.js';

const CALLERS = 50;

let namespace: string;
let items: ItemTable;
let instances: InstanceProcess[] = [];

/** Instances whose ZooKeeper is not there. */
const start = async (count: number, options: Readonly<Record<string, unknown>> = {}): Promise<InstanceProcess[]> => {
  const zooKeeperConnect = `127.0.0.1:${String(await freePort())}`;
  const settings = {
    namespace,
    redisUrl: inject('redisUrl'),
    zooKeeperConnect,
    postgresUrl: inject('postgresUrl'),
    sessionTimeoutMs: 4_000,
    options: { ...PATIENT, lockTimeoutMs: 500, ...options },
  };
  const started = await Promise.all(Array.from({ length: count }, () => InstanceProcess.start(settings)));
  instances.push(...started);
  return started;
};

const typesOf = async (instance: InstanceProcess): Promise<string[]> =>
  (await instance.events()).map(({ type }) => type);

beforeEach(async () => {
  namespace = `lease-${randomUUID()}`;
  items = await ItemTable.open(inject('postgresUrl'), namespace);
});

afterEach(async () => {
  const unhandled = instances.flatMap((instance) => instance.unhandled);
  for (const instance of instances) instance.signal('SIGCONT');
  await Promise.all(instances.map((instance) => instance.kill()));
  instances = [];
  await items.close();
  expect(unhandled).toEqual([]);
});

describe('several processes without a lock service', { timeout: 180_000 }, () => {
  it.each([2, 4])('%i processes, 50 callers each, one cold key: exactly one load, in 10 rounds', async (count) => {
    const fleet = await start(count);
    for (let round = 0; round < 10; round++) {
      const key = `round-${round}`;
      await items.put(key, 'value', 1);
      for (const instance of fleet) instance.forget();
      const gate = randomInt(2 ** 31);
      const openGate = await items.closeGate(gate);
      const answers = fleet.map((instance) => instance.load(key, { callers: CALLERS, loader: { gate } }));
      // One loads, all others have found it at work.
      await Promise.all(
        fleet.map((instance) => Promise.race([instance.until('lease-busy'), instance.until('row-read')])),
      );
      await openGate();
      const all: LoadAnswer[] = (await Promise.all(answers)).flat();
      expect(all).toHaveLength(count * CALLERS);
      expect(all.every(({ value }) => value?.value === 'value')).toBe(true);
      expect(await items.loads(key)).toBe(1);
      const heard = (await Promise.all(fleet.map((instance) => instance.events()))).flat();
      const loads = heard.filter(({ type }) => type === 'load-started');
      expect(loads).toEqual([expect.objectContaining({ under: 'lease', because: 'lock-unavailable' })]);
      expect(heard.filter(({ type }) => type === 'lease-waited')).toHaveLength(count - 1);
    }
    const codes = await Promise.all(fleet.map((instance) => instance.close()));
    expect(codes).toEqual(fleet.map(() => 0));
  });

  it('waiters are woken by a message, and ask the store seldom', async () => {
    const [loader, waiter] = await start(2);
    // The first wait opens the subscription; of the others one may by chance look in the same instant in which it is told.
    for (const key of ['1', '2', '3', '4', '5']) {
      await items.put(key, 'value', 1);
      const gate = randomInt(2 ** 31);
      const openGate = await items.closeGate(gate);
      loader!.forget();
      waiter!.forget();
      const loading = loader!.load(key, { loader: { gate } });
      await loader!.until('row-read');
      const waiting = waiter!.load(key);
      await waiter!.until('lease-busy');
      await openGate();
      await Promise.all([loading, waiting]);
    }
    const waited = (await waiter!.events()).filter(({ type }) => type === 'lease-waited');
    expect(waited).toHaveLength(5);
    expect(waited.map(({ reason }) => reason)).toContain('told');
  });

  it('the loader is killed with -9: one further load for all who waited, long before its lease is over', async () => {
    const [holder, ...others] = await start(4);
    await items.put('k', 'value', 1);
    const gate = randomInt(2 ** 31);
    const openGate = await items.closeGate(gate);
    holder!.load('k', { loader: { gate } }).catch(() => undefined);
    await holder!.until('row-read');
    const waiting = others.map((instance) => instance.load('k', { callers: 20, loader: { gate } }));
    await Promise.all(others.map((instance) => instance.until('lease-busy')));
    const killedAt = performance.now();
    await holder!.kill();
    await Promise.race(others.map((instance) => instance.until('row-read')));
    // The lease itself lives two minutes here.
    expect(performance.now() - killedAt).toBeLessThan(60_000);
    await openGate();
    const answers = (await Promise.all(waiting)).flat();
    expect(answers.every(({ value }) => value?.value === 'value')).toBe(true);
    expect(await items.loads('k')).toBe(2);
  });

  it('the loader is stopped until another has taken its turn, and the row has changed: the old row is never seen again', async () => {
    const [paused, loader, writer] = await start(3);
    await items.put('k', 'old', 1);
    const gate = randomInt(2 ** 31);
    const openGate = await items.closeGate(gate);
    const old = paused!.load('k', { loader: { gate } });
    await paused!.until('row-read');
    paused!.signal('SIGSTOP');
    // Another waits for it until its word is over, and loads the row of now.
    await items.put('k', 'new', 2);
    const [fresh] = await loader!.load('k');
    expect(fresh!.value?.value).toBe('new');
    await writer!.invalidate('k', 2);
    paused!.signal('SIGCONT');
    await openGate();
    expect(['old', 'new']).toContain((await old)[0]!.value?.value);
    await paused!.until('superseded');
    const seen = await Promise.all([paused!, loader!, writer!].map((instance) => instance.load('k', { callers: 5 })));
    expect(new Set(seen.flat().map(({ value }) => value?.value))).toEqual(new Set(['new']));
    expect(await typesOf(loader!)).toContain('lease-waited');
  });

  it('load: one load in each process', async () => {
    const fleet = await start(3, { onLockUnavailable: 'load' });
    await items.put('k', 'value', 1);
    const gate = randomInt(2 ** 31);
    const openGate = await items.closeGate(gate);
    const answers = fleet.map((instance) => instance.load('k', { callers: CALLERS, loader: { gate } }));
    await Promise.all(fleet.map((instance) => instance.until('row-read')));
    await openGate();
    await Promise.all(answers);
    expect(await items.loads('k')).toBe(3);
  });

  it('fail: LockUnavailableError', async () => {
    const [one] = await start(1, { onLockUnavailable: 'fail' });
    await expect(one!.load('k')).rejects.toMatchObject({ name: 'LockUnavailableError' });
    expect(await items.loads('k')).toBe(0);
  });
});

describe('what the lease costs on the server', () => {
  it('nobody is told where nobody waits, and what is waited for leaves no trace', async () => {
    const listener = createClient({ url: inject('redisUrl') });
    await listener.connect();
    const told: string[] = [];
    const [one, other] = await start(2);
    await listener.subscribe(`${namespace}:ended:1`, (message) => told.push(message));
    await items.put('alone', 'value', 1);
    await one!.load('alone');
    expect(told).toEqual([]);
    await items.put('k', 'value', 1);
    const gate = randomInt(2 ** 31);
    const openGate = await items.closeGate(gate);
    const loading = one!.load('k', { loader: { gate } });
    await one!.until('row-read', 2);
    const waiting = other!.load('k');
    await other!.until('lease-busy');
    await openGate();
    await Promise.all([loading, waiting]);
    await expect.poll(() => told.length).toBe(1);
    const plain = listener.duplicate();
    await plain.connect();
    const fields = await plain.hKeys(told[0]!);
    expect(fields).not.toContain('waited');
    expect(fields).toContain('payload');
    plain.destroy();
    listener.destroy();
  });
});
