import { describe, expect, it } from 'vitest';
import { CacheClosedError, LockAuthError, LockLostError, LockUnavailableError } from '../../../../lib/core/errors.js';
import type { HeldLock } from '../../../../lib/core/lock-provider.js';
import { Gate, SESSION_MS, StagedZooKeeper, openConnected, openStage, type Stage } from './staged-zoo-keeper.js';

async function take({ provider, clock }: Stage, key = 'k'): Promise<HeldLock> {
  const attempt = provider.tryAcquire(key, { timeoutMs: 60_000 });
  await clock.settle();
  const lock = await attempt;
  if (!lock.acquired) throw new Error('busy');
  return lock;
}

describe('connecting', () => {
  it('hands over addresses, never names, and resolves them anew for every client', async () => {
    let address = '10.0.0.1';
    const { servers, clock } = await openStage({ connectString: 'zk1:2181,zk2:2182,[::1]:2183,192.0.2.1' }, (host) =>
      host === 'zk1' ? Promise.resolve([address, 'fe80::1']) : Promise.reject(new Error(`no ${host}`)),
    );
    expect(servers.client.config.servers).toBe('10.0.0.1:2181,fe80::1:2181,::1:2183,192.0.2.1:2181');
    address = '10.0.0.2';
    servers.client.isIdle = true;
    await clock.advance(1_000);
    expect(servers.clients).toHaveLength(2);
    expect(servers.client.config.servers).toContain('10.0.0.2:2181');
  });

  it('tries again when no name resolves, or the look-up hangs, and tells who asks', async () => {
    const answers: Promise<readonly string[]>[] = [
      Promise.reject(new Error('ENOTFOUND zk')),
      new Promise(() => undefined),
      Promise.resolve(['10.0.0.1']),
    ];
    for (const answer of answers) answer.catch(() => undefined);
    const { servers, clock, provider } = await openStage(
      { connectString: 'zk' },
      () => answers.shift() ?? Promise.resolve([]),
    );
    const attempt = provider.tryAcquire('k', { timeoutMs: 10 });
    const rejected = expect(attempt).rejects.toThrow('connecting; last error: no address found for zk');
    await clock.advance(10);
    await rejected;
    expect(servers.clients).toHaveLength(0);
    await clock.advance(100);
    await clock.advance(5_000);
    await clock.advance(1_000);
    expect(servers.clients).toHaveLength(1);
  });

  it('replaces a client that has given up', async () => {
    const { servers, clock, states } = await openStage();
    servers.client.isIdle = true;
    await clock.advance(100);
    expect(servers.clients[0]?.abandoned).toBe(true);
    await clock.advance(100);
    expect(servers.clients).toHaveLength(2);
    servers.client.connect();
    expect(states()).toEqual(['connecting', 'connected']);
  });

  it('replaces a client that no server answers, sooner the first time than later, and at once', async () => {
    const { servers, clock, states } = await openStage();
    const lives: number[] = [];
    for (let openedAt = 0; lives.length < 5;) {
      const before = servers.clients.length;
      while (servers.clients.length === before) await clock.advance(10);
      expect(servers.clients[before - 1]?.abandoned).toBe(true);
      lives.push(clock.elapsedMs() - openedAt);
      openedAt = clock.elapsedMs();
    }
    const patiences = [1_000, 2_000, 4_000, 5_000, 5_000];
    for (const [index, lifeMs] of lives.entries()) {
      expect(lifeMs).toBeGreaterThanOrEqual(patiences[index]!);
      // The next look, and a pause that does not grow.
      expect(lifeMs).toBeLessThanOrEqual(patiences[index]! + 100 + 75 + 20);
    }
    // A refusal is an answer: the next silence is one of a server that starts.
    servers.client.isIdle = true;
    await clock.advance(100 + 750);
    const last = servers.client;
    await clock.advance(1_000 + 100);
    expect(last.abandoned).toBe(true);
    await clock.advance(75);
    servers.client.connect();
    expect(states()).toEqual(['connecting', 'connected']);
    // So is a connection.
    const connected = servers.client;
    connected.disconnect();
    await clock.advance(1_000 + 100);
    expect(connected.abandoned).toBe(true);
  });

  it('waits no longer for an answer than a session lives', async () => {
    const { servers, clock } = await openStage({ sessionTimeoutMs: 1_000 });
    for (let count = 1; count < 5; count++) {
      await clock.advance(1_000 + 100 + 75);
      expect(servers.clients.length).toBeGreaterThan(count);
    }
  });

  it('waits longer after every failure, a second at most and not in step with others', async () => {
    const { servers, clock } = await openStage();
    const openedAt: number[] = [];
    for (let count = 1; clock.elapsedMs() < 60_000;) {
      servers.client.isIdle = true;
      await clock.advance(10);
      if (servers.clients.length > count) openedAt.push(clock.elapsedMs());
      count = servers.clients.length;
    }
    const gaps = openedAt.slice(1).map((at, index) => at - (openedAt[index] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(100 + 750 + 20);
    expect(Math.min(...gaps.slice(8))).toBeGreaterThanOrEqual(100 + 250 - 20);
    expect(new Set(gaps.slice(8)).size).toBeGreaterThan(3);
  });

  it('ends at once with close, whatever it was doing', async () => {
    const looking = await openStage({}, () => new Promise(() => undefined));
    const waiting = looking.provider.tryAcquire('k', { timeoutMs: 60_000 });
    const refused = expect(waiting).rejects.toThrow(CacheClosedError);
    void looking.provider.close();
    await refused;
    await looking.clock.advance(60_000);
    expect(looking.clock.pendingTimers).toBe(0);

    const connecting = await openStage();
    await connecting.provider.close();
    expect(connecting.servers.client.closed).toBe(true);
    expect(connecting.clock.pendingTimers).toBe(0);
    await expect(connecting.provider.tryAcquire('k', { timeoutMs: 1 })).rejects.toThrow(CacheClosedError);
    expect(connecting.states()).toEqual(['connecting', 'closed']);
  });

  it('is given up when there is no client to be had: one event, and every attempt rejects at once', async () => {
    const servers = new StagedZooKeeper();
    servers.failure = new LockUnavailableError('no module');
    const { provider, clock, states, events } = await openStage({}, undefined, servers);
    expect(states()).toEqual(['connecting', 'lost']);
    expect(events.at(-1)).toMatchObject({ error: servers.failure });
    await expect(provider.tryAcquire('k', { timeoutMs: 60_000 })).rejects.toBe(servers.failure);
    await clock.advance(600_000);
    expect(states()).toEqual(['connecting', 'lost']);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('a session', () => {
  it('goes on with a fresh client after a lost connection; the former one is not heard any more', async () => {
    const stage = await openConnected();
    const { servers, clock, states } = stage;
    const held = await take(stage);
    const former = servers.client;
    former.disconnect({ idle: true });
    await clock.advance(200);
    expect(former.abandoned).toBe(true);
    expect(servers.clients).toHaveLength(2);
    expect(servers.client.config.resume).toEqual(former.session);
    former.config.onConnected();
    former.config.onClosed(-112);
    former.config.onDeleted(servers.locks[0] ?? '');
    expect(states()).toEqual(['connecting', 'connected', 'suspended']);
    servers.client.connect();
    await clock.settle();
    expect(states()).toEqual(['connecting', 'connected', 'suspended', 'connected']);
    expect(held.signal.aborted).toBe(false);
    former.config.onDeleted(servers.locks[0] ?? '');
    expect(held.signal.aborted).toBe(false);
  });

  it('goes on with the same client when that finds its way back by itself', async () => {
    const stage = await openConnected();
    const held = await take(stage);
    stage.servers.client.disconnect();
    await stage.clock.advance(50);
    stage.servers.client.connect();
    await stage.clock.advance(1_000);
    expect(stage.servers.clients).toHaveLength(1);
    expect(held.signal.aborted).toBe(false);
    expect(stage.states()).toEqual(['connecting', 'connected', 'suspended', 'connected']);
  });

  it('is kept alive by one question at a third of its timeout, only while a lock is held', async () => {
    const stage = await openConnected();
    const { servers, clock } = stage;
    await clock.advance(10 * SESSION_MS);
    expect(servers.log).toEqual([]);
    const held = await take(stage);
    servers.log.length = 0;
    await clock.advance(SESSION_MS / 3 - 1);
    expect(servers.log).toEqual([]);
    await clock.advance(1);
    expect(servers.log).toEqual(['get locks']);
    await clock.advance(SESSION_MS * 10);
    expect(servers.log.length).toBeGreaterThanOrEqual(29);
    expect(servers.log.length).toBeLessThanOrEqual(32);
    expect(held.signal.aborted).toBe(false);
    await held.release();
    servers.log.length = 0;
    await clock.advance(SESSION_MS * 10);
    expect(servers.log).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('counts as lost nine tenths of its timeout after the last question that was answered was sent', async () => {
    const stage = await openConnected();
    const { servers, clock, states, events } = stage;
    const gate = new Gate();
    // 1. The reading back of the created node is sent at 0 and answered at 2,000: contact at 0.
    servers.stage('get', {}, { answeredAfter: gate.passed });
    const attempt = stage.provider.tryAcquire('k', { timeoutMs: 60_000 });
    await clock.advance(2_000);
    gate.open();
    await clock.settle();
    const held = await attempt;
    if (!held.acquired) throw new Error('busy');
    // 2. From now on nothing is answered, and nothing tells that the connection is gone.
    servers.stage('get', ...Array.from({ length: 20 }, () => ({ after: new Promise(() => undefined) })));
    await clock.advance(0.9 * SESSION_MS - 2_000 - 1);
    expect(held.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(held.signal.aborted).toBe(true);
    expect(held.signal.reason).toBeInstanceOf(LockLostError);
    expect(states()).toEqual(['connecting', 'connected', 'lost']);
    expect(events.at(-1)).toMatchObject({ error: expect.any(LockUnavailableError) as unknown });
  });

  it('that was lost by our own clock only goes on, and the node of the lost lock is removed', async () => {
    const stage = await openConnected();
    const { servers, clock, states } = stage;
    const held = await take(stage);
    const gate = new Gate();
    servers.stage('get', ...Array.from({ length: 6 }, () => ({ after: gate.passed })));
    await clock.advance(SESSION_MS);
    expect(held.signal.aborted).toBe(true);
    expect(servers.locks).toHaveLength(1);
    gate.open();
    await clock.advance(1_000);
    expect(states()).toEqual(['connecting', 'connected', 'lost', 'connected']);
    expect(servers.clients).toHaveLength(1);
    expect(servers.locks).toEqual([]);
    await held.release();
    expect((await take(stage)).token).toBeGreaterThan(held.token);
  });

  it('that was lost by our own clock is continued by another client when asking shows that the connection is dead', async () => {
    const stage = await openConnected();
    const { servers, clock, states } = stage;
    await take(stage);
    const { client } = servers;
    servers.stage('get', ...Array.from({ length: 6 }, () => ({ after: new Promise(() => undefined) })));
    const ask = client.get.bind(client);
    client.get = (path, watch) => {
      const reply = ask(path, watch);
      // The client tells nothing of a connection that ends while it sends.
      if (states().at(-1) === 'lost') Object.assign(client, { isConnected: false, isIdle: true });
      return reply;
    };
    await clock.advance(SESSION_MS);
    expect(states().at(-1)).toBe('lost');
    await clock.advance(300);
    expect(servers.clients[1]?.config.resume).toEqual(client.session);
  });

  it('without a connection is lost in the same time, and the keep-alive says nothing meanwhile', async () => {
    const stage = await openConnected();
    const { servers, clock, states } = stage;
    const held = await take(stage);
    // The time runs from the last answered question, not from the moment at which the client noticed.
    await clock.advance(2_000);
    servers.client.disconnect();
    servers.log.length = 0;
    await clock.advance(0.9 * SESSION_MS - 2_000 - 1);
    expect(held.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(held.signal.aborted).toBe(true);
    expect(states()).toEqual(['connecting', 'connected', 'suspended', 'lost']);
    expect(servers.log).toEqual([]);
  });

  it('that expired is followed by a new one; what was held is lost', async () => {
    const stage = await openConnected();
    const { servers, clock, states } = stage;
    const held = await take(stage);
    const first = servers.client;
    first.expire();
    expect(held.signal.aborted).toBe(true);
    await clock.advance(100);
    expect(servers.clients).toHaveLength(2);
    expect(servers.client.config.resume).toBeUndefined();
    servers.client.connect();
    await clock.settle();
    expect(states()).toEqual(['connecting', 'connected', 'lost', 'connected']);
    const next = await take(stage);
    await held.release();
    expect(servers.locks).toHaveLength(1);
    await next.release();
    expect(servers.locks).toEqual([]);
  });

  it('that expires again and again is not renewed in a tight loop', async () => {
    const { servers, clock } = await openConnected();
    for (const until = clock.elapsedMs() + 20_000; clock.elapsedMs() < until;) {
      await clock.advance(10);
      if (servers.client.isConnected) servers.client.expire();
      else if (!servers.client.closed && servers.client.session.sessionId === '0') servers.client.connect();
    }
    // Half a second apart: a loop without a delay would make thousands.
    expect(servers.clients.length).toBeLessThan(60);
  });

  it('that the servers refuse makes attempts fail at once, and is tried again after half a minute', async () => {
    const { servers, clock, provider, states } = await openStage();
    const waiting = expect(provider.tryAcquire('k', { timeoutMs: 60_000 })).rejects.toThrow(LockAuthError);
    await clock.settle();
    servers.client.refuse();
    await waiting;
    await expect(provider.tryAcquire('k', { timeoutMs: 60_000 })).rejects.toThrow(LockAuthError);
    await clock.advance(29_999);
    expect(servers.clients).toHaveLength(1);
    await clock.advance(1);
    expect(servers.clients).toHaveLength(2);
    servers.client.connect();
    expect(states()).toEqual(['connecting', 'auth-failed', 'connected']);
  });

  it('is replaced when the client comes back with another one', async () => {
    const stage = await openConnected();
    const { servers, states } = stage;
    const held = await take(stage);
    servers.client.disconnect();
    servers.client.connect({ newSession: true });
    expect(held.signal.aborted).toBe(true);
    expect(states()).toEqual(['connecting', 'connected', 'suspended', 'connected']);
  });

  it('notices that sending has ended the connection, which the client does not tell', async () => {
    const stage = await openConnected();
    const { servers, clock, states, provider } = stage;
    servers.stage('get', { after: new Promise(() => undefined) });
    const { client } = servers;
    client.isConnected = false;
    client.isIdle = true;
    void provider.tryAcquire('k', { timeoutMs: 60_000 }).catch(() => undefined);
    await clock.settle();
    expect(states().at(-1)).toBe('suspended');
    await clock.advance(300);
    expect(servers.clients).toHaveLength(2);
  });
});
