import { describe, it } from 'vitest';
import { InProcessLockProvider } from '../../lib/locks/in-process-lock-provider.js';
import { InProcessLockTable } from '../../lib/locks/in-process-lock-table.js';
import { lockProviderContract, type LockProviderHarness } from '../../lib/testing/lock-provider-contract.js';

function runContract(harness: LockProviderHarness): void {
  for (const contractCase of lockProviderContract(harness)) {
    it(contractCase.name, () => contractCase.run(), 60_000);
  }
}

describe('in-process lock', () => {
  const table = new InProcessLockTable();
  runContract({
    open: () => Promise.resolve(new InProcessLockProvider({ table })),
    dispose: () => Promise.resolve(),
    leftovers: () => Promise.resolve(table.size === 0 ? [] : [`${String(table.size)} locks`]),
  });
});
