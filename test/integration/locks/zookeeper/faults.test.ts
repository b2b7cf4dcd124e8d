import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { LockLostError, LockUnavailableError } from '../../../../lib/core/errors.js';
import { startZooKeeper, type OwnZooKeeper } from '../../../../servers/index.js';
import { TcpProxy } from '../../../support/tcp-proxy.js';
import {
  Operator,
  PATIENCE_MS,
  acquire,
  acquireSoon,
  findBusy,
  fires,
  freshNamespace,
  locksOf,
  openProvider,
  statesOf,
  until,
  untilState,
} from './stage.js';
import { prepareSuccessor } from './successor.js';
import { isRequest } from './wire.js';

let server: OwnZooKeeper;
/** The C client left to itself would come back at a third of this: after more than any patience here. */
const LONG_MS = 200_000;

beforeAll(async () => {
  server = await startZooKeeper({ maxSessionTimeoutMs: 600_000 });
});
afterAll(async () => {
  await server.stop();
});

async function openProxy(): Promise<TcpProxy> {
  const proxy = await TcpProxy.open(server.port);
  onTestFinished(() => proxy.close());
  return proxy;
}

describe('a connection that breaks', () => {
  it('and comes back takes neither the session nor the lock, and a release meanwhile is made good', async () => {
    const namespace = freshNamespace();
    const proxy = await openProxy();
    const { provider: one } = await openProvider(
      { connectString: proxy.address, sessionTimeoutMs: LONG_MS },
      { namespace, via: proxy },
    );
    const { provider: two } = await openProvider({ connectString: server.connectString }, { namespace });
    const [kept, released] = [await acquire(one, 'kept'), await acquire(one, 'released')];
    const waiting = (await findBusy(two, 'released')).wait({ timeoutMs: PATIENCE_MS });
    proxy.refuse();
    await untilState(one, 'suspended');
    await released.release();
    proxy.heal();
    expect(await waiting).toBe('vanished');
    await untilState(one, 'connected');
    (await findBusy(two, 'kept')).dispose();
    expect(kept.signal.aborted).toBe(false);
  });

  it('hides a release from who waits, who is told of it at the return', async () => {
    const namespace = freshNamespace();
    const proxy = await openProxy();
    const { provider: holder } = await openProvider({ connectString: server.connectString }, { namespace });
    const { provider: waiter } = await openProvider(
      { connectString: proxy.address, sessionTimeoutMs: LONG_MS },
      { namespace, via: proxy },
    );
    const held = await acquire(holder, 'k');
    const waiting = (await findBusy(waiter, 'k')).wait({ timeoutMs: PATIENCE_MS });
    proxy.refuse();
    await untilState(waiter, 'suspended');
    await held.release();
    proxy.heal();
    expect(await waiting).toBe('vanished');
  });

  it('hides that the holder has changed from who waits, who is told of it at the return', async () => {
    const namespace = freshNamespace();
    const proxy = await openProxy();
    const { provider: holder } = await openProvider({ connectString: server.connectString }, { namespace });
    const { provider: waiter } = await openProvider(
      { connectString: proxy.address, sessionTimeoutMs: LONG_MS },
      { namespace, via: proxy },
    );
    const first = await acquire(holder, 'k');
    const waiting = (await findBusy(waiter, 'k')).wait({ timeoutMs: PATIENCE_MS });
    proxy.refuse();
    await untilState(waiter, 'suspended');
    await first.release();
    const second = await acquire(holder, 'k');
    proxy.heal();
    expect(await waiting).toBe('vanished');
    await second.release();
  });

  it('for longer than the session (refused, or silent) fires the signal before another can have the lock', async () => {
    const outlive = async (fault: 'refuse' | 'blackHole'): Promise<void> => {
      const namespace = freshNamespace();
      const proxy = await openProxy();
      const { provider: one, events } = await openProvider(
        // A machine that stands still for three seconds does not end it.
        { connectString: proxy.address, sessionTimeoutMs: 8_000 },
        { namespace, via: proxy },
      );
      const { provider: two } = await openProvider({ connectString: server.connectString }, { namespace });
      const held = await acquire(one, 'k');
      const freed = (await findBusy(two, 'k')).wait({ timeoutMs: PATIENCE_MS });
      const order: string[] = [];
      proxy[fault]();
      await Promise.all([
        fires(held.signal).then(() => order.push('signal')),
        freed.then((reason) => order.push(reason)),
      ]);
      expect(order, fault).toEqual(['signal', 'vanished']);
      expect(held.signal.reason).toBeInstanceOf(LockLostError);
      expect(one.state).toBe('lost');

      const next = await acquire(two, 'k');
      proxy.heal();
      await untilState(one, 'connected');
      (await findBusy(one, 'k')).dispose();
      await held.release();
      await next.release();
      expect((await acquireSoon(one, 'k')).token).toBeGreaterThan(next.token);
      expect(statesOf(events), fault).toEqual(['connecting', 'connected', 'suspended', 'lost', 'connected']);
    };
    await Promise.all([outlive('refuse'), outlive('blackHole')]);
  });

  it('for longer than the session wakes who waits, and an attempt beyond it uses the new session', async () => {
    const namespace = freshNamespace();
    const proxy = await openProxy();
    const { provider: holder } = await openProvider({ connectString: server.connectString }, { namespace });
    const { provider: waiter } = await openProvider(
      { connectString: proxy.address, sessionTimeoutMs: 1_000 },
      { namespace, via: proxy },
    );
    const held = await acquire(holder, 'k');
    const waiting = (await findBusy(waiter, 'k')).wait({ timeoutMs: PATIENCE_MS });
    proxy.refuse();
    expect(await waiting).toBe('contact-lost');
    const later = findBusy(waiter, 'k');
    proxy.heal();
    const again = (await later).wait({ timeoutMs: PATIENCE_MS });
    await held.release();
    expect(await again).toBe('vanished');
  });
});

describe('a lost message', () => {
  it.each(['reply', 'request'] as const)('the %s of a create: the lock is ours all the same', async (loss) => {
    const namespace = freshNamespace();
    const proxy = await openProxy();
    const { provider: one } = await openProvider({ connectString: proxy.address }, { namespace, via: proxy });
    const { provider: two } = await openProvider({ connectString: server.connectString }, { namespace });
    await (await acquire(one, 'first use makes the parents')).release();
    const lost = proxy.lose(loss, isRequest('create'));
    const held = await acquire(one, 'k');
    await lost;
    (await findBusy(two, 'k')).dispose();
    await held.release();
    await (await acquire(two, 'k')).release();
  });

  it('the reply of a create, and the attempt gives up: no node stays', async () => {
    const namespace = freshNamespace();
    const proxy = await openProxy();
    const { provider, events } = await openProvider(
      { connectString: proxy.address, sessionTimeoutMs: LONG_MS },
      { namespace, via: proxy },
    );
    await (await acquire(provider, 'first use makes the parents')).release();
    const operator = await Operator.connect(server.connectString);
    const lost = proxy.lose('reply', isRequest('create'), { thenRefuse: true });
    const giveUp = new AbortController();
    const attempt = provider.tryAcquire('k', { timeoutMs: PATIENCE_MS, signal: giveUp.signal });
    await lost;
    expect(await operator.children(locksOf(namespace))).toHaveLength(1);
    const reason = new Error('enough');
    giveUp.abort(reason);
    await expect(attempt).rejects.toBe(reason);
    proxy.heal();
    await until('the node to go', async () => (await operator.children(locksOf(namespace))).length === 0);
    // It went because it was deleted, not because the session ended.
    expect(statesOf(events)).toEqual(['connecting', 'connected', 'suspended', 'connected']);
  });

  it.each(['reply', 'request'] as const)('the %s of a delete: the lock is free after the return', async (loss) => {
    const namespace = freshNamespace();
    const proxy = await openProxy();
    const { provider: one } = await openProvider(
      { connectString: proxy.address, sessionTimeoutMs: LONG_MS },
      { namespace, via: proxy },
    );
    const { provider: two } = await openProvider({ connectString: server.connectString }, { namespace });
    const held = await acquire(one, 'k');
    const waiting = (await findBusy(two, 'k')).wait({ timeoutMs: PATIENCE_MS });
    const lost = proxy.lose(loss, isRequest('delete'));
    await held.release();
    await lost;
    expect(await waiting).toBe('vanished');
    await (await acquire(two, 'k')).release();
    expect(held.signal.aborted).toBe(false);
  });

  it("the reply of a delete: the delete that is repeated does not remove another's lock", async () => {
    const namespace = freshNamespace();
    const proxy = await openProxy();
    const { provider: one, events } = await openProvider(
      { connectString: proxy.address, sessionTimeoutMs: LONG_MS },
      { namespace, via: proxy },
    );
    const { provider: two } = await openProvider({ connectString: server.connectString }, { namespace });
    const held = await acquire(one, 'k');
    // 1. The server deletes our node, and we do not hear of it.
    const lost = proxy.lose('reply', isRequest('delete'), { thenRefuse: true });
    await held.release();
    await lost;
    // 2. Another takes the lock.
    const next = await acquire(two, 'k');
    // 3. We are back, and make sure that our node is gone. An attempt of ours does so before anything else.
    proxy.heal();
    const waiting = (await findBusy(one, 'k')).wait({ timeoutMs: PATIENCE_MS });
    expect(next.signal.aborted).toBe(false);
    await next.release();
    expect(await waiting).toBe('vanished');
    expect(next.signal.aborted).toBe(false);
    expect(statesOf(events)).toEqual(['connecting', 'connected', 'suspended', 'connected']);
  });

  it('the replies of the look and of the sync: asked again', async () => {
    const namespace = freshNamespace();
    const proxy = await openProxy();
    const { provider } = await openProvider(
      { connectString: proxy.address, sessionTimeoutMs: LONG_MS },
      { namespace, via: proxy },
    );
    await (await acquire(provider, 'first use makes the parents')).release();
    const lookLost = proxy.lose('reply', isRequest('get'));
    const held = await acquire(provider, 'k');
    await lookLost;
    const deleteLost = proxy.lose('request', isRequest('delete'));
    const released = held.release();
    await deleteLost;
    const syncLost = proxy.lose('reply', isRequest('sync'));
    await Promise.all([released, syncLost]);
    await (await acquire(provider, 'k')).release();
  });
});

describe('an attempt', () => {
  it('ends with its deadline when the server does not answer, and leaves no node behind', async () => {
    const namespace = freshNamespace();
    const proxy = await openProxy();
    const { provider } = await openProvider(
      { connectString: proxy.address, sessionTimeoutMs: LONG_MS },
      { namespace, via: proxy },
    );
    await (await acquire(provider, 'first use makes the parents')).release();
    proxy.blackHole();
    await expect(provider.tryAcquire('k', { timeoutMs: 200 })).rejects.toThrow(LockUnavailableError);
    proxy.heal();
    await (await acquire(provider, 'k')).release();
    const operator = await Operator.connect(server.connectString);
    expect(await operator.children(locksOf(namespace))).toEqual([]);
  });

  it('notices a connection that ends in the very moment of sending', async () => {
    const namespace = freshNamespace();
    const proxy = await openProxy();
    const { provider } = await openProvider(
      { connectString: proxy.address, sessionTimeoutMs: LONG_MS },
      { namespace, via: proxy, lockTimeoutMs: PATIENCE_MS },
    );
    await untilState(provider, 'connected');
    proxy.blackHole();
    await expect(provider.tryAcquire('k', { timeoutMs: 200 })).rejects.toThrow(LockUnavailableError);
    proxy.heal();
    const started = provider.tryAcquire('k', { timeoutMs: PATIENCE_MS });
    expect((await started).acquired).toBe(true);
  });

  it('ends when its signal fires while the connection is waited for', async () => {
    const namespace = freshNamespace();
    const proxy = await openProxy();
    proxy.refuse();
    const { provider } = await openProvider({ connectString: proxy.address }, { namespace, via: proxy });
    const giveUp = new AbortController();
    const attempt = provider.tryAcquire('k', { timeoutMs: PATIENCE_MS, signal: giveUp.signal });
    const reason = new Error('enough');
    giveUp.abort(reason);
    await expect(attempt).rejects.toBe(reason);
  });
});

/** Last of all: the server that has come back is another process, which ends with this test. */
describe('a server that dies', () => {
  it('and forgets a connection that came while it started is asked again on another after a second', async () => {
    const proxy = await openProxy();
    proxy.forgetNext();
    const { provider } = await openProvider(
      { connectString: proxy.address, sessionTimeoutMs: LONG_MS },
      { namespace: freshNamespace(), via: proxy },
    );
    await untilState(provider, 'connected');
    expect(proxy.attempts).toBe(2);
  });

  it('and comes back takes neither the session, nor the lock, nor those who wait, and is waited for by who comes meanwhile', async () => {
    const successor = await prepareSuccessor(server);
    onTestFinished(() => successor.end());
    const namespace = freshNamespace();
    const options = { connectString: server.connectString, sessionTimeoutMs: LONG_MS };
    const { provider: one, events } = await openProvider(options, { namespace });
    const { provider: two } = await openProvider(options, { namespace });
    const held = await acquire(one, 'k');
    const waiting = (await findBusy(two, 'k')).wait({ timeoutMs: PATIENCE_MS });

    // 1. The server is gone, and somebody comes who has never seen it.
    await server.kill();
    await Promise.all([untilState(one, 'suspended'), untilState(two, 'suspended')]);
    const { provider: late, events: lateEvents } = await openProvider(options, { namespace });
    const attempt = late.tryAcquire('l', { timeoutMs: 300 });
    await expect(attempt).rejects.toThrow(LockUnavailableError);
    await expect(attempt).rejects.toThrow(`ZooKeeper at ${server.connectString} is connecting`);
    const lateLock = acquire(late, 'l');

    // 2. It is back, and all are connected far sooner than after a third of the session timeout.
    await successor.takeOver();
    await (await lateLock).release();
    await Promise.all([untilState(one, 'connected'), untilState(two, 'connected')]);
    expect(statesOf(events)).toEqual(['connecting', 'connected', 'suspended', 'connected']);
    expect(statesOf(lateEvents)).toEqual(['connecting', 'connected']);
    expect(held.signal.aborted).toBe(false);
    (await findBusy(two, 'k')).dispose();
    await held.release();
    expect(await waiting).toBe('vanished');
    expect((await acquire(two, 'k')).token).toBeGreaterThan(held.token);
  });
});
