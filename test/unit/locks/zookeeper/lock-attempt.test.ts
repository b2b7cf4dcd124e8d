import { describe, expect, it } from 'vitest';
import { CacheClosedError, LockAuthError, LockUnavailableError } from '../../../../lib/core/errors.js';
import type { AcquireOptions } from '../../../../lib/core/lock-provider.js';
import { lockNodePath } from '../../../../lib/locks/zookeeper/node-path.js';
import { ZkCode } from '../../../../lib/locks/zookeeper/zk-client-port.js';
import { Gate, LOCKS, openConnected, openStage, type Operation, type Stage } from './staged-zoo-keeper.js';

const path = lockNodePath(LOCKS, 'k');
const UNKNOWN = [
  ZkCode.connectionLoss,
  ZkCode.operationTimeout,
  ZkCode.invalidState,
  ZkCode.sessionExpired,
  ZkCode.closing,
  ZkCode.sessionMoved,
];

function attempt({ provider }: Stage, { timeoutMs = 1_000, signal, likelyFree }: Partial<AcquireOptions> = {}) {
  return provider.tryAcquire('k', { timeoutMs, ...(signal && { signal }), ...(likelyFree && { likelyFree }) });
}

/** Moves the clock until the attempt has ended. */
async function outcomeOf(stage: Stage, pending = attempt(stage)) {
  const state = { ended: false };
  const watched = pending.finally(() => (state.ended = true));
  watched.catch(() => undefined);
  await stage.clock.settle();
  for (let steps = 0; !state.ended && steps < 500; steps++) await stage.clock.advance(10);
  return watched;
}

describe('an attempt', () => {
  it('looks, then creates and reads back', async () => {
    const stage = await openConnected();
    const lock = await outcomeOf(stage);
    expect(stage.servers.operations).toEqual(['get', 'create', 'get']);
    expect(lock).toMatchObject({ acquired: true, token: stage.servers.nodes.get(path)?.czxid });
  });

  it('looks only, when another has the lock', async () => {
    const stage = await openConnected();
    stage.servers.create(path, 'theirs', 'another');
    expect((await outcomeOf(stage)).acquired).toBe(false);
    expect(stage.servers.operations).toEqual(['get']);
  });

  it('finds out from the reading that another was quicker between the look and the create', async () => {
    const stage = await openConnected();
    const gate = new Gate();
    // 1. Our look finds nothing. 2. Another creates the node. 3. Our create fails, our reading finds it.
    stage.servers.stage('get', { answeredAfter: gate.passed });
    const pending = attempt(stage);
    await stage.clock.settle();
    stage.servers.create(path, 'theirs', 'another');
    gate.open();
    expect((await outcomeOf(stage, pending)).acquired).toBe(false);
    expect(stage.servers.nodes.get(path)?.data).toBe('theirs');
  });

  it('creates again when the one who was quicker is gone before the reading', async () => {
    const stage = await openConnected();
    stage.servers.stage('create', { executed: false, code: ZkCode.nodeExists });
    expect((await outcomeOf(stage)).acquired).toBe(true);
    expect(stage.servers.operations).toEqual(['get', 'create', 'get', 'create', 'get']);
  });

  it('creates again when its node is removed before the reading', async () => {
    const stage = await openConnected();
    const gate = new Gate();
    stage.servers.stage('get', {}, { after: gate.passed });
    const pending = attempt(stage);
    await stage.clock.settle();
    stage.servers.remove(path);
    gate.open();
    expect((await outcomeOf(stage, pending)).acquired).toBe(true);
  });

  describe('at a lock that is likely free', () => {
    const hopeful = (stage: Stage) => attempt(stage, { likelyFree: true });

    it('creates at once, and reads back', async () => {
      const stage = await openConnected();
      const lock = await outcomeOf(stage, hopeful(stage));
      expect(stage.servers.operations).toEqual(['create', 'get']);
      expect(lock).toMatchObject({ acquired: true, token: stage.servers.nodes.get(path)?.czxid });
    });

    it('finds out from the reading that another has it, and watches that one', async () => {
      const stage = await openConnected();
      stage.servers.create(path, 'theirs', 'another');
      const lock = await outcomeOf(stage, hopeful(stage));
      expect(stage.servers.operations).toEqual(['create', 'get']);
      if (lock.acquired) throw new Error('the lock is another’s');
      const woken = lock.wait({ timeoutMs: 1_000 });
      stage.servers.remove(path);
      expect(await woken).toBe('vanished');
    });

    it('makes the nodes above when they are missing', async () => {
      const stage = await openConnected();
      stage.servers.nodes.clear();
      expect((await outcomeOf(stage, hopeful(stage))).acquired).toBe(true);
    });

    it.each(UNKNOWN)('looks what became of its node after code %i', async (code) => {
      const stage = await openConnected();
      stage.servers.stage('create', { code });
      stage.servers.stage('get', { code });
      expect((await outcomeOf(stage, hopeful(stage))).acquired).toBe(true);
      expect(stage.servers.operations).toEqual(['create', 'get', 'get']);
    });

    it('clears a node of its own session that an earlier attempt has left, and only that', async () => {
      const stage = await openConnected();
      stage.servers.create(path, 'left behind', stage.servers.client.session.sessionId);
      expect((await outcomeOf(stage, hopeful(stage))).acquired).toBe(true);
      expect(stage.servers.operations.filter((operation) => operation === 'remove')).toEqual(['remove']);
    });

    it('leaves no node behind when it is given up', async () => {
      const stage = await openConnected();
      const gate = new Gate();
      stage.servers.stage('create', { after: gate.passed });
      await expect(outcomeOf(stage, hopeful(stage))).rejects.toThrow(LockUnavailableError);
      gate.open();
      await stage.clock.settle();
      expect(stage.servers.locks).toEqual([]);
    });
  });

  it.each(UNKNOWN)('asks again after code %i for the look', async (code) => {
    const stage = await openConnected();
    stage.servers.stage('get', { code });
    expect((await outcomeOf(stage)).acquired).toBe(true);
    expect(stage.servers.operations).toEqual(['get', 'get', 'create', 'get']);
  });

  it.each(UNKNOWN)('recognises its node after code %i for a create that was executed', async (code) => {
    const stage = await openConnected();
    stage.servers.stage('create', { code });
    stage.servers.stage('get', {}, { code });
    expect((await outcomeOf(stage)).acquired).toBe(true);
    expect(stage.servers.operations).toEqual(['get', 'create', 'get', 'get']);
  });

  it.each(UNKNOWN)('creates again after code %i for a create that was not executed', async (code) => {
    const stage = await openConnected();
    stage.servers.stage('create', { executed: false, code });
    stage.servers.stage('get', {}, { code });
    expect((await outcomeOf(stage)).acquired).toBe(true);
    expect(stage.servers.operations).toEqual(['get', 'create', 'get', 'get', 'create', 'get']);
  });

  it('makes the nodes above, from below, and goes on', async () => {
    const stage = await openConnected();
    stage.servers.nodes.clear();
    expect((await outcomeOf(stage)).acquired).toBe(true);
    expect(stage.servers.log.filter((line) => line.startsWith('parent'))).toEqual([
      'parent locks',
      'parent ns',
      'parent nest-',
      'parent ns',
      'parent locks',
    ]);
  });

  it('protects the nodes above before its first lock, and only then', async () => {
    const stage = await openConnected({ protectRoot: true, auth: { scheme: 'digest', credentials: 'a:b' } });
    expect((await outcomeOf(stage)).acquired).toBe(true);
    expect(stage.servers.operations).toEqual(['parent', 'protect', 'protect', 'protect', 'get', 'create', 'get']);
    await outcomeOf(stage, stage.provider.tryAcquire('other', { timeoutMs: 1_000 }));
    expect(stage.servers.operations.filter((operation) => operation === 'protect')).toHaveLength(3);
  });

  it.each<[Operation, number]>([
    ['create', 1],
    ['get', 1],
    ['parent', 1],
  ])('ends with LockAuthError when it may not %s', async (operation) => {
    const stage = await openConnected();
    if (operation === 'parent') stage.servers.nodes.clear();
    stage.servers.stage(operation, { executed: false, code: ZkCode.noAuth });
    await expect(outcomeOf(stage)).rejects.toThrow(LockAuthError);
    await stage.clock.advance(1_000);
    expect(stage.servers.locks).toEqual([]);
  });

  it.each<Operation>(['create', 'get', 'parent'])(
    'ends with LockUnavailableError when the answer to %s is strange',
    async (operation) => {
      const stage = await openConnected();
      if (operation === 'parent') stage.servers.nodes.clear();
      stage.servers.stage(operation, { executed: false, code: ZkCode.badArguments });
      const rejected = expect(outcomeOf(stage)).rejects;
      await rejected.toThrow(LockUnavailableError);
      await rejected.toThrow('ZooKeeper answered -8');
    },
  );

  it('takes a node of a former session of ours for another holder', async () => {
    const stage = await openConnected();
    const former = stage.servers.client.session.sessionId;
    stage.servers.client.disconnect();
    stage.servers.create(path, 'manual-1-1', former);
    stage.servers.client.connect({ newSession: true });
    await stage.clock.settle();
    expect((await outcomeOf(stage)).acquired).toBe(false);
  });

  it('removes what an attempt that gave up has left under our session, and takes the lock', async () => {
    const stage = await openConnected();
    stage.servers.create(path, 'an attempt that gave up', stage.servers.client.session.sessionId);
    expect((await outcomeOf(stage)).acquired).toBe(true);
    expect(stage.servers.operations).toEqual(['get', 'sync', 'get', 'remove', 'get', 'create', 'get']);
  });

  it('does not believe an answer from before the session changed', async () => {
    const stage = await openConnected();
    const gate = new Gate();
    // 1. Our create is executed and read in the first session. 2. That session ends, a new one begins. 3. The answers arrive.
    stage.servers.stage('get', {}, { answeredAfter: gate.passed });
    const pending = attempt(stage, { timeoutMs: 60_000 });
    await stage.clock.settle();
    expect(stage.servers.locks).toHaveLength(1);
    stage.servers.client.expire();
    await stage.clock.advance(100);
    stage.servers.client.connect();
    gate.open();
    const lock = await outcomeOf(stage, pending);
    expect(lock).toMatchObject({ acquired: true, token: stage.servers.nodes.get(path)?.czxid });
    expect(stage.servers.nodes.get(path)?.owner).toBe(stage.servers.client.session.sessionId);
  });

  it('is one at a time for a path in a process; the second finds the first holding', async () => {
    const stage = await openConnected();
    const [first, second] = [attempt(stage), attempt(stage)];
    expect((await outcomeOf(stage, first)).acquired).toBe(true);
    expect((await outcomeOf(stage, second)).acquired).toBe(false);
    expect(stage.servers.operations).toEqual(['get', 'create', 'get']);
  });

  it('waits for the delete that is under way in its own process', async () => {
    const stage = await openConnected();
    const held = await outcomeOf(stage);
    if (!held.acquired) throw new Error('busy');
    const gate = new Gate();
    stage.servers.stage('remove', { after: gate.passed });
    const released = held.release();
    const next = attempt(stage);
    await stage.clock.settle();
    expect(stage.servers.operations).toEqual(['get', 'create', 'get', 'remove']);
    gate.open();
    await released;
    expect((await outcomeOf(stage, next)).acquired).toBe(true);
  });
});

describe('an attempt that ends early leaves nothing behind', () => {
  const gates: Operation[] = ['get', 'create', 'parent', 'sync', 'remove'];

  it.each(
    gates.flatMap((operation) =>
      (['deadline', 'signal', 'close'] as const).map((cause) => [operation, cause] as const),
    ),
  )('while it waits for the answer to %s, by its %s', async (operation, cause) => {
    const stage = await openConnected();
    const { servers, clock, provider } = stage;
    if (operation === 'parent') servers.nodes.clear();
    if (operation === 'sync' || operation === 'remove')
      servers.create(path, 'an attempt that gave up', servers.client.session.sessionId);
    const gate = new Gate();
    servers.stage(operation, { after: gate.passed });
    const giveUp = new AbortController();
    const reason = new Error('enough');
    const pending = attempt(stage, { timeoutMs: 500, signal: giveUp.signal });
    const ended = pending.then(
      () => undefined,
      (error: unknown) => error,
    );
    await clock.settle();
    if (cause === 'deadline') await clock.advance(500);
    else if (cause === 'signal') giveUp.abort(reason);
    else await provider.close();
    const error = await ended;
    if (cause === 'signal') expect(error).toBe(reason);
    else expect(error).toBeInstanceOf(cause === 'close' ? CacheClosedError : LockUnavailableError);
    // The answer comes as late as it likes.
    gate.open();
    await clock.advance(60_000);
    expect(servers.locks).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('before it begins, when its signal has fired already', async () => {
    const stage = await openConnected();
    const reason = new Error('enough');
    await expect(attempt(stage, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(stage.servers.operations).toEqual([]);
    expect(stage.clock.pendingTimers).toBe(0);
  });

  it('while it waits for its turn', async () => {
    const stage = await openConnected();
    const gate = new Gate();
    stage.servers.stage('get', { after: gate.passed });
    const first = attempt(stage);
    const giveUp = new AbortController();
    const second = expect(attempt(stage, { signal: giveUp.signal })).rejects.toThrow('enough');
    const third = attempt(stage);
    giveUp.abort(new Error('enough'));
    await second;
    gate.open();
    expect((await outcomeOf(stage, first)).acquired).toBe(true);
    expect((await outcomeOf(stage, third)).acquired).toBe(false);
  });

  it('while it waits for a connection', async () => {
    const stage = await openStage();
    const rejected = expect(attempt(stage, { timeoutMs: 50 })).rejects.toThrow(
      'No answer about a lock within 50 ms: ZooKeeper at 127.0.0.1:2181 is connecting.',
    );
    await stage.clock.advance(50);
    await rejected;
    stage.servers.client.connect();
    await stage.clock.advance(1_000);
    expect(stage.servers.operations).toEqual([]);
    expect(stage.clock.pendingTimers).toBe(0);
  });

  it('a create that arrives after all, and takes the lock from nobody', async () => {
    const stage = await openConnected();
    const { servers, clock } = stage;
    const gate = new Gate();
    // 1. Our create is on its way when we give up. 2. It arrives, and is answered to nobody. 3. What it made is removed.
    servers.stage('create', { after: gate.passed });
    servers.stage('sync', { after: gate.passed });
    const rejected = expect(attempt(stage, { timeoutMs: 100 })).rejects.toThrow(LockUnavailableError);
    await clock.advance(100);
    await rejected;
    gate.open();
    await clock.settle();
    await clock.advance(1_000);
    expect(servers.locks).toEqual([]);
    expect(servers.operations.slice(-3)).toEqual(['sync', 'get', 'remove']);
  });
});
