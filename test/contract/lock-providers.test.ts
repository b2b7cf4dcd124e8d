import { Redis as Ioredis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, inject, it } from 'vitest';
import { systemClock } from '../../lib/core/clock.js';
import type { LockProvider } from '../../lib/core/lock-provider.js';
import type { LockProviderFactory, ProviderContext } from '../../lib/core/provider-factory.js';
import { InProcessLockProvider } from '../../lib/locks/in-process-lock-provider.js';
import { InProcessLockTable } from '../../lib/locks/in-process-lock-table.js';
import { redisLock } from '../../lib/locks/redis/redis-lock.js';
import { openNativeZkClient } from '../../lib/locks/zookeeper/native-zk-client.js';
import { lockNodePath } from '../../lib/locks/zookeeper/node-path.js';
import { ZkCode, type ZkClientPort } from '../../lib/locks/zookeeper/zk-client-port.js';
import { zooKeeperLock } from '../../lib/locks/zookeeper/zoo-keeper-lock.js';
import { lockProviderContract, type LockProviderHarness } from '../../lib/testing/lock-provider-contract.js';
import { applicationClients, type ApplicationClient } from '../support/redis-clients.js';

function runContract(harness: LockProviderHarness): void {
  for (const contractCase of lockProviderContract(harness)) {
    it(contractCase.name, () => contractCase.run(), 60_000);
  }
}

function contextOf(namespace: string): ProviderContext {
  return { namespace, clock: systemClock, storeTimeoutMs: 5_000, lockTimeoutMs: 5_000, report: () => undefined };
}

describe('in-process lock', () => {
  const table = new InProcessLockTable();
  runContract({
    open: () => Promise.resolve(new InProcessLockProvider({ table })),
    dispose: () => Promise.resolve(),
    leftovers: () => Promise.resolve(table.size === 0 ? [] : [`${String(table.size)} locks`]),
  });
});

const clients: typeof applicationClients = {
  ...applicationClients,
  'ioredis 5 with a key prefix': (url) => {
    const client = new Ioredis(url, { keyPrefix: 'app:' });
    return Promise.resolve({ client, close: () => client.disconnect() });
  },
};

/** Renewed every third of it: what a lock is kept through when the machine stands still for a moment. */
const ttlMs = 6_000;

describe.each([...Object.keys(clients), 'a URL'])('Redis lock over %s', (kind) => {
  const namespace = `locks-${randomUUID()}`;
  const url = inject('redisUrl');
  const admin = new Ioredis(url);
  const opened: ApplicationClient[] = [];
  afterAll(() => {
    admin.disconnect();
  });

  async function factory(): Promise<LockProviderFactory> {
    const open = clients[kind];
    if (open === undefined) return redisLock({ url, ttlMs });
    const client = await open(url);
    opened.push(client);
    return redisLock({ client: client.client as object, ttlMs });
  }

  async function lockKeys(): Promise<string[]> {
    return (await admin.keys(`*${namespace}:lock:1:*`)).sort();
  }

  runContract({
    open: async () => (await factory()).createLockProvider(contextOf(namespace)),
    dispose: () => {
      for (const client of opened.splice(0)) client.close();
      return Promise.resolve();
    },
    loseLock: async (key) => {
      await admin.del((await lockKeys()).filter((name) => name.endsWith(key)));
    },
    holdBeyondMs: ttlMs * 1.5,
    // Without an owner it is no lock any more, only the memory of its token.
    leftovers: async () => {
      const keys = await lockKeys();
      const owned = await Promise.all(keys.map((key) => admin.hexists(key, 'owner')));
      return keys.filter((_key, index) => owned[index] === 1);
    },
  });
});

describe('ZooKeeper lock', () => {
  const namespace = `locks-${randomUUID()}`;
  const connectString = inject('zooKeeperConnect');
  const sessionTimeoutMs = 4_000;
  const locksPath = `/nest-cache/${namespace}/locks`;
  const gone = ZkCode.noNode as number;
  let admin: ZkClientPort;

  beforeAll(async () => {
    const silent = (): void => undefined;
    await new Promise<void>((resolve, reject) => {
      openNativeZkClient({
        servers: connectString,
        sessionTimeoutMs: 30_000,
        logLevel: 0,
        onConnected: resolve,
        onDisconnected: silent,
        onClosed: silent,
        onDeleted: silent,
        onChanged: silent,
      }).then((client) => {
        admin = client;
      }, reject);
    });
  });
  afterAll(() => admin.close());

  const used: string[] = [];
  runContract({
    open: async () => {
      const provider = await zooKeeperLock({ connectString, sessionTimeoutMs }).createLockProvider(
        contextOf(namespace),
      );
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
    leftovers: async () => {
      const seen = await Promise.all(used.map((key) => admin.get(lockNodePath(locksPath, key), false)));
      return used.filter((_key, index) => seen[index]?.code !== gone);
    },
  });
});

/** Notes the keys that are asked for: the port of the client lists no children. */
function noting(tryAcquire: LockProvider['tryAcquire'], keys: string[]): LockProvider['tryAcquire'] {
  return (key, options) => {
    keys.push(key);
    return tryAcquire(key, options);
  };
}
