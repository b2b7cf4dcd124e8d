import { randomUUID } from 'node:crypto';
import { Redis as Ioredis } from 'ioredis';
import { afterAll, beforeAll, describe, inject, vi } from 'vitest';
import { InProcessLockProvider } from '../../lib/locks/in-process-lock-provider.js';
import { InProcessLockTable } from '../../lib/locks/in-process-lock-table.js';
import type { ZkClientPort } from '../../lib/locks/zookeeper/zk-client-port.js';
import { applicationClients } from '../support/redis-clients.js';
import { lockCasesApart, MOST_AT_ONCE, testsOf } from './support/contract-tests.js';
import { ClientPool, lockCases } from './support/redis-contracts.js';
import { connect, zooKeeperLockCases } from './support/zookeeper-contracts.js';

vi.setConfig({ maxConcurrency: MOST_AT_ONCE });

describe.concurrent('in-process lock', () => {
  testsOf(
    lockCasesApart(() => {
      const table = new InProcessLockTable();
      return {
        open: () => Promise.resolve(new InProcessLockProvider({ table })),
        dispose: () => Promise.resolve(),
        leftovers: () => Promise.resolve(table.size === 0 ? [] : [`${String(table.size)} locks`]),
      };
    }),
  );
});

const clients: typeof applicationClients = {
  ...applicationClients,
  'ioredis 5 with a key prefix': (url) => {
    const client = new Ioredis(url, { keyPrefix: 'app:' });
    return Promise.resolve({ client, close: () => client.disconnect() });
  },
};

const redisUrl = inject('redisUrl');
let redisAdmin: Ioredis;
let zooKeeperAdmin: ZkClientPort;

beforeAll(async () => {
  redisAdmin = new Ioredis(redisUrl);
  zooKeeperAdmin = await connect(inject('zooKeeperConnect'));
});
afterAll(async () => {
  redisAdmin.disconnect();
  await zooKeeperAdmin.close();
});

for (const [name, make] of Object.entries(clients)) {
  describe.concurrent(`Redis lock over ${name}`, () => {
    const pool = new ClientPool(() => make(redisUrl));
    afterAll(() => pool.close());
    testsOf(lockCases(pool, () => redisAdmin));
  });
}

describe.concurrent('Redis lock over a URL', () => {
  testsOf(lockCases({ url: redisUrl }, () => redisAdmin));
});

describe.concurrent('ZooKeeper lock', () => {
  const lock = () => ({ connectString: inject('zooKeeperConnect') });
  testsOf(zooKeeperLockCases({ lock, admin: () => zooKeeperAdmin, namespace: `locks-${randomUUID()}` }));
});
