import type { LockProvider } from '../../../lib/core/lock-provider.js';
import { openNativeZkClient } from '../../../lib/locks/zookeeper/native-zk-client.js';
import { lockNodePath } from '../../../lib/locks/zookeeper/node-path.js';
import { ZkCode, type ZkClientPort } from '../../../lib/locks/zookeeper/zk-client-port.js';
import type { ZooKeeperLockOptions } from '../../../lib/locks/zookeeper/zoo-keeper-lock-options.js';
import { zooKeeperLock } from '../../../lib/locks/zookeeper/zoo-keeper-lock.js';
import type { ContractCase } from '../../../lib/testing/contract-case.js';
import { beyond, lockCasesApart, lockContext, ZOOKEEPER_SESSION_MS } from './contract-tests.js';

type Credentials = NonNullable<ZooKeeperLockOptions['auth']>;

/** A client beside the locks, connected. */
export function connect(servers: string, auth?: Credentials): Promise<ZkClientPort> {
  const silent = (): void => undefined;
  return new Promise((resolve, reject) => {
    const opening = openNativeZkClient({
      servers,
      sessionTimeoutMs: 30_000,
      logLevel: 0,
      ...(auth && { auth }),
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

export interface ZooKeeperContractOptions {
  /** Where the next provider of a case connects to, and how. */
  readonly lock: () => ZooKeeperLockOptions;
  readonly admin: () => ZkClientPort;
  readonly namespace: string;
  readonly chroot?: string;
  readonly lagging?: boolean;
}

/** The node below which the locks of a namespace are. */
export function locksPathOf(namespace: string, chroot = ''): string {
  return `${chroot}/nest-cache/${namespace}/locks`;
}

/** The suite of the lock on ZooKeeper. Cases may overlap: each looks only after the keys that it has used. */
export function zooKeeperLockCases(options: ZooKeeperContractOptions): ContractCase[] {
  const { lock, admin, namespace, chroot, lagging = false } = options;
  const pathOf = (key: string): string => lockNodePath(locksPathOf(namespace, chroot), key);
  return lockCasesApart(() => {
    const used: string[] = [];
    return {
      open: async () => {
        const factory = zooKeeperLock({ ...lock(), sessionTimeoutMs: ZOOKEEPER_SESSION_MS });
        const provider = await factory.createLockProvider(lockContext(namespace));
        return Object.assign(provider, { tryAcquire: noting(provider.tryAcquire.bind(provider), used) });
      },
      dispose: () => Promise.resolve(),
      loseLock: async (key) => {
        await admin().remove(pathOf(key));
      },
      holdBeyondMs: beyond(ZOOKEEPER_SESSION_MS),
      lagging,
      leftovers: async () => {
        const seen = await Promise.all(used.map((key) => admin().get(pathOf(key), false)));
        return used.filter((_key, index) => seen[index]?.code !== (ZkCode.noNode as number));
      },
    };
  });
}

/** Notes the keys that are asked for: the port of the client lists no children. */
function noting(tryAcquire: LockProvider['tryAcquire'], keys: string[]): LockProvider['tryAcquire'] {
  return (key, options) => {
    keys.push(key);
    return tryAcquire(key, options);
  };
}
