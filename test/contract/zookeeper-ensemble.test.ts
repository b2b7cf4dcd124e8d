import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/core/clock.js';
import type { LockProvider } from '../../lib/core/lock-provider.js';
import { openNativeZkClient } from '../../lib/locks/zookeeper/native-zk-client.js';
import { lockNodePath } from '../../lib/locks/zookeeper/node-path.js';
import { ZkCode, type ZkClientPort } from '../../lib/locks/zookeeper/zk-client-port.js';
import { zooKeeperLock } from '../../lib/locks/zookeeper/zoo-keeper-lock.js';
import { lockProviderContract } from '../../lib/testing/lock-provider-contract.js';
import { startZooKeeperEnsemble, type OwnZooKeeperEnsemble } from '../../servers/index.js';

const auth = { scheme: 'digest', credentials: 'shop:a-password' } as const;
const sessionTimeoutMs = 4_000;
const namespace = `locks-${randomUUID()}`;
const chroot = '/environments/test';
const locksPath = `${chroot}/nest-cache/${namespace}/locks`;
const gone = ZkCode.noNode as number;

let ensemble: OwnZooKeeperEnsemble;
let admin: ZkClientPort;

function connect(servers: string, credentials?: typeof auth): Promise<ZkClientPort> {
  const silent = (): void => undefined;
  return new Promise((resolve, reject) => {
    const opening = openNativeZkClient({
      servers,
      sessionTimeoutMs: 30_000,
      logLevel: 0,
      ...(credentials && { auth: credentials }),
      onConnected: () => {
        opening.then(resolve, reject);
      },
      onDisconnected: silent,
      onClosed: silent,
      onDeleted: silent,
      onChanged: silent,
    });
    opening.catch(reject);
  });
}

beforeAll(async () => {
  ensemble = await startZooKeeperEnsemble();
  admin = await connect(ensemble.connectString, auth);
});

afterAll(async () => {
  await admin.close();
  await ensemble.stop();
});

/** Each provider of a case is on another member, as the processes of a fleet are. */
let opened = 0;
function connectString(): string {
  const member = ensemble.members[opened++ % ensemble.members.length];
  return `${String(member?.connectString)}${chroot}`;
}

describe('ZooKeeper lock on an ensemble, below a chroot, with a digest ACL', () => {
  const used: string[] = [];
  const suite = lockProviderContract({
    open: async () => {
      const factory = zooKeeperLock({ connectString: connectString(), sessionTimeoutMs, auth, protectRoot: true });
      const context = { namespace, clock: systemClock, storeTimeoutMs: 5_000, lockTimeoutMs: 5_000 };
      const provider = await factory.createLockProvider({ ...context, report: () => undefined });
      return Object.assign(provider, { tryAcquire: noting(provider.tryAcquire.bind(provider), used) });
    },
    dispose: () => {
      used.length = 0;
      return Promise.resolve();
    },
    loseLock: async (key) => {
      await admin.remove(lockNodePath(locksPath, key));
    },
    holdBeyondMs: sessionTimeoutMs * 1.5,
    lagging: true,
    leftovers: async () => {
      const seen = await Promise.all(used.map((key) => admin.get(lockNodePath(locksPath, key), false)));
      return used.filter((_key, index) => seen[index]?.code !== gone);
    },
  });
  for (const contractCase of suite) {
    it(contractCase.name, () => contractCase.run(), 120_000);
  }

  it('who does not have the credentials cannot make a lock there, on any member', async () => {
    for (const member of ensemble.members) {
      const stranger = await connect(member.connectString);
      await stranger.sync(locksPath);
      expect(await stranger.createEphemeral(`${locksPath}/x`, 'x')).toBe(ZkCode.noAuth);
      await stranger.close();
    }
  });
});

/** Notes the keys that are asked for: the port of the client lists no children. */
function noting(tryAcquire: LockProvider['tryAcquire'], keys: string[]): LockProvider['tryAcquire'] {
  return (key, options) => {
    keys.push(key);
    return tryAcquire(key, options);
  };
}
