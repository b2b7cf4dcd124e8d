import { afterEach, describe, expect, it, vi } from 'vitest';
import { CockatielBreaker } from '../../../lib/breakers/cockatiel-breaker.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';
import { deferred } from '../../support/gate.js';

const OUTAGE = new Error('connection refused');

function setUp({ failures = 3, isKnownDown = () => false }: { failures?: number; isKnownDown?: () => boolean } = {}) {
  const clock = new ManualClock();
  const changes: string[] = [];
  const probes: ReturnType<typeof deferred<unknown>>[] = [];
  const breaker = new CockatielBreaker(
    clock,
    { failures, probeAfterMs: 500 },
    {
      isOutage: (error) => error === OUTAGE,
      isKnownDown,
      probe: () => {
        const probe = deferred<unknown>();
        probes.push(probe);
        return probe.promise;
      },
      onChange: (state, previous) => void changes.push(`${previous} → ${state}`),
    },
  );
  const fail = async (error = OUTAGE): Promise<void> => {
    await expect(breaker.run(() => Promise.reject(error))).rejects.toBe(error);
  };
  const open = async (): Promise<void> => {
    for (let failure = 0; failure < failures; failure++) await fail();
    expect(breaker.state).toBe('open');
  };
  return { breaker, changes, clock, fail, open, probes };
}

afterEach(() => {
  vi.useRealTimers();
});

describe('CockatielBreaker', () => {
  it('opens after so many failures in a row, and makes no call then', async () => {
    const { breaker, changes, fail } = setUp();
    await fail();
    await fail();
    expect(await breaker.run(() => Promise.resolve('answer'))).toBe('answer');
    await fail();
    await fail();
    expect(breaker.state).toBe('closed');
    await fail();
    expect(changes).toEqual(['closed → open']);
    const call = vi.fn(() => Promise.resolve());
    expect(breaker.run(call)).toBeUndefined();
    expect(call).not.toHaveBeenCalled();
  });

  it('takes an error that the server answers as a sign of life', async () => {
    const { breaker, fail } = setUp();
    for (let answers = 0; answers < 10; answers++) await fail(new Error('OOM command not allowed'));
    await fail();
    await fail();
    await fail(new Error('WRONGTYPE'));
    await fail();
    await fail();
    expect(breaker.state).toBe('closed');
  });

  it('opens at the first failure while the connection itself says that it is down', async () => {
    let isDown = false;
    const { breaker, fail } = setUp({ isKnownDown: () => isDown });
    await fail();
    expect(breaker.state).toBe('closed');
    isDown = true;
    await fail();
    expect(breaker.state).toBe('open');
  });

  it('sends one probe at a time, lets nobody else through meanwhile, and closes by the first that succeeds', async () => {
    const { breaker, changes, clock, open, probes } = setUp();
    await open();
    await clock.advance(499);
    expect(probes).toHaveLength(0);
    await clock.advance(1);
    expect([probes.length, breaker.state]).toEqual([1, 'half-open']);
    // it hangs: no second one, however long that takes
    await clock.advance(60_000);
    expect([probes.length, breaker.run(() => Promise.resolve())]).toEqual([1, undefined]);
    probes[0]?.reject(OUTAGE);
    await clock.settle();
    expect(breaker.state).toBe('open');
    await clock.advance(500);
    probes[1]?.resolve('there');
    await clock.settle();
    expect(await breaker.run(() => Promise.resolve('answer'))).toBe('answer');
    expect(changes).toEqual([
      'closed → open',
      'open → half-open',
      'half-open → open',
      'open → half-open',
      'half-open → closed',
    ]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('closes by a probe that the server refuses: it is there', async () => {
    const { breaker, clock, open, probes } = setUp();
    await open();
    await clock.advance(500);
    probes[0]?.reject(new Error('NOPERM'));
    await clock.settle();
    expect(breaker.state).toBe('closed');
  });

  it('is not opened anew by a call from before that fails while a probe is under way', async () => {
    const { breaker, clock, open, probes } = setUp();
    // 1. A call is under way, and others open the breaker.
    const early = deferred<unknown>();
    const late = breaker.run(() => early.promise)?.catch((error: unknown) => error);
    await open();
    // 2. The probe is sent.
    await clock.advance(500);
    // 3. The call fails.
    early.reject(OUTAGE);
    expect(await late).toBe(OUTAGE);
    expect(breaker.state).toBe('half-open');
    // 4. The probe succeeds.
    probes[0]?.resolve('there');
    await clock.settle();
    expect(breaker.state).toBe('closed');
  });

  it('counts anew once it has closed', async () => {
    const { breaker, clock, fail, open, probes } = setUp();
    await open();
    await clock.advance(500);
    probes[0]?.resolve('there');
    await clock.settle();
    await fail();
    await fail();
    expect(breaker.state).toBe('closed');
  });

  it('probes at once when the connection says that the server is back, and only then, and once', async () => {
    const { breaker, changes, clock, open, probes } = setUp();
    breaker.hurry();
    expect(probes).toHaveLength(0);
    await open();
    breaker.hurry();
    breaker.hurry();
    expect([probes.length, breaker.state]).toEqual([1, 'half-open']);
    await clock.advance(10_000);
    expect(probes).toHaveLength(1);
    probes[0]?.resolve('there');
    await clock.settle();
    expect(changes).toEqual(['closed → open', 'open → half-open', 'half-open → closed']);
    await open();
    breaker.stop();
    breaker.hurry();
    expect(probes).toHaveLength(1);
  });

  it.each([3_600_000, -3_600_000])('takes no notice of a wall clock that is set by %i ms', async (stepMs) => {
    const { breaker, clock, open, probes } = setUp();
    vi.useFakeTimers({ toFake: ['Date'] });
    await open();
    vi.setSystemTime(Date.now() + stepMs);
    await clock.advance(499);
    expect(breaker.state).toBe('open');
    await clock.advance(1);
    expect(probes).toHaveLength(1);
  });

  it('leaves no timer behind when it is stopped, open or with a probe under way', async () => {
    const first = setUp();
    await first.open();
    first.breaker.stop();
    expect(first.clock.pendingTimers).toBe(0);

    const second = setUp();
    await second.open();
    await second.clock.advance(500);
    second.breaker.stop();
    second.probes[0]?.reject(OUTAGE);
    await second.clock.settle();
    expect([second.breaker.state, second.clock.pendingTimers]).toEqual(['open', 0]);
  });
});
