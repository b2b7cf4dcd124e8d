import { describe, expect, inject, it } from 'vitest';
import { LockLostError, LockUnavailableError } from '../../../../lib/core/errors.js';
import { lockNodePath } from '../../../../lib/locks/zookeeper/node-path.js';
import { startZooKeeper } from '../../../../servers/index.js';
import {
  Operator,
  PATIENCE_MS,
  acquire,
  fires,
  findBusy,
  fourLetters,
  freshNamespace,
  locksOf,
  openProvider,
  operationCounts,
  statesOf,
  until,
  untilState,
} from './stage.js';

const connectString = inject('zooKeeperConnect');

describe('acquiring, releasing and waiting', () => {
  it('gives a lock to one, wakes the other when it is given back, and leaves no node', async () => {
    const namespace = freshNamespace();
    const [{ provider: one, events }, { provider: two }] = [
      await openProvider({ connectString }, { namespace }),
      await openProvider({ connectString }, { namespace }),
    ];
    const held = await acquire(one, 'k');
    const busy = await findBusy(two, 'k');
    const waiting = busy.wait({ timeoutMs: PATIENCE_MS });
    await held.release();
    expect(await waiting).toBe('vanished');
    const next = await acquire(two, 'k');
    expect(next.token).toBeGreaterThan(held.token);
    expect(held.signal.aborted).toBe(false);
    await next.release();
    const operator = await Operator.connect(connectString);
    expect(await operator.children(locksOf(namespace))).toEqual([]);
    expect(statesOf(events)).toEqual(['connecting', 'connected']);
  });

  it('arms the watch before it says busy, so that a release before the wait is not missed', async () => {
    const namespace = freshNamespace();
    const { provider: one } = await openProvider({ connectString }, { namespace });
    const { provider: two } = await openProvider({ connectString }, { namespace });
    for (let round = 0; round < 50; round++) {
      const held = await acquire(one, 'k');
      const busy = await findBusy(two, 'k');
      await held.release();
      expect(await busy.wait({ timeoutMs: PATIENCE_MS })).toBe('vanished');
    }
  });

  it('gives a lock to one of many who all take it for free in the same instant, and wakes the others', async () => {
    const namespace = freshNamespace();
    const opened = await Promise.all(Array.from({ length: 6 }, () => openProvider({ connectString }, { namespace })));
    await Promise.all(opened.map(({ provider }) => untilState(provider, 'connected')));
    for (let round = 0; round < 20; round++) {
      const options = { timeoutMs: PATIENCE_MS, likelyFree: true };
      const locks = await Promise.all(opened.map(({ provider }) => provider.tryAcquire(`k${round}`, options)));
      const held = locks.flatMap((lock) => (lock.acquired ? [lock] : []));
      expect(held).toHaveLength(1);
      const waits = locks.flatMap((lock) => (lock.acquired ? [] : [lock.wait({ timeoutMs: PATIENCE_MS })]));
      await held[0]?.release();
      expect(new Set(await Promise.all(waits))).toEqual(new Set(['vanished']));
    }
  });

  it('takes two writes and at most two reads, and none while somebody waits', async () => {
    const server = await startZooKeeper();
    try {
      const namespace = freshNamespace();
      const options = { connectString: server.connectString, sessionTimeoutMs: 30_000 };
      const { provider: one } = await openProvider(options, { namespace });
      const { provider: two } = await openProvider(options, { namespace });
      await (await acquire(one, 'first use makes the parents')).release();
      await untilState(two, 'connected');

      const before = await operationCounts(server.connectString);
      const held = await acquire(one, 'k');
      const taken = await operationCounts(server.connectString);
      expect({ reads: taken.reads - before.reads, writes: taken.writes - before.writes }).toEqual({
        reads: 2,
        writes: 1,
      });

      const waiting = (await findBusy(two, 'k')).wait({ timeoutMs: PATIENCE_MS });
      const found = await operationCounts(server.connectString);
      expect({ reads: found.reads - taken.reads, writes: found.writes - taken.writes }).toEqual({
        reads: 1,
        writes: 0,
      });

      // A thing that polls does so sooner or later; four hundred milliseconds are many polls of any that would be quick enough to be useful.
      await new Promise((resolve) => setTimeout(resolve, 400));
      expect(await operationCounts(server.connectString)).toEqual(found);

      await held.release();
      await waiting;
      const released = await operationCounts(server.connectString);
      expect({ reads: released.reads - found.reads, writes: released.writes - found.writes }).toEqual({
        reads: 0,
        writes: 1,
      });
    } finally {
      await server.stop();
    }
  });

  it('leaves no node and no watch behind', async () => {
    const server = await startZooKeeper();
    try {
      const namespace = freshNamespace();
      const { provider: one } = await openProvider({ connectString: server.connectString }, { namespace });
      const { provider: two } = await openProvider({ connectString: server.connectString }, { namespace });
      const keys = Array.from({ length: 20 }, (_, index) => `k${String(index)}`);
      const held = await Promise.all(keys.map((key) => acquire(one, key)));
      const busy = await Promise.all(keys.map((key) => findBusy(two, key)));
      expect(await fourLetters(server.connectString, 'wchs')).toContain('Total watches:40');
      const waiting = busy.map((lock) => lock.wait({ timeoutMs: PATIENCE_MS }));
      await Promise.all(held.map((lock) => lock.release()));
      await Promise.all(waiting);
      expect(await fourLetters(server.connectString, 'wchs')).toContain('Total watches:0');
      const operator = await Operator.connect(server.connectString);
      expect(await operator.children(locksOf(namespace))).toEqual([]);
    } finally {
      await server.stop();
    }
  });

  it('lets a second caller of the same process wait for the first, without asking the servers', async () => {
    const namespace = freshNamespace();
    const { provider } = await openProvider({ connectString }, { namespace });
    const [first, second] = await Promise.all([
      provider.tryAcquire('k', { timeoutMs: PATIENCE_MS }),
      provider.tryAcquire('k', { timeoutMs: PATIENCE_MS }),
    ]);
    if (!first.acquired || second.acquired) throw new Error('the first caller has the lock, the second has not');
    const waiting = second.wait({ timeoutMs: PATIENCE_MS });
    await first.release();
    expect(await waiting).toBe('released');
    await (await acquire(provider, 'k')).release();
  });

  it('keeps keys apart that look alike, and takes any text for a key', async () => {
    const namespace = freshNamespace();
    const { provider: one } = await openProvider({ connectString }, { namespace });
    const { provider: two } = await openProvider({ connectString }, { namespace });
    const keys = [
      'a',
      'a\0b',
      'a/b',
      '..',
      '.',
      '/',
      '\u00e9',
      'e\u0301',
      '😀',
      '\ud83d',
      '\ud83e',
      ' ',
      'x'.repeat(1_024),
    ];
    const held = await Promise.all(keys.map((key) => acquire(one, key)));
    expect(new Set(held.map(({ token }) => token)).size).toBe(keys.length);
    for (const key of keys) (await findBusy(two, key)).dispose();
    await Promise.all(held.map((lock) => lock.release()));
  });

  it('makes the nodes above, the chroot too, and makes them again when they are removed', async () => {
    const namespace = freshNamespace();
    const chroot = `/chroot-${namespace}/deeper`;
    const { provider } = await openProvider({ connectString: connectString + chroot, root: '/my/root' }, { namespace });
    const locks = locksOf(namespace, `${chroot}/my/root`);
    const held = await acquire(provider, 'k');
    const operator = await Operator.connect(connectString);
    expect((await operator.children(locks)).map((name) => `${locks}/${name}`)).toEqual([lockNodePath(locks, 'k')]);
    await held.release();
    await operator.remove(locks);
    await operator.remove(locks.slice(0, -'/locks'.length));
    await (await acquire(provider, 'k')).release();
  });

  it('fires the signal when an operator removes the node, and wakes who waits', async () => {
    const namespace = freshNamespace();
    const { provider: one } = await openProvider({ connectString }, { namespace });
    const { provider: two } = await openProvider({ connectString }, { namespace });
    const held = await acquire(one, 'k');
    const waiting = (await findBusy(two, 'k')).wait({ timeoutMs: PATIENCE_MS });
    const operator = await Operator.connect(connectString);
    await operator.remove(lockNodePath(locksOf(namespace), 'k'));
    await fires(held.signal);
    expect(held.signal.reason).toBeInstanceOf(LockLostError);
    expect(await waiting).toBe('vanished');
    const next = await acquire(two, 'k');
    await held.release();
    expect((await findBusy(one, 'k')).acquired).toBe(false);
    await next.release();
  });

  it('survives that an operator writes into the node: the watch is armed again', async () => {
    const namespace = freshNamespace();
    const { provider: one } = await openProvider({ connectString }, { namespace });
    const { provider: two } = await openProvider({ connectString }, { namespace });
    const held = await acquire(one, 'k');
    const waiting = (await findBusy(two, 'k')).wait({ timeoutMs: PATIENCE_MS });
    const path = lockNodePath(locksOf(namespace), 'k');
    const operator = await Operator.connect(connectString);
    await operator.set(path, 'scribble');
    await operator.set(path, 'scribble again');
    expect(held.signal.aborted).toBe(false);
    await operator.remove(path);
    await fires(held.signal);
    expect(await waiting).toBe('vanished');
  });

  it('frees the locks of a provider that closes at once', async () => {
    const namespace = freshNamespace();
    const { provider: one } = await openProvider({ connectString, sessionTimeoutMs: 60_000 }, { namespace });
    const { provider: two } = await openProvider({ connectString }, { namespace });
    const held = await acquire(one, 'k');
    const waiting = (await findBusy(two, 'k')).wait({ timeoutMs: PATIENCE_MS });
    await one.close();
    expect(await waiting).toBe('vanished');
    expect(held.signal.reason).toBeInstanceOf(LockLostError);
    await (await acquire(two, 'k')).release();
  });

  it('refuses more locks than maxHeldLocks, and takes again when one was given back', async () => {
    const namespace = freshNamespace();
    const { provider } = await openProvider({ connectString, maxHeldLocks: 2 }, { namespace });
    const held = await acquire(provider, 'a');
    await acquire(provider, 'b');
    await expect(acquire(provider, 'c')).rejects.toThrow(LockUnavailableError);
    await expect(acquire(provider, 'c')).rejects.toThrow(/maxHeldLocks is 2/);
    await held.release();
    await until('room for c', async () => (await provider.tryAcquire('c', { timeoutMs: PATIENCE_MS })).acquired);
  });
});
