import { randomInt } from 'node:crypto';
import { createClient } from 'redis';
import { describe, expect, inject } from 'vitest';
import { freePort } from '../../../servers/index.js';
import { extent } from '../../support/extent.js';
import { fleetTest } from '../../support/process/fleet-test.js';
import { PATIENT, type InstanceProcess, type LoadAnswer } from '../../support/process/instance-process.js';

const CALLERS = 50;
const ROUNDS = extent(4, 10);

/** Instances whose ZooKeeper is not there. */
const it = fleetTest().extend('start', async ({ fleet }) => {
  const zooKeeperConnect = `127.0.0.1:${String(await freePort())}`;
  return (count: number, options: Readonly<Record<string, unknown>> = {}): Promise<InstanceProcess[]> =>
    fleet.start(count, { zooKeeperConnect, options: { ...PATIENT, lockTimeoutMs: 500, ...options } });
});

const typesOf = async (instance: InstanceProcess): Promise<string[]> =>
  (await instance.events()).map(({ type }) => type);

// Both wait until a heartbeat is missed, and do so at the same time.
describe.concurrent('several processes without a lock service, whose loader is gone', { timeout: 180_000 }, () => {
  it('the loader is killed with -9: one further load for all who waited, long before its lease is over', async ({
    fleet: { items },
    start,
  }) => {
    // The lease itself lives longer than this test may take.
    const [holder, ...others] = await start(3, { loadTimeoutMs: 600_000, floorMs: 900_000 });
    await items.put('k', 'value', 1);
    const gate = randomInt(2 ** 31);
    const openGate = await items.closeGate(gate);
    holder!.load('k', { loader: { gate } }).catch(() => undefined);
    await holder!.until('row-read');
    const waiting = others.map((instance) => instance.load('k', { callers: 20, loader: { gate } }));
    await Promise.all(others.map((instance) => instance.until('lease-busy')));
    await holder!.kill();
    await Promise.race(others.map((instance) => instance.until('row-read')));
    await openGate();
    const answers = (await Promise.all(waiting)).flat();
    expect(answers.every(({ value }) => value?.value === 'value')).toBe(true);
    expect(await items.loads('k')).toBe(2);
  });

  it('the loader is stopped until another has taken its turn, and the row has changed: the old row is never seen again', async ({
    fleet: { items },
    start,
  }) => {
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
});

describe('several processes without a lock service', { timeout: 180_000 }, () => {
  it('4 processes, 50 callers each, one cold key: exactly one load a round', async ({ fleet: { items }, start }) => {
    const fleet = await start(4);
    for (let round = 0; round < ROUNDS; round++) {
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
      expect(all).toHaveLength(fleet.length * CALLERS);
      expect(all.every(({ value }) => value?.value === 'value')).toBe(true);
      expect(await items.loads(key)).toBe(1);
      const heard = (await Promise.all(fleet.map((instance) => instance.events()))).flat();
      const loads = heard.filter(({ type }) => type === 'load-started');
      expect(loads).toEqual([expect.objectContaining({ under: 'lease', because: 'lock-unavailable' })]);
      expect(heard.filter(({ type }) => type === 'lease-waited')).toHaveLength(fleet.length - 1);
    }
  });

  it('waiters are woken by a message, and ask the store seldom', async ({ fleet: { items }, start }) => {
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

  it('load: one load in each process', async ({ fleet: { items }, start }) => {
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

  it('fail: LockUnavailableError', async ({ fleet: { items }, start }) => {
    const [one] = await start(1, { onLockUnavailable: 'fail' });
    await expect(one!.load('k')).rejects.toMatchObject({ name: 'LockUnavailableError' });
    expect(await items.loads('k')).toBe(0);
  });
});

describe('what the lease costs on the server', () => {
  it('nobody is told where nobody waits, and what is waited for leaves no trace', async ({
    fleet: { items, namespace },
    start,
  }) => {
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
