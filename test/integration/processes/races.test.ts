import { randomInt, randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { startRedis, startZooKeeper } from '../../../servers/index.js';
import {
  InstanceProcess,
  PATIENT,
  type InstanceSettings,
  type LoadAnswer,
} from '../../support/process/instance-process.js';
import { ItemTable } from '../../support/process/item-table.js';

let namespace: string;
let items: ItemTable;
let instances: InstanceProcess[] = [];
let closers: (() => unknown)[] = [];

async function start(count: number, more: Partial<InstanceSettings> = {}): Promise<InstanceProcess[]> {
  const settings = {
    namespace,
    redisUrl: inject('redisUrl'),
    zooKeeperConnect: inject('zooKeeperConnect'),
    postgresUrl: inject('postgresUrl'),
    sessionTimeoutMs: 2_000,
    options: PATIENT,
    ...more,
  };
  const started = await Promise.all(Array.from({ length: count }, () => InstanceProcess.start(settings)));
  instances.push(...started);
  return started;
}

/** A load that has read its row and does not go on before its gate is opened. */
async function stoppedLoad(
  at: InstanceProcess,
  policy: Record<string, unknown> = {},
): Promise<{ answer: Promise<LoadAnswer[]>; open: () => Promise<void> }> {
  const gate = randomInt(2 ** 31);
  const open = await items.closeGate(gate);
  const answer = at.load('k', { loader: { gate }, policy });
  await at.until('row-read');
  return { answer, open };
}

async function refusals(at: InstanceProcess): Promise<(string | undefined)[]> {
  return (await at.events()).filter(({ type }) => type === 'superseded').map(({ reason }) => reason);
}

const load = async (at: InstanceProcess): Promise<string | undefined> => (await at.load('k'))[0]?.value?.value;

beforeEach(async () => {
  namespace = `races-${randomUUID()}`;
  items = await ItemTable.open(inject('postgresUrl'), namespace);
  await items.put('k', 'old', 1);
});

afterEach(async () => {
  const unhandled = instances.flatMap((instance) => instance.unhandled);
  for (const instance of instances) instance.signal('SIGCONT');
  await Promise.all(instances.map((instance) => instance.kill()));
  instances = [];
  for (const close of closers.reverse()) await close();
  closers = [];
  await items.close();
  expect(unhandled).toEqual([]);
});

describe('the deterministic races, over processes', { timeout: 180_000 }, () => {
  it('two loads, the older finishing last', async () => {
    const [older, younger, writer] = await start(3);
    // 1. A load reads the old row. 2. The row changes, and another process announces it.
    const old = await stoppedLoad(older!);
    await items.put('k', 'new', 2);
    await writer!.invalidate('k');
    // 3. Another process loads the new row; it does not wait for the lock. 4. The older load ends last.
    expect((await younger!.load('k', { policy: { waitMs: 0 } }))[0]!.value?.value).toBe('new');
    await old.open();
    expect((await old.answer)[0]!.value?.value).toBe('new');
    expect(await refusals(older!)).toEqual(['filled']);
    expect((await older!.get('k'))?.value).toBe('new');
  });

  it('the lock service dies, and two loaders are alive', async () => {
    const zooKeeper = await startZooKeeper();
    closers.push(() => zooKeeper.stop());
    const [loser, other, writer] = await start(3, {
      zooKeeperConnect: zooKeeper.connectString,
      options: { ...PATIENT, lockTimeoutMs: 1_000 },
    });
    // 1. A load holds the lock, and reads the old row. 2. ZooKeeper is killed: the lock is lost, the loader goes on.
    const old = await stoppedLoad(loser!);
    await zooKeeper.kill();
    await loser!.until('lock-lost');
    // 3. The row changes, and the change is announced. 4. Another loads without a lock, and fills.
    await items.put('k', 'new', 2);
    await writer!.invalidate('k');
    expect((await other!.load('k', { policy: { waitMs: 1_000 } }))[0]!.value?.value).toBe('new');
    // 5. The first fills.
    await old.open();
    await old.answer;
    expect(await refusals(loser!)).toEqual(['filled']);
    expect(await load(writer!)).toBe('new');
  });

  it('a loader stopped past its session, continued after another had loaded and a third had changed the row', async () => {
    const [sleeper, loader, writer] = await start(3);
    // 1. A load has read the old row; its process is stopped, and its session expires.
    const old = await stoppedLoad(sleeper!);
    sleeper!.signal('SIGSTOP');
    // 2. Another gets the lock when the session is over, and loads the same row under the same lease.
    expect(await load(loader!)).toBe('old');
    // 3. A third changes the row, and announces it without a version: the lease alone decides.
    await items.put('k', 'new', 2);
    await writer!.invalidate('k');
    // 4. The sleeper goes on, and fills.
    sleeper!.signal('SIGCONT');
    await old.open();
    expect((await old.answer)[0]!.value?.value).toBe('old');
    expect(await refusals(sleeper!)).toEqual(['invalidated']);
    expect(await Promise.all([sleeper!, loader!, writer!].map(load))).toEqual(['new', 'new', 'new']);
  });

  it('notices of two writers in reverse order', async () => {
    const [first, second, reader] = await start(3);
    expect(await load(reader!)).toBe('old');
    // 1. The row changes twice. 2. The later change is announced first, and its row is loaded.
    await items.put('k', 'newest', 3);
    await second!.invalidate('k', 3);
    expect(await load(reader!)).toBe('newest');
    // 3. The earlier one's notice comes after all. It brings nothing back, and what is older is not stored.
    await first!.invalidate('k', 2);
    expect(await reader!.get('k')).toBeNull();
    await items.put('k', 'new', 2);
    expect(await load(reader!)).toBe('new');
    expect(await refusals(reader!)).toEqual(['older']);
    await items.put('k', 'newest', 3);
    expect(await load(first!)).toBe('newest');
    expect((await reader!.get('k'))?.value).toBe('newest');
  });

  it('the entry is deleted between lease and fill', async () => {
    const [loader, writer] = await start(2);
    const bystander = new Redis(inject('redisUrl'));
    closers.push(() => {
      bystander.disconnect();
    });
    // 1. A load reads the old row. 2. The row changes, and the change is announced. 3. What tells of it is deleted.
    const old = await stoppedLoad(loader!);
    await items.put('k', 'new', 2);
    await writer!.invalidate('k', 2);
    expect(await bystander.del(`${namespace}:cache:1:item:k`)).toBe(1);
    // 4. The load fills, and finds nothing.
    await old.open();
    expect((await old.answer)[0]!.value?.value).toBe('old');
    expect(await refusals(loader!)).toEqual(['evicted']);
    expect(await Promise.all([loader!, writer!].map(load))).toEqual(['new', 'new']);
  });

  it('Redis is restarted, empty, in mid-load', async () => {
    const redis = await startRedis();
    closers.push(() => redis.stop());
    const [loader, writer] = await start(2, { redisUrl: redis.url });
    // 1. A load reads the old row. 2. The row changes, and the change is announced.
    const old = await stoppedLoad(loader!);
    await items.put('k', 'new', 2);
    await writer!.invalidate('k');
    // 3. Redis forgets the announcement and everything else.
    await redis.restart();
    await vi.waitFor(async () => expect((await writer!.load('probe'))[0]!.outcome).toBe('HIT'), { timeout: 30_000 });
    await vi.waitFor(async () => expect((await loader!.load('probe'))[0]!.outcome).toBe('HIT'), { timeout: 30_000 });
    // 4. The load fills: the lease is gone with the rest.
    await old.open();
    expect((await old.answer)[0]!.value?.value).toBe('old');
    expect(await refusals(loader!)).toEqual(['evicted']);
    expect(await Promise.all([loader!, writer!].map(load))).toEqual(['new', 'new']);
  });
});
