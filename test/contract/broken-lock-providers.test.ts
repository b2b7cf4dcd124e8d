import { describe, expect, it } from 'vitest';
import type { LockProvider } from '../../lib/core/lock-provider.js';
import { failingCases, type ContractCase } from '../../lib/testing/contract-case.js';
import {
  ArmsItsWatchInWait,
  DrawsItsTokens,
  FiresTheSignalOnRelease,
  KeepsItsLocksOnClose,
  LetsTwoHoldersIn,
  ReleasesWithoutOwnerCheck,
  SketchLockProvider,
  sketchService,
  WakesOnlyOne,
  type SketchService,
} from './broken-lock-providers.js';
import { lockCasesApart, MISTAKEN_PATIENCE_MS, noticing } from './support/contract-tests.js';

type Sketch = new (service: SketchService) => LockProvider;

function suiteOf(Provider: Sketch, patienceMs?: number): ContractCase[] {
  return lockCasesApart(() => {
    const service = sketchService();
    return {
      open: () => Promise.resolve(new Provider(service)),
      dispose: () => Promise.resolve(),
      ...(patienceMs !== undefined && { patienceMs }),
    };
  });
}

describe('the lock contract', () => {
  it('holds for the sketch that the broken providers are made from', async () => {
    expect(await failingCases(suiteOf(SketchLockProvider))).toEqual([]);
  });

  it.concurrent.each<[string, Sketch, string]>([
    [
      'releases without an owner check',
      ReleasesWithoutOwnerCheck,
      'a late release never frees the lock of a later holder',
    ],
    ['lets two holders in', LetsTwoHoldersIn, 'no two holders are inside at once, and everyone gets in'],
    ['arms its watch in wait()', ArmsItsWatchInWait, 'a release between tryAcquire and wait is not missed'],
    ['draws its tokens', DrawsItsTokens, 'the fencing token grows from holder to holder'],
    ['wakes only one waiter', WakesOnlyOne, 'every waiter is woken, in one process and in several'],
    ['fires the signal on release', FiresTheSignalOnRelease, 'the signal does not fire because of a release'],
    [
      'keeps its locks on close',
      KeepsItsLocksOnClose,
      'close gives every held lock back, and wakes who waits for one elsewhere',
    ],
  ])('fails for a provider that %s', { timeout: 120_000 }, async (_what, Provider, caught) => {
    expect(await noticing(suiteOf(Provider, MISTAKEN_PATIENCE_MS), [caught])).toContain(caught);
  });
});
