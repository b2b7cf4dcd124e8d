import { describe, expect, it } from 'vitest';
import { LockProvider, type LockState } from '../../../lib/core/lock-provider.js';
import { HealthCheck } from '../../../lib/observability/cache-health.js';
import { InProcessVersionedStore } from '../../../lib/stores/in-process-versioned-store.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';
import { POLICY } from '../../support/fleet.js';
import { StagedStore } from '../../support/staged-store.js';

class LockInState extends LockProvider {
  readonly name = 'zookeeper';
  state: LockState = 'connected';

  tryAcquire(): Promise<never> {
    throw new Error('A look at the health took a lock');
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

function checking(policy: Partial<typeof POLICY> = {}) {
  const clock = new ManualClock();
  const store = new StagedStore(new InProcessVersionedStore({ clock, maxEntries: 10 }));
  const locks = new LockInState();
  return { clock, store, locks, check: new HealthCheck(store, locks, { ...POLICY, ...policy }, clock) };
}

describe('HealthCheck', () => {
  it('asks the store, looks at the lock, and writes nothing', async () => {
    const { check, store } = checking();
    expect(await check.look(1_000)).toEqual({
      status: 'up',
      store: { name: 'staged', status: 'up', latencyMs: 0 },
      lock: { name: 'zookeeper', status: 'up', state: 'connected' },
    });
    expect(store.steps).toEqual(['read']);
  });

  it.each([
    [{}, 'degraded'],
    [{ onStoreUnavailable: 'fail' }, 'down'],
    [{ onLockUnavailable: 'fail' }, 'degraded'],
  ] as const)('a store that is down: with %o it is %s', async (policy, status) => {
    const { check, store } = checking(policy);
    store.down = true;
    expect(await check.look(1_000)).toMatchObject({
      status,
      store: { status: 'down', error: 'connection refused' },
      lock: { status: 'up' },
    });
    store.down = false;
    expect(await check.look(1_000)).toMatchObject({ status: 'up' });
  });

  it.each([
    ['idle', {}, 'up'],
    ['connecting', {}, 'degraded'],
    ['suspended', {}, 'degraded'],
    ['lost', {}, 'degraded'],
    ['lost', { onLockUnavailable: 'fail' }, 'down'],
    ['auth-failed', { onStoreUnavailable: 'fail' }, 'degraded'],
  ] as const)('a lock service that is %s: with %o it is %s', async (state, policy, status) => {
    const { check, locks } = checking(policy);
    locks.state = state;
    expect(await check.look(1_000)).toMatchObject({ status, store: { status: 'up' }, lock: { state } });
  });

  it('does not hang with a store that hangs, and does not ask it again and again', async () => {
    const { check, clock, store } = checking();
    const gate = store.stop('before', 'read');
    const looks = [check.look(1_000), check.look(500), check.look(1_000)];
    await gate.arrived;
    await clock.advance(1_000);
    for (const look of await Promise.all(looks))
      expect(look).toMatchObject({
        status: 'degraded',
        store: { status: 'down', error: expect.stringMatching(/no answer within \d+ ms/) },
      });
    const later = check.look(1_000);
    expect(store.steps).toEqual(['read']);
    gate.open();
    expect(await later).toMatchObject({ status: 'up', store: { latencyMs: 1_000 } });
    expect(await check.look(1_000)).toMatchObject({ status: 'up', store: { latencyMs: 0 } });
    expect(store.steps).toEqual(['read', 'read']);
  });

  it('asks a store anew that has never answered', async () => {
    const { check, clock, store } = checking();
    const gate = store.stop('before', 'read');
    const first = check.look(1_000);
    await gate.arrived;
    await clock.advance(1_000);
    expect(await first).toMatchObject({ status: 'degraded' });
    await clock.advance(9_000);
    expect(await check.look(1_000)).toMatchObject({ status: 'up' });
    gate.open();
  });
});
