import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { LockUnavailableError } from '../../../../lib/core/errors.js';
import {
  acquireScript,
  lookScript,
  releaseScript,
  renewScript,
} from '../../../../lib/locks/redis/redis-lock-scripts.js';
import { monitorRedis } from '../../../support/redis-monitor.js';
import { startRedis, type OwnRedis } from '../../../../servers/index.js';
import { TcpProxy } from '../../../support/tcp-proxy.js';
import { acquire, findBusy, RedisLockStage } from './stage.js';

/** Long, so that nothing below can be explained by a lock that ran out. */
const ttlMs = 600_000;

let server: OwnRedis;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await server.stop();
});

describe('Redis lock when answers and messages are lost', () => {
  let proxy: TcpProxy;
  let stage: RedisLockStage;

  beforeEach(async () => {
    proxy = await TcpProxy.open(server.port);
    stage = new RedisLockStage(server.url, ttlMs);
  });
  afterEach(async () => {
    await stage.end();
    await proxy.close();
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
    await expect.poll(() => stage.operator.pubsub('NUMSUB', channel), { timeout: 60_000 }).toEqual([channel, 1]);
    const waiting = busy.wait({ timeoutMs: 20_000 });
    await held.release();
    // By the message and nothing else: no look is due before the holder's ten minutes are over.
    expect(await waiting).toBe('released');
  });
});

/** The cases overlap: most of their time is the wait for renewals and looks. */
describe.concurrent('Redis lock when no message comes', () => {
  /** A machine that stands still for three seconds does not end it: it is renewed each two. */
  const shortTtlMs = 6_000;
  /** A waiter looks after its own time to live at the latest. */
  const lookWithinMs = 500;

  async function staged(play: (stage: RedisLockStage) => Promise<void>): Promise<void> {
    const stage = new RedisLockStage(server.url, shortTtlMs);
    try {
      await play(stage);
    } finally {
      await stage.end();
    }
  }

  async function monitored(play: (stage: RedisLockStage, seen: () => Promise<string[][]>) => Promise<void>) {
    const monitor = await monitorRedis(server.url);
    try {
      await staged((stage) =>
        play(stage, async () => {
          const commands = (await monitor.commands()).filter(({ args }) => args.includes(stage.redisKey('key')));
          return commands.map(({ command, args }) => [command, ...args]);
        }),
      );
    } finally {
      monitor.close();
    }
  }

  it('is noticed to be free by a look', () =>
    staged(async (stage) => {
      const user = `mute-${randomUUID()}`;
      await stage.operator.call('ACL', 'SETUSER', user, 'on', 'nopass', '~*', '+@all', '&*', '-publish');
      const [holder, waiter] = [
        await stage.open(server.url.replace('redis://', `redis://${user}:any@`)),
        await stage.open(server.url, { ttlMs: lookWithinMs }),
      ];
      const held = await acquire(holder);
      const waiting = (await findBusy(waiter)).wait({ timeoutMs: 30_000 });
      await held.release();
      expect(await stage.operator.hexists(stage.redisKey('key'), 'owner')).toBe(0);
      expect(await waiting).toBe('vanished');
    }));

  it('costs one look in two thirds of the time to live, and the holder one renewal in a third', () =>
    monitored(async (stage, seen) => {
      const began = performance.now();
      const [holder, waiter] = [await stage.open(), await stage.open()];
      const held = await acquire(holder);
      const busy = await findBusy(waiter);
      const giveUp = new AbortController();
      const waiting = busy.wait({ timeoutMs: 60_000, signal: giveUp.signal });
      const count = (commands: string[][], { sha1, source }: { sha1: string; source: string }) =>
        commands.filter(([, script]) => script === sha1 || script === source).length;
      const asked = await vi.waitFor(
        async () => {
          const commands = await seen();
          expect(count(commands, lookScript)).toBeGreaterThanOrEqual(1);
          expect(count(commands, renewScript)).toBeGreaterThanOrEqual(3);
          return commands;
        },
        { timeout: 60_000, interval: 200 },
      );
      const lastedMs = performance.now() - began;
      // What is left on the server lies between two thirds and the whole of the time to live.
      expect(count(asked, lookScript)).toBeLessThanOrEqual(Math.ceil(lastedMs / (shortTtlMs / 2)) + 1);
      // No script is known to a fresh server: the first of a kind is sent twice.
      expect(count(asked, renewScript)).toBeLessThanOrEqual(Math.ceil(lastedMs / (shortTtlMs / 3)) + 1);
      expect(held.signal.aborted).toBe(false);
      giveUp.abort();
      expect(await waiting).toBe('aborted');
      await held.release();
    }));

  it('costs two requests to take a lock and give it back', () =>
    monitored(async (stage, seen) => {
      const provider = await stage.open();
      await (await acquire(provider)).release();
      const before = (await seen()).length;
      await (await acquire(provider)).release();
      expect((await seen()).slice(before).map(([command]) => command)).toEqual(['evalsha', 'evalsha']);
      const channel = `${stage.namespace}:lock:1`;
      expect(await stage.operator.pubsub('NUMSUB', channel)).toEqual([channel, 0]);
    }));
});
