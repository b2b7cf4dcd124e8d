import { describe, expect, it } from 'vitest';
import { InvalidOptionsError } from '../../../../lib/core/errors.js';
import { resolveZooKeeperLockOptions } from '../../../../lib/locks/zookeeper/zoo-keeper-lock-options.js';
import type { ZooKeeperLockOptions } from '../../../../lib/locks/zookeeper/zoo-keeper-lock-options.js';
import { zooKeeperLock } from '../../../../lib/locks/zookeeper/zoo-keeper-lock.js';

const digest = { scheme: 'digest', credentials: 'user:pa:ss' } as const;

describe('resolveZooKeeperLockOptions', () => {
  it('has a default for everything', () => {
    expect(resolveZooKeeperLockOptions()).toEqual({
      target: { servers: [{ host: '127.0.0.1', port: 2181 }], chroot: '' },
      sessionTimeoutMs: 10_000,
      root: '/nest-cache',
      protectRoot: false,
      maxHeldLocks: 1_000,
      allowWorkerThreads: false,
      nativeLogLevel: 0,
    });
  });

  it('takes what it is given', () => {
    const given = {
      connectString: 'zk/app',
      sessionTimeoutMs: 1_000,
      root: '/',
      auth: digest,
      protectRoot: true,
      maxHeldLocks: 10_000,
      allowWorkerThreads: true,
      nativeLogLevel: 4,
    };
    expect(resolveZooKeeperLockOptions(given)).toEqual({
      target: { servers: [{ host: 'zk', port: 2181 }], chroot: '/app' },
      sessionTimeoutMs: 1_000,
      root: '',
      auth: digest,
      protectRoot: true,
      maxHeldLocks: 10_000,
      allowWorkerThreads: true,
      nativeLogLevel: 4,
    });
  });

  it.each<[unknown, string]>([
    [null, 'its options must be an object, but got null'],
    ['127.0.0.1', 'its options must be an object, but got "127.0.0.1"'],
    [[], 'its options must be an object, but got an array'],
    [{ connectionString: 'x' }, 'unknown option connectionString; expected only connectString,'],
    [{ connectString: 2181 }, "connectString must be a text like 'host:port,host:port/chroot', but got 2181"],
    [{ connectString: ['a', 'b'] }, 'Join a list of servers with commas'],
    [{ connectString: '' }, 'a server is empty'],
    [
      { sessionTimeoutMs: 999 },
      'sessionTimeoutMs must be a whole number of milliseconds from 1000 to 600000, but got 999',
    ],
    [{ sessionTimeoutMs: 600_001 }, 'but got 600001'],
    [{ sessionTimeoutMs: 1_000.5 }, 'but got 1000.5'],
    [{ sessionTimeoutMs: '10s' }, 'but got "10s"'],
    [{ sessionTimeoutMs: Number.NaN }, 'but got NaN'],
    [{ root: 'cache' }, `root must be the path of a node, but got "cache", which does not begin with '/'`],
    [{ root: '/cache/' }, "ends with '/'"],
    [{ root: '/zookeeper' }, 'belongs to ZooKeeper itself'],
    [{ root: 7 }, 'which is not a text'],
    [{ auth: 'user:password' }, "auth must be { scheme: 'digest', credentials: 'user:password' }, but got string"],
    [{ auth: { ...digest, realm: 'x' } }, 'unknown option auth.realm'],
    [{ auth: { ...digest, scheme: 'ip' } }, `auth.scheme must be 'digest', but got "ip"`],
    [{ auth: { scheme: 'digest' } }, "auth.credentials must be a text 'user:password', but got undefined"],
    [{ auth: { scheme: 'digest', credentials: 'secret' } }, "a text without a user, a ':' or a password"],
    [{ auth: { scheme: 'digest', credentials: ':secret' } }, "a text without a user, a ':' or a password"],
    [{ auth: { scheme: 'digest', credentials: 'secret:' } }, "a text without a user, a ':' or a password"],
    [{ protectRoot: true }, 'protectRoot must be false without auth, but got true. Give auth as well'],
    [{ protectRoot: 'yes', auth: digest }, 'protectRoot must be true or false, but got "yes"'],
    [{ maxHeldLocks: 0 }, 'maxHeldLocks must be a whole number from 1 to 10000, but got 0'],
    [{ allowWorkerThreads: 1 }, 'allowWorkerThreads must be true or false, but got 1'],
    [{ nativeLogLevel: 5 }, 'nativeLogLevel must be a whole number from 0 to 4, but got 5'],
  ])('refuses %j', (options, message) => {
    const resolve = (): unknown => zooKeeperLock(options as ZooKeeperLockOptions);
    expect(resolve).toThrow(InvalidOptionsError);
    expect(resolve).toThrow(message);
    expect(resolve).toThrow(/^zooKeeperLock: .*\.$/);
    expect(resolve).not.toThrow(/secret/);
  });

  it('is described without its credentials', () => {
    expect(zooKeeperLock({ connectString: 'a,b/app', auth: digest }).description).toBe('zookeeper a:2181,b:2181/app');
  });
});
