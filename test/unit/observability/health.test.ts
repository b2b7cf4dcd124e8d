import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../lib/core/clock.js';
import { withDeadline } from '../../../lib/core/deadline.js';
import { LockUnavailableError } from '../../../lib/core/errors.js';
import { LockProvider, type AcquireOptions, type LockState } from '../../../lib/core/lock-provider.js';
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

function checking(policy: Partial<typeof POLICY> = {}, lock: Partial<LockProvider> = {}) {
  const clock = new ManualClock();
  const store = new StagedStore(new InProcessVersionedStore({ clock, maxEntries: 10 }));
  const locks = Object.assign(new LockInState(), lock);
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

  describe('a lock service that can be asked', () => {
    const refused = new LockUnavailableError('late.', { cause: new Error('connect ECONNREFUSED 127.0.0.1:1') });

    it.each([
      ['idle', undefined, {}, 'up', { status: 'up', latencyMs: 0 }],
      ['idle', refused, {}, 'degraded', { status: 'down', error: 'late: connect ECONNREFUSED 127.0.0.1:1' }],
      ['connected', refused, { onLockUnavailable: 'fail' }, 'down', { status: 'down' }],
      ['suspended', undefined, {}, 'up', { status: 'up' }],
    ] as const)('and was %s: it is what it answers (%s)', async (state, error, policy, status, lock) => {
      const { check } = checking(policy, {
        state,
        check: () => (error === undefined ? Promise.resolve() : Promise.reject(error)),
      });
      expect(await check.look(1_000)).toMatchObject({ status, lock: { name: 'zookeeper', state, ...lock } });
    });

    it('and never answers is asked once, and does not make the look longer', async () => {
      let asked = 0;
      const { check, clock } = checking({}, { check: () => (asked++, new Promise(() => undefined)) });
      const looks = [check.look(500), check.look(500)];
      await clock.advance(500);
      for (const look of await Promise.all(looks))
        expect(look).toMatchObject({
          store: { status: 'up' },
          lock: { status: 'down', error: 'no answer within 500 ms' },
        });
      expect(asked).toBe(1);
    });

    it('tells by its own deadline what it knows', async () => {
      const own =
        (clock: Clock) =>
        ({ timeoutMs }: AcquireOptions) =>
          withDeadline(clock, new Promise<void>(() => undefined), timeoutMs, () => refused);
      const { check, clock, locks } = checking({}, { check: (bounds) => own(clock)(bounds) });
      const look = check.look(500);
      await clock.advance(500);
      expect(await look).toMatchObject({
        lock: { status: 'down', error: expect.stringContaining('ECONNREFUSED') as string, state: locks.state },
      });
    });
  });

  it('a store that hangs tells why there is no connection', async () => {
    const { check, clock, store } = checking();
    store.connectionError = () => new Error('connect ECONNREFUSED 127.0.0.1:1');
    store.stop('before', 'read');
    const look = check.look(500);
    await clock.advance(500);
    expect(await look).toMatchObject({ store: { error: 'no answer within 500 ms: connect ECONNREFUSED 127.0.0.1:1' } });
  });
});
