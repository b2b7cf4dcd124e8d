import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { LockAuthError } from '../../../../lib/core/errors.js';
import { startZooKeeper } from '../../../../servers/index.js';
import { TcpProxy } from '../../../support/tcp-proxy.js';
import {
  Operator,
  PATIENCE_MS,
  acquire,
  findBusy,
  freshNamespace,
  locksOf,
  openProvider,
  statesOf,
  untilState,
} from './stage.js';

const connectString = inject('zooKeeperConnect');
const auth = { scheme: 'digest', credentials: 'shop:right' } as const;
const wrong = { scheme: 'digest', credentials: 'shop:wrong' } as const;

describe('credentials', () => {
  it('protect the nodes above the locks, and are needed from then on', async () => {
    const namespace = freshNamespace();
    const root = `/protected-${namespace}`;
    const { provider: owner } = await openProvider({ connectString, root, auth, protectRoot: true }, { namespace });
    const { provider: peer } = await openProvider({ connectString, root, auth }, { namespace });
    const { provider: stranger } = await openProvider({ connectString, root }, { namespace });
    const { provider: mistaken } = await openProvider({ connectString, root, auth: wrong }, { namespace });

    const held = await acquire(owner, 'k');
    const operator = await Operator.connect(connectString);
    operator.addAuth(auth.credentials);
    for (const path of [root, `${root}/${namespace}`, locksOf(namespace, root)]) {
      expect(await operator.acl(path)).toEqual([expect.objectContaining({ perms: 31, scheme: 'digest' })]);
    }

    const waiting = (await findBusy(peer, 'k')).wait({ timeoutMs: PATIENCE_MS });
    await held.release();
    expect(await waiting).toBe('vanished');
    await (await acquire(peer, 'k')).release();

    for (const provider of [stranger, mistaken]) {
      const attempt = provider.tryAcquire('k', { timeoutMs: PATIENCE_MS });
      await expect(attempt).rejects.toThrow(LockAuthError);
      await expect(attempt).rejects.toThrow(`does not let us create locks below ${locksOf(namespace, root)}`);
      await expect(attempt).rejects.not.toThrow(/wrong/);
    }
  });

  it('are given again to every new connection', async () => {
    const namespace = freshNamespace();
    const root = `/protected-${namespace}`;
    const proxy = await TcpProxy.open(Number(connectString.split(':')[1]));
    onTestFinished(() => proxy.close());
    const { provider, events } = await openProvider(
      { connectString: proxy.address, root, auth, protectRoot: true },
      { namespace, via: proxy },
    );
    await (await acquire(provider, 'k')).release();
    proxy.refuse();
    await untilState(provider, 'suspended');
    proxy.heal();
    await (await acquire(provider, 'k')).release();
    expect(statesOf(events)).toEqual(['connecting', 'connected', 'suspended', 'connected']);
  });

  it('that the servers refuse make every attempt fail at once, and are an event', async () => {
    const server = await startZooKeeper({ properties: { 'zookeeper.DigestAuthenticationProvider.enabled': 'false' } });
    try {
      const namespace = freshNamespace();
      const { provider, events } = await openProvider({ connectString: server.connectString, auth }, { namespace });
      await untilState(provider, 'auth-failed');
      await expect(provider.tryAcquire('k', { timeoutMs: PATIENCE_MS })).rejects.toThrow(LockAuthError);
      expect(statesOf(events).at(-1)).toBe('auth-failed');
      expect(events.at(-1)).toMatchObject({ type: 'lock-state', error: expect.any(LockAuthError) as unknown });
    } finally {
      await server.stop();
    }
  });
});
