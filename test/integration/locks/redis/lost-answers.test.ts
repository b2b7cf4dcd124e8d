import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LockUnavailableError } from '../../../../lib/core/errors.js';
import { acquireScript, releaseScript } from '../../../../lib/locks/redis/redis-lock-scripts.js';
import { monitorRedis } from '../../../support/redis-monitor.js';
import { startRedis, type OwnRedis } from '../../../../servers/index.js';
import { TcpProxy } from '../../../support/tcp-proxy.js';
import { acquire, findBusy, RedisLockStage } from './stage.js';

/** Long, so that nothing below can be explained by a lock that ran out. */
const ttlMs = 600_000;

describe('Redis lock when answers and messages are lost', () => {
  let server: OwnRedis;
  let proxy: TcpProxy;
  let stage: RedisLockStage;

  beforeEach(async () => {
    server = await startRedis();
    proxy = await TcpProxy.open(server.port);
    stage = new RedisLockStage(server.url, ttlMs);
  });
  afterEach(async () => {
    await stage.end();
    await proxy.close();
    await server.stop();
  });

  const proxied = (): string => `redis://${proxy.address}`;
  const sends = (sha1: string) => (request: Buffer) => request.includes(sha1);

  it.each(['request', 'reply'] as const)(
    'takes the lock although the %s of its first attempt is lost',
    async (loss) => {
      const [provider, other] = [await stage.open(proxied()), await stage.open()];
      await (await acquire(provider)).release();
      const lost = proxy.lose(loss, sends(acquireScript.sha1));
      const held = await acquire(provider);
      await lost;
      expect(await stage.operator.hget(stage.redisKey('key'), 'token')).toBe(String(held.token));
      await findBusy(other).then((lock) => lock.dispose());
      await held.release();
      await (await acquire(other)).release();
    },
  );

  it('gives back what it never heard of, when the attempt is over before the connection is back', async () => {
    const [provider, other] = [await stage.open(proxied()), await stage.open()];
    await (await acquire(provider)).release();
    const lost = proxy.lose('reply', sends(acquireScript.sha1), { thenRefuse: true });
    const attempt = provider.tryAcquire('key', { timeoutMs: 500 });
    const rejected = expect(attempt).rejects.toBeInstanceOf(LockUnavailableError);
    await lost;
    await rejected;
    expect(await stage.operator.hexists(stage.redisKey('key'), 'owner')).toBe(1);
    proxy.heal();
    await (await acquire(other)).release();
  });

  it.each(['request', 'reply'] as const)('gives the lock back although the %s of its release is lost', async (loss) => {
    const [provider, other] = [await stage.open(proxied()), await stage.open()];
    await (await acquire(provider)).release();
    const held = await acquire(provider);
    const lost = proxy.lose(loss, sends(releaseScript.sha1));
    await held.release();
    await lost;
    await (await acquire(other)).release();
  });

  it('hears messages again after the connection they come on was lost', async () => {
    const [holder, waiter] = [await stage.open(), await stage.open()];
    const held = await acquire(holder);
    const busy = await findBusy(waiter);
    await stage.operator.client('KILL', 'TYPE', 'pubsub');
    const channel = `${stage.namespace}:lock:1`;
    await expect.poll(() => stage.operator.pubsub('NUMSUB', channel), { timeout: 20_000 }).toEqual([channel, 1]);
    const waiting = busy.wait({ timeoutMs: 20_000 });
    await held.release();
    expect(await waiting).toBe('released');
  });
});

describe('Redis lock when no message comes', () => {
  const shortTtlMs = 2_000;

  it('is noticed to be free when its time would have been over', async () => {
    const server = await startRedis();
    const stage = new RedisLockStage(server.url, shortTtlMs);
    try {
      const [holder, waiter] = [await stage.open(), await stage.open()];
      const held = await acquire(holder);
      const busy = await findBusy(waiter);
      await stage.operator.call('ACL', 'SETUSER', 'default', '-publish');
      const waiting = busy.wait({ timeoutMs: 30_000 });
      await held.release();
      expect(await stage.operator.hexists(stage.redisKey('key'), 'owner')).toBe(0);
      expect(await waiting).toBe('vanished');
    } finally {
      await stage.end();
      await server.stop();
    }
  });

  it('costs one look in two thirds of the time to live, and the holder one renewal in a third', async () => {
    const server = await startRedis();
    const stage = new RedisLockStage(server.url, shortTtlMs);
    const monitor = await monitorRedis(server.url);
    try {
      const [holder, waiter] = [await stage.open(), await stage.open()];
      const held = await acquire(holder);
      const busy = await findBusy(waiter);
      const before = (await monitor.commands()).length;
      const heldMs = 4 * shortTtlMs;
      expect(await busy.wait({ timeoutMs: heldMs })).toBe('timeout');
      const commands = (await monitor.commands()).slice(before).filter(({ command }) => command.startsWith('eval'));
      const [holders, waiters] = [0, 1].map((writes) =>
        commands.filter(({ args }) => (args.length === 3 ? 1 : 0) === writes),
      ) as [unknown[], unknown[]];
      // A look carries no arguments beyond its key. What is left on the server lies between two thirds and the whole of the time to live.
      expect(waiters.length).toBeGreaterThanOrEqual(1);
      expect(waiters.length).toBeLessThanOrEqual(Math.ceil(heldMs / (shortTtlMs / 2)) + 1);
      expect(holders.length).toBeLessThanOrEqual(Math.ceil(heldMs / (shortTtlMs / 3)) + 1);
      await held.release();
    } finally {
      monitor.close();
      await stage.end();
      await server.stop();
    }
  });

  it('costs two requests to take a lock and give it back', async () => {
    const server = await startRedis();
    const stage = new RedisLockStage(server.url, shortTtlMs);
    const monitor = await monitorRedis(server.url);
    try {
      const provider = await stage.open();
      await (await acquire(provider)).release();
      const before = (await monitor.commands()).length;
      await (await acquire(provider, 'another')).release();
      const commands = (await monitor.commands()).slice(before).map(({ command }) => command);
      expect(commands).toEqual(['evalsha', 'evalsha']);
      expect(await stage.operator.pubsub('NUMSUB', `${stage.namespace}:lock:1`)).toEqual([
        `${stage.namespace}:lock:1`,
        0,
      ]);
    } finally {
      monitor.close();
      await stage.end();
      await server.stop();
    }
  });
});
