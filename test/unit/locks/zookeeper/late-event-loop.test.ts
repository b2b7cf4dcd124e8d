import { describe, expect, it } from 'vitest';
import { Gate, openConnected, openStage, type Operation } from './staged-zoo-keeper.js';

/** Longer than the deadline of an operation and of an attempt, and shorter than the life of a session. */
const STOOD_STILL_MS = 7_000;
const timeoutMs = 3_000;

describe('ZooKeeper locks while the event loop stands still', () => {
  it.each<Operation>(['create', 'get'])(
    'an attempt has the answer to "%s" that has come meanwhile',
    async (operation) => {
      const { servers, clock, provider, states } = await openConnected();
      const reply = new Gate();
      servers.stage(operation, { answeredAfter: reply.passed });
      const attempt = provider.tryAcquire('k', { timeoutMs, likelyFree: true });
      await clock.settle();
      await clock.standStill(STOOD_STILL_MS);
      reply.open();
      expect((await attempt).acquired).toBe(true);
      expect(servers.operations.filter((sent) => sent === 'create')).toHaveLength(1);
      expect(states()).toEqual(['connecting', 'connected']);
    },
  );

  it('an attempt that is not answered ends when its time is over all the same', async () => {
    const { servers, clock, provider } = await openConnected();
    servers.stage('get', { answeredAfter: new Gate().passed });
    let ended = false;
    const attempt = provider.tryAcquire('k', { timeoutMs });
    const failed = expect(attempt.finally(() => (ended = true))).rejects.toThrow(
      'No answer about a lock within 3000 ms',
    );
    await clock.settle();
    await clock.standStill(STOOD_STILL_MS);
    expect(ended).toBe(false);
    await clock.advance(timeoutMs);
    await failed;
  });

  it('a waiter hears of the release that has come meanwhile', async () => {
    const { servers, clock, provider } = await openConnected();
    const path = await heldByAnother(servers, provider);
    const busy = await provider.tryAcquire('k', { timeoutMs });
    if (busy.acquired) throw new Error('expected a busy lock');
    const waiting = busy.wait({ timeoutMs: 1_000 });
    await clock.standStill(STOOD_STILL_MS);
    servers.remove(path);
    expect(await waiting).toBe('vanished');
  });

  it('a client that connects is not replaced by another', async () => {
    const { servers, clock, states } = await openStage();
    await clock.standStill(STOOD_STILL_MS);
    servers.client.connect();
    await clock.advance(1_000);
    expect([servers.clients.length, states()]).toEqual([1, ['connecting', 'connected']]);
  });
});

type Staged = Awaited<ReturnType<typeof openConnected>>;

/** The path of the lock of `k`, which is another instance's from now on. */
async function heldByAnother(servers: Staged['servers'], provider: Staged['provider']): Promise<string> {
  const own = await provider.tryAcquire('k', { timeoutMs });
  if (!own.acquired) throw new Error('expected the lock');
  const [path] = servers.locks;
  if (path === undefined) throw new Error('expected its node');
  await own.release();
  servers.create(path, 'another', servers.newSession());
  return path;
}
