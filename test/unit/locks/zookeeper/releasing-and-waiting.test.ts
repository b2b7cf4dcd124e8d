import { describe, expect, it } from 'vitest';
import type { BusyLock, HeldLock } from '../../../../lib/core/lock-provider.js';
import { lockNodePath } from '../../../../lib/locks/zookeeper/node-path.js';
import { ZkCode } from '../../../../lib/locks/zookeeper/zk-client-port.js';
import { Gate, LOCKS, openConnected, type Stage } from './staged-zoo-keeper.js';

const path = lockNodePath(LOCKS, 'k');

async function take(stage: Stage): Promise<HeldLock> {
  const pending = stage.provider.tryAcquire('k', { timeoutMs: 60_000 });
  await stage.clock.settle();
  const lock = await pending;
  if (!lock.acquired) throw new Error('busy');
  return lock;
}

async function findTaken(stage: Stage): Promise<BusyLock> {
  if (!stage.servers.nodes.has(path)) stage.servers.create(path, 'theirs', 'another');
  const pending = stage.provider.tryAcquire('k', { timeoutMs: 60_000 });
  await stage.clock.settle();
  const lock = await pending;
  if (lock.acquired) throw new Error('not busy');
  return lock;
}

describe('a release', () => {
  it('is one delete, however often it is called, and fires no signal', async () => {
    const stage = await openConnected();
    const held = await take(stage);
    await Promise.all([held.release(), held.release()]);
    await held.release();
    expect(stage.servers.operations).toEqual(['get', 'create', 'get', 'remove']);
    expect(held.signal.aborted).toBe(false);
    expect(stage.clock.pendingTimers).toBe(0);
  });

  it.each([ZkCode.connectionLoss, ZkCode.operationTimeout, ZkCode.closing])(
    'that was answered with %i and executed is not executed again on the lock of another',
    async (code) => {
      const stage = await openConnected();
      const { servers, clock } = stage;
      const held = await take(stage);
      const gate = new Gate();
      // 1. Our delete is executed, and the answer is lost.
      servers.stage('remove', { code });
      servers.stage('sync', { after: gate.passed });
      await held.release();
      // 2. Another creates the node.
      servers.create(path, 'theirs', 'another');
      gate.open();
      // 3. We make sure that ours is gone.
      await clock.advance(60_000);
      expect(servers.nodes.get(path)?.data).toBe('theirs');
      expect(servers.operations.filter((operation) => operation === 'remove')).toHaveLength(1);
      expect(clock.pendingTimers).toBe(0);
    },
  );

  it('that was not executed is repeated, half a second apart, until it is', async () => {
    const stage = await openConnected();
    const { servers, clock } = stage;
    const held = await take(stage);
    servers.stage('remove', { executed: false }, { executed: false });
    servers.stage('sync', { code: ZkCode.connectionLoss });
    await held.release();
    await clock.advance(499);
    expect(servers.locks).toHaveLength(1);
    await clock.advance(1);
    expect(servers.locks).toHaveLength(1);
    await clock.advance(500);
    expect(servers.locks).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('without a connection is made good at its return, and asks nothing meanwhile', async () => {
    const stage = await openConnected();
    const { servers, clock } = stage;
    const held = await take(stage);
    servers.client.disconnect();
    await held.release();
    await clock.advance(50);
    expect(servers.operations).toEqual(['get', 'create', 'get']);
    servers.client.connect();
    await clock.settle();
    expect(servers.locks).toEqual([]);
    expect(held.signal.aborted).toBe(false);
  });

  it('is forgotten with the session: the servers remove its nodes', async () => {
    const stage = await openConnected();
    const { servers, clock } = stage;
    const held = await take(stage);
    servers.client.disconnect();
    await held.release();
    servers.client.expire();
    servers.create(path, 'theirs', 'another');
    await clock.advance(100);
    servers.client.connect();
    await clock.advance(60_000);
    expect(servers.nodes.get(path)?.data).toBe('theirs');
    await findTaken(stage);
    expect(servers.operations).toEqual(['get', 'create', 'get', 'get']);
  });

  it('that the servers refuse is not repeated for ever', async () => {
    const stage = await openConnected();
    const held = await take(stage);
    stage.servers.stage('remove', { executed: false, code: ZkCode.noAuth }, { executed: false, code: ZkCode.noAuth });
    await held.release();
    await stage.clock.advance(60_000);
    expect(stage.servers.operations.filter((operation) => operation === 'remove')).toHaveLength(2);
    expect(stage.clock.pendingTimers).toBe(0);
  });

  it('of a lost lock asks nothing of the servers', async () => {
    const stage = await openConnected();
    const held = await take(stage);
    stage.servers.remove(path);
    expect(held.signal.aborted).toBe(true);
    stage.servers.create(path, 'theirs', 'another');
    await held.release();
    expect(stage.servers.nodes.has(path)).toBe(true);
    expect(stage.servers.operations).toEqual(['get', 'create', 'get']);
  });

  it('ends when the session is lost while it waits for the answer', async () => {
    const stage = await openConnected();
    const held = await take(stage);
    stage.servers.stage('remove', { executed: false, after: new Promise(() => undefined) });
    const released = held.release();
    await stage.clock.settle();
    stage.servers.client.expire();
    await stage.clock.advance(3_000);
    await released;
    // Who gives a lock back has done its work, and is not to be told to stop.
    expect(held.signal.aborted).toBe(false);
  });
});

describe('a wait', () => {
  it('ends when the node goes: before it began, or after', async () => {
    const stage = await openConnected();
    const [early, late] = [await findTaken(stage), await findTaken(stage)];
    const waiting = late.wait({ timeoutMs: 60_000 });
    stage.servers.remove(path);
    expect(await waiting).toBe('vanished');
    expect(await early.wait({ timeoutMs: 60_000 })).toBe('vanished');
    expect(stage.clock.pendingTimers).toBe(0);
  });

  it('ends by its time, its signal and its disposal, each for itself', async () => {
    const stage = await openConnected();
    const giveUp = new AbortController();
    const byTime = (await findTaken(stage)).wait({ timeoutMs: 100 });
    const bySignal = (await findTaken(stage)).wait({ timeoutMs: 60_000, signal: giveUp.signal });
    const disposed = await findTaken(stage);
    const byDisposal = disposed.wait({ timeoutMs: 60_000 });
    const untouched = (await findTaken(stage)).wait({ timeoutMs: 60_000 });
    await stage.clock.advance(100);
    expect(await byTime).toBe('timeout');
    giveUp.abort();
    expect(await bySignal).toBe('aborted');
    disposed.dispose();
    disposed.dispose();
    expect(await byDisposal).toBe('aborted');
    expect(await (await findTaken(stage)).wait({ timeoutMs: 60_000, signal: AbortSignal.abort() })).toBe('aborted');
    stage.servers.remove(path);
    expect(await untouched).toBe('vanished');
    expect(stage.clock.pendingTimers).toBe(0);
  });

  it('goes on through a lost connection: its watch is armed again', async () => {
    const stage = await openConnected();
    const { servers, clock } = stage;
    const waiting = (await findTaken(stage)).wait({ timeoutMs: 60_000 });
    servers.client.disconnect({ idle: true });
    await clock.advance(200);
    servers.client.connect();
    await clock.settle();
    expect(servers.operations).toEqual(['get', 'get']);
    servers.remove(path);
    expect(await waiting).toBe('vanished');
  });

  it.each(['gone', 'changed hands'])(
    'ends at the return of the connection when the node has %s meanwhile',
    async (what) => {
      const stage = await openConnected();
      const { servers, clock } = stage;
      const waiting = (await findTaken(stage)).wait({ timeoutMs: 60_000 });
      servers.client.disconnect({ idle: true });
      servers.remove(path);
      if (what !== 'gone') servers.create(path, 'theirs', 'a third');
      await clock.advance(200);
      servers.client.connect();
      expect(await waiting).toBe('vanished');
    },
  );

  it('ends with contact-lost when nothing can be said any more', async () => {
    const stage = await openConnected();
    const { servers, clock } = stage;
    const [first, second] = [await findTaken(stage), await findTaken(stage)];
    const waiting = first.wait({ timeoutMs: 60_000 });
    servers.client.expire();
    expect(await waiting).toBe('contact-lost');
    expect(await second.wait({ timeoutMs: 60_000 })).toBe('contact-lost');
    await clock.advance(100);
    servers.client.connect();
    const again = (await findTaken(stage)).wait({ timeoutMs: 60_000 });
    servers.client.disconnect();
    servers.client.refuse();
    expect(await again).toBe('contact-lost');
  });

  it('for a lock of the same process ends with its release, or its loss', async () => {
    const stage = await openConnected();
    const held = await take(stage);
    const busy = await findTaken(stage);
    const waiting = busy.wait({ timeoutMs: 60_000 });
    await held.release();
    expect(await waiting).toBe('released');

    await take(stage);
    const again = (await findTaken(stage)).wait({ timeoutMs: 60_000 });
    stage.servers.remove(path);
    expect(await again).toBe('vanished');

    await take(stage);
    const last = (await findTaken(stage)).wait({ timeoutMs: 60_000 });
    await stage.provider.close();
    expect(await last).toBe('closed');
    expect(stage.clock.pendingTimers).toBe(0);
  });

  it('for the lock of another ends with close', async () => {
    const stage = await openConnected();
    const waiting = (await findTaken(stage)).wait({ timeoutMs: 60_000 });
    await stage.provider.close();
    expect(await waiting).toBe('closed');
    expect(stage.servers.nodes.get(path)?.data).toBe('theirs');
  });
});
