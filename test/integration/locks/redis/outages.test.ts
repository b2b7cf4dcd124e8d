import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LockLostError, LockUnavailableError } from '../../../../lib/core/errors.js';
import { startRedis, type OwnRedis } from '../../../../servers/index.js';
import { acquire, findBusy, fires, RedisLockStage } from './stage.js';

/** Renewed every third of it: what a lock is kept through when the machine stands still for a moment. */
const ttlMs = 6_000;

describe('Redis lock in an outage', () => {
  let server: OwnRedis;
  let stage: RedisLockStage;

  beforeEach(async () => {
    server = await startRedis();
    stage = new RedisLockStage(server.url, ttlMs);
  });
  afterEach(async () => {
    await stage.end();
    await server.stop();
  });

  it('fires the signal when the server is killed, and releases without an error', async () => {
    const provider = await stage.open();
    const began = performance.now();
    const held = await acquire(provider);
    await server.kill();
    expect(await fires(held)).toBeInstanceOf(LockLostError);
    // Nine tenths of the time to live, counted from the last renewal; timers of a loaded machine are late, never early.
    expect(performance.now() - began).toBeGreaterThan(ttlMs * 0.9 - 50);
    await held.release();
  });

  it('fires the signal while the server is frozen', async () => {
    const held = await acquire(await stage.open());
    server.pause();
    expect(await fires(held)).toBeInstanceOf(LockLostError);
    server.resume();
  });

  it('keeps a lock through a freeze that is shorter', async () => {
    const [holder, other] = [await stage.open(), await stage.open()];
    const held = await acquire(holder);
    await findBusy(other).then((lock) => lock.dispose());
    server.pause();
    await new Promise((resolve) => setTimeout(resolve, ttlMs / 4));
    server.resume();
    await new Promise((resolve) => setTimeout(resolve, ttlMs));
    expect(held.signal.aborted).toBe(false);
    await findBusy(other).then((lock) => lock.dispose());
  });

  it('fires the signal when the server comes back empty, and another can take the lock with a greater token', async () => {
    const [holder, other] = [await stage.open(), await stage.open()];
    const old = await acquire(holder);
    await server.restart();
    const held = await acquire(other);
    expect(held.token).toBeGreaterThan(old.token);
    expect(await fires(old)).toBeInstanceOf(LockLostError);
    await old.release();
    await findBusy(holder).then((lock) => lock.dispose());
    await held.release();
  });

  it('waits for a server that comes back in time', async () => {
    const provider = await stage.open();
    await (await acquire(provider)).release();
    await server.kill();
    const attempt = acquire(provider);
    await server.restart();
    expect((await attempt).acquired).toBe(true);
  });

  it('rejects in time when it does not, and says so', async () => {
    const provider = await stage.open();
    await server.kill();
    const attempt = provider.tryAcquire('key', { timeoutMs: 300 });
    await expect(attempt).rejects.toBeInstanceOf(LockUnavailableError);
    expect(provider.state).toBe('suspended');
    await server.restart();
    await (await acquire(provider)).release();
    expect(provider.state).toBe('connected');
  });

  it('leaves no lock behind when the server answers after the attempt is over', async () => {
    const [provider, other] = [await stage.open(), await stage.open()];
    await (await acquire(provider)).release();
    server.pause();
    await expect(provider.tryAcquire('key', { timeoutMs: 300 })).rejects.toBeInstanceOf(LockUnavailableError);
    server.resume();
    await (await acquire(other)).release();
    await expect.poll(() => stage.operator.hexists(stage.redisKey('key'), 'owner')).toBe(0);
  });

  it('tells a waiter that contact is lost', async () => {
    const [holder, waiter] = [await stage.open(), await stage.open()];
    await acquire(holder);
    const busy = await findBusy(waiter);
    await server.kill();
    expect(await busy.wait({ timeoutMs: 30_000 })).toBe('contact-lost');
  });

  it('closes in bounded time while the server is frozen', async () => {
    const provider = await stage.open(server.url, { lockTimeoutMs: 500 });
    const held = await acquire(provider);
    server.pause();
    await provider.close();
    expect(held.signal.aborted).toBe(true);
    server.resume();
  });
});
