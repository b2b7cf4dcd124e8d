import { afterAll, beforeAll, describe, expect, vi } from 'vitest';
import { ask, startRedisCluster, type OwnRedisCluster } from '../../../servers/index.js';
import { documentedSource } from '../../support/documented-clients.js';
import { fleetTest, type Fleet } from '../../support/process/fleet-test.js';
import type { InstanceProcess, InstanceSettings, Row } from '../../support/process/instance-process.js';

const overFleet = fleetTest();

/*
 * A list reads row 42, 42 changes, and the change is announced; the list is filled. Loader and writer are processes of their own; each step of either (register and check, fill; mark and
 * read the registered keys, invalidate each) is stopped where the test says.
 */
const LIST = ['41', '42'];
const TAG = '42';
const PATIENCE = { timeout: 60_000, interval: 100 };

let cluster: OwnRedisCluster;

interface World {
  readonly items: Fleet['items'];
  readonly loader: InstanceProcess;
  readonly writer: InstanceProcess;
  /** The key of the list: in a cluster another node keeps it than the tag. */
  readonly key: string;
}

const values = (rows: readonly Row[]): string[] => rows.map(({ value }) => value);

const refusals = async (at: InstanceProcess): Promise<(string | undefined)[]> =>
  (await at.events()).filter(({ type }) => type === 'superseded').map(({ reason }) => reason);

async function change({ items, writer }: World): Promise<void> {
  await items.put('42', 'new', 2);
  await writer.invalidateTags([TAG]);
}

/** Whoever begins to read now gets the new list, in either process, and it is the new one that is stored. */
async function onlyTheNewIsServed({ loader, writer, key }: World): Promise<void> {
  for (const reader of [loader, writer, loader, writer])
    expect(values(await reader.loadList(key, LIST))).toEqual(['other', 'new']);
  // In a cluster what is loaded within the margin of the nodes' clocks after the announcement is not stored yet.
  await vi.waitFor(async () => {
    expect(values(await loader.loadList(key, LIST))).toEqual(['other', 'new']);
    expect(await writer.get(key)).toMatchObject([{ value: 'other' }, { value: 'new' }]);
  }, PATIENCE);
}

async function open(fleet: Fleet, key: string, more: Partial<InstanceSettings> = {}): Promise<World> {
  await fleet.items.put('41', 'other', 1);
  await fleet.items.put('42', 'old', 1);
  const [loader, writer] = (await fleet.start(2, more)) as [InstanceProcess, InstanceProcess];
  return { items: fleet.items, loader, writer, key };
}

const onOneRedis = (fleet: Fleet): Promise<World> => open(fleet, 'list');

async function nodeOf(key: string): Promise<number> {
  const slot = /:(\d+)/.exec(await ask(cluster.nodes[0]!.port, `CLUSTER KEYSLOT ${key}\r\n`))?.[1];
  return (await cluster.masterOf(Number(slot))).port;
}

async function onACluster(fleet: Fleet): Promise<World> {
  const client = { source: documentedSource('Cluster', 'node-redis', cluster.endpoints), package: 'redis' } as const;
  const nodeOfTag = await nodeOf(`${fleet.namespace}:tag:1:tag:${TAG}`);
  let key = 'list';
  while ((await nodeOf(`${fleet.namespace}:cache:1:item:${key}`)) === nodeOfTag) key += '-';
  return open(fleet, key, { redisSample: client });
}

beforeAll(async () => {
  cluster = await startRedisCluster();
});

afterAll(async () => {
  await cluster.stop();
});

describe.each([
  ['one Redis', onOneRedis],
  ['a Redis Cluster, tag and list on different nodes', onACluster],
])('a list is filled after a row of it has changed, over two processes on %s', { timeout: 180_000 }, (_, reach) => {
  const it = overFleet.extend('world', ({ fleet }) => reach(fleet));

  it('announced before the list registers: its registration is refused', async ({ world }) => {
    const { loader, key } = world;
    // 1. The list is read, and not registered yet. 2. The row changes, and the announcement finds nobody.
    const beforeRegister = await loader.stop(`before register tag:${TAG}`);
    const old = loader.loadList(key, LIST);
    await beforeRegister.arrived();
    await change(world);
    // 3. The list registers.
    await beforeRegister.goOn();
    expect(values(await old)).toEqual(['other', 'old']);
    expect(await refusals(loader)).toEqual(['tag-invalidated']);
    await onlyTheNewIsServed(world);
  });

  it('registered and checked, and announced before the loader hears of it: its fill is refused', async ({ world }) => {
    const { loader, key } = world;
    // 1. The list is read and registered; the reply is under way. 2. The row changes; the announcement finds the list.
    const afterRegister = await loader.stop(`after register tag:${TAG}`);
    const old = loader.loadList(key, LIST);
    await afterRegister.arrived();
    await change(world);
    // 3. The loader goes on, and fills.
    await afterRegister.goOn();
    expect(values(await old)).toEqual(['other', 'old']);
    expect(await refusals(loader)).toEqual(['invalidated']);
    await onlyTheNewIsServed(world);
  });

  it('announced between the check and the fill: the fill is refused', async ({ world }) => {
    const { loader, key } = world;
    // 1. The list is read, registered with all its tags and checked.
    const beforeFill = await loader.stop(`before fill item:${key}`);
    const old = loader.loadList(key, LIST);
    await beforeFill.arrived();
    // 2. The row changes; the announcement finds the list and takes its lease away. 3. The list is filled.
    await change(world);
    await beforeFill.goOn();
    expect(values(await old)).toEqual(['other', 'old']);
    expect(await refusals(loader)).toEqual(['invalidated']);
    await onlyTheNewIsServed(world);
  });

  it('filled after the announcement has read the registered keys, before it invalidates them', async ({ world }) => {
    const { loader, writer, key } = world;
    // 1. The list is read, registered and checked.
    const beforeFill = await loader.stop(`before fill item:${key}`);
    const old = loader.loadList(key, LIST);
    await beforeFill.arrived();
    // 2. The row changes; the announcement is marked and has found the list. 3. The list is filled: nobody was promised anything yet.
    const beforeInvalidate = await writer.stop(`before invalidate item:${key}`);
    const changed = change(world);
    await beforeInvalidate.arrived();
    await beforeFill.goOn();
    expect(values(await old)).toEqual(['other', 'old']);
    expect(await refusals(loader)).toEqual([]);
    // 4. The list is invalidated; only now the announcement is made.
    await beforeInvalidate.goOn();
    await changed;
    await onlyTheNewIsServed(world);
  });

  it('the mark is made before the list registers, its keys are read before that too: nothing is left to invalidate, and nothing stored', async ({
    world,
  }) => {
    const { loader, writer, key } = world;
    // 1. The list is read. 2. The row changes; the announcement is marked, and its reply, which tells no key, is under way.
    const beforeRegister = await loader.stop(`before register tag:${TAG}`);
    const afterAnnounce = await writer.stop(`after announce tag:${TAG}`);
    const old = loader.loadList(key, LIST);
    await beforeRegister.arrived();
    const changed = change(world);
    await afterAnnounce.arrived();
    // 3. The list registers while the announcement is under way: it sees the mark. 4. The announcement is done.
    await beforeRegister.goOn();
    expect(values(await old)).toEqual(['other', 'old']);
    expect(await refusals(loader)).toEqual(['tag-invalidated']);
    await afterAnnounce.goOn();
    await changed;
    await onlyTheNewIsServed(world);
  });

  it('announced after the fill: the entry goes', async ({ world }) => {
    const { loader, writer, key } = world;
    expect(values(await loader.loadList(key, LIST))).toEqual(['other', 'old']);
    expect(await writer.get(key)).toMatchObject([{ value: 'other' }, { value: 'old' }]);
    await change(world);
    expect(await Promise.all([loader.get(key), writer.get(key)])).toEqual([null, null]);
    await onlyTheNewIsServed(world);
  });

  it('a reader in the loading process, after the announcement, does not share the outdated load', async ({ world }) => {
    const { loader, key } = world;
    // 1. The list is read, and not registered yet. 2. The row changes and is announced: the lease of the list is untouched.
    const beforeRegister = await loader.stop(`before register tag:${TAG}`);
    const old = loader.loadList(key, LIST);
    await beforeRegister.arrived();
    await change(world);
    // 3. A reader begins, sees the lease, and joins. 4. The load registers, and is refused.
    const late = loader.loadList(key, LIST);
    await loader.until('joined');
    await beforeRegister.goOn();
    expect(values(await old)).toEqual(['other', 'old']);
    expect(values(await late)).toEqual(['other', 'new']);
    await onlyTheNewIsServed(world);
  });
});
