import { randomInt } from 'node:crypto';
import { Redis } from 'ioredis';
import { describe, expect, inject, vi } from 'vitest';
import { startRedis, startZooKeeper } from '../../../servers/index.js';
import { fleetTest, type Fleet } from '../../support/process/fleet-test.js';
import {
  PATIENT,
  SHORT_SESSION_MS,
  type InstanceProcess,
  type LoadAnswer,
} from '../../support/process/instance-process.js';

/** A test that begins with an old row. */
const it = fleetTest().extend('fleet', async ({ fleet }) => {
  await fleet.items.put('k', 'old', 1);
  return fleet;
});

/** A load that has read its row and does not go on before its gate is opened. */
async function stoppedLoad(
  { items }: Fleet,
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

// Both wait until a session is over, and do so at the same time.
describe.concurrent(
  'the deterministic races over processes, one of which loses its session',
  { timeout: 180_000 },
  () => {
    it('the lock service dies, and two loaders are alive', async ({ fleet, onTestFinished }) => {
      const zooKeeper = await startZooKeeper();
      onTestFinished(() => zooKeeper.stop());
      const zooKeeperConnect = zooKeeper.connectString;
      const [loser] = await fleet.start(1, { zooKeeperConnect, sessionTimeoutMs: SHORT_SESSION_MS });
      const [other, writer] = await fleet.start(2, { zooKeeperConnect, options: { ...PATIENT, lockTimeoutMs: 1_000 } });
      // 1. A load holds the lock, and reads the old row. 2. ZooKeeper is killed: the lock is lost, the loader goes on.
      const old = await stoppedLoad(fleet, loser!);
      await zooKeeper.kill();
      await loser!.until('lock-lost');
      // 3. The row changes, and the change is announced. 4. Another loads without a lock, and fills.
      await fleet.items.put('k', 'new', 2);
      await writer!.invalidate('k');
      expect((await other!.load('k', { policy: { waitMs: 1_000 } }))[0]!.value?.value).toBe('new');
      // 5. The first fills.
      await old.open();
      await old.answer;
      expect(await refusals(loser!)).toEqual(['filled']);
      expect(await load(writer!)).toBe('new');
    });

    it('a loader stopped past its session, continued after another had loaded and a third had changed the row', async ({
      fleet,
    }) => {
      const [sleeper, loader, writer] = await fleet.start(3, { sessionTimeoutMs: SHORT_SESSION_MS });
      // 1. A load has read the old row; its process is stopped, and its session expires.
      const old = await stoppedLoad(fleet, sleeper!);
      sleeper!.signal('SIGSTOP');
      // 2. Another gets the lock when the session is over, and loads the same row under the same lease.
      expect(await load(loader!)).toBe('old');
      // 3. A third changes the row, and announces it without a version: the lease alone decides.
      await fleet.items.put('k', 'new', 2);
      await writer!.invalidate('k');
      // 4. The sleeper goes on, and fills.
      sleeper!.signal('SIGCONT');
      await old.open();
      expect((await old.answer)[0]!.value?.value).toBe('old');
      expect(await refusals(sleeper!)).toEqual(['invalidated']);
      expect(await Promise.all([sleeper!, loader!, writer!].map(load))).toEqual(['new', 'new', 'new']);
    });
  },
);

describe('the deterministic races, over processes', { timeout: 180_000 }, () => {
  it('two loads, the older finishing last', async ({ fleet }) => {
    const [older, younger, writer] = await fleet.start(3);
    // 1. A load reads the old row. 2. The row changes, and another process announces it.
    const old = await stoppedLoad(fleet, older!);
    await fleet.items.put('k', 'new', 2);
    await writer!.invalidate('k');
    // 3. Another process loads the new row; it does not wait for the lock. 4. The older load ends last.
    expect((await younger!.load('k', { policy: { waitMs: 0 } }))[0]!.value?.value).toBe('new');
    await old.open();
    expect((await old.answer)[0]!.value?.value).toBe('new');
    expect(await refusals(older!)).toEqual(['filled']);
    expect((await older!.get('k'))?.value).toBe('new');
  });

  it('notices of two writers in reverse order', async ({ fleet }) => {
    const [first, second, reader] = await fleet.start(3);
    expect(await load(reader!)).toBe('old');
    // 1. The row changes twice. 2. The later change is announced first, and its row is loaded.
    await fleet.items.put('k', 'newest', 3);
    await second!.invalidate('k', 3);
    expect(await load(reader!)).toBe('newest');
    // 3. The earlier one's notice comes after all. It brings nothing back, and what is older is not stored.
    await first!.invalidate('k', 2);
    expect(await reader!.get('k')).toBeNull();
    await fleet.items.put('k', 'new', 2);
    expect(await load(reader!)).toBe('new');
    expect(await refusals(reader!)).toEqual(['older']);
    await fleet.items.put('k', 'newest', 3);
    expect(await load(first!)).toBe('newest');
    expect((await reader!.get('k'))?.value).toBe('newest');
  });

  it('the entry is deleted between lease and fill', async ({ fleet, onTestFinished }) => {
    const [loader, writer] = await fleet.start(2);
    const bystander = new Redis(inject('redisUrl'));
    onTestFinished(() => {
      bystander.disconnect();
    });
    // 1. A load reads the old row. 2. The row changes, and the change is announced. 3. What tells of it is deleted.
    const old = await stoppedLoad(fleet, loader!);
    await fleet.items.put('k', 'new', 2);
    await writer!.invalidate('k', 2);
    expect(await bystander.del(`${fleet.namespace}:cache:1:item:k`)).toBe(1);
    // 4. The load fills, and finds nothing.
    await old.open();
    expect((await old.answer)[0]!.value?.value).toBe('old');
    expect(await refusals(loader!)).toEqual(['evicted']);
    expect(await Promise.all([loader!, writer!].map(load))).toEqual(['new', 'new']);
  });

  it('Redis is restarted, empty, in mid-load', async ({ fleet, onTestFinished }) => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const [loader, writer] = await fleet.start(2, { redisUrl: redis.url });
    // 1. A load reads the old row. 2. The row changes, and the change is announced.
    const old = await stoppedLoad(fleet, loader!);
    await fleet.items.put('k', 'new', 2);
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
