import { describe, inject, it } from 'vitest';
import { lockNodePath } from '../../../../lib/locks/zookeeper/node-path.js';
import { lockProviderContract } from '../../../../lib/testing/lock-provider-contract.js';
import { Operator, freshNamespace, locksOf, openProvider } from './stage.js';

describe('zooKeeperLock keeps the contract of lock providers', () => {
  const connectString = inject('zooKeeperConnect');
  const namespace = freshNamespace();
  const cases = lockProviderContract({
    open: async () => (await openProvider({ connectString, sessionTimeoutMs: 4_000 }, { namespace })).provider,
    dispose: () => Promise.resolve(),
    loseLock: async (key) => {
      const operator = await Operator.connect(connectString);
      await operator.remove(lockNodePath(locksOf(namespace), key));
    },
    holdBeyondMs: 5_000,
    leftovers: async () => (await Operator.connect(connectString)).children(locksOf(namespace)),
  });
  for (const contractCase of cases) it(contractCase.name, () => contractCase.run());
});
