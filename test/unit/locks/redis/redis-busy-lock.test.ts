import { describe, expect, it } from 'vitest';
import { RedisBusyLock } from '../../../../lib/locks/redis/redis-busy-lock.js';
import type { BusyReply } from '../../../../lib/locks/redis/redis-lock-commands.js';
import { ManualClock } from '../../../../lib/testing/manual-clock.js';

const ttlMs = 9_000;

function busy(owner: string, remainingMs: number): BusyReply {
  return { kind: 'busy', owner, remainingMs };
}

/** A busy lock whose holder is looked up by `look`. */
function stage(look: (now: number) => Promise<BusyReply | undefined> = () => Promise.resolve(busy('A', ttlMs))) {
  const clock = new ManualClock();
  const looks: number[] = [];
  const ended: string[] = [];
  let tell: (owner: string) => void = () => undefined;
  const lock = new RedisBusyLock({
    clock,
    ttlMs,
    commandTimeoutMs: 1_000,
    listen: (onRelease) => {
      tell = onRelease;
      return () => ended.push('unlistened');
    },
    look: () => {
      looks.push(clock.elapsedMs());
      return look(clock.elapsedMs());
    },
    onOver: () => ended.push('over'),
  });
  return { clock, looks, ended, lock, tell: (owner: string) => tell(owner) };
}

describe('RedisBusyLock', () => {
  it('remembers a message that overtook the answer', async () => {
    const { lock, tell } = stage();
    tell('A');
    lock.see(busy('A', ttlMs));
    expect(await lock.wait({ timeoutMs: 60_000 })).toBe('released');
  });

  it('is woken by the message of the holder that was seen, and by no other', async () => {
    const { clock, lock, tell, ended } = stage();
    tell('earlier');
    lock.see(busy('A', ttlMs));
    let reason: string | undefined;
    void lock.wait({ timeoutMs: 60_000 }).then((woken) => (reason = woken));
    tell('B');
    await clock.settle();
    expect(reason).toBeUndefined();
    tell('A');
    await clock.settle();
    expect(reason).toBe('released');
    expect(ended).toEqual(['unlistened', 'over']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('looks when the time of the holder is over, and sees that it has gone', async () => {
    const { clock, looks, lock } = stage(() => Promise.resolve(undefined));
    lock.see(busy('A', 4_000));
    const waiting = lock.wait({ timeoutMs: 60_000 });
    await clock.advance(3_999);
    expect(looks).toEqual([]);
    await clock.advance(1);
    expect(await waiting).toBe('vanished');
    expect(looks).toEqual([4_000]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('takes another holder for the end of the one that was seen', async () => {
    const { clock, lock } = stage(() => Promise.resolve(busy('B', ttlMs)));
    lock.see(busy('A', 4_000));
    const waiting = lock.wait({ timeoutMs: 60_000 });
    await clock.advance(4_000);
    expect(await waiting).toBe('vanished');
  });

  it('looks once in two thirds of the time to live while the holder renews', async () => {
    // Renewed every 3,000 ms, so that what is left lies between 6,000 and 9,000.
    const { clock, looks, lock } = stage((now) => Promise.resolve(busy('A', ttlMs - (now % 3_000))));
    lock.see(busy('A', ttlMs));
    void lock.wait({ timeoutMs: 600_000 });
    await clock.advance(90_000);
    expect(looks.length).toBeLessThanOrEqual(15);
    expect(looks.length).toBeGreaterThanOrEqual(9);
    lock.dispose();
    expect(clock.pendingTimers).toBe(0);
  });

  it('is never in a hurry, however little is left', async () => {
    const { clock, looks, lock } = stage(() => Promise.resolve(busy('A', 0)));
    lock.see(busy('A', 0));
    void lock.wait({ timeoutMs: 600_000 });
    await clock.advance(9_000);
    expect(looks).toHaveLength(10);
    lock.dispose();
  });

  it('looks within its own time to live when the holder has a longer one', async () => {
    const { clock, looks, lock } = stage();
    lock.see(busy('A', 3_600_000));
    void lock.wait({ timeoutMs: 600_000 });
    await clock.advance(ttlMs);
    expect(looks).toEqual([ttlMs]);
    lock.dispose();
  });

  it.each([
    ['fails', () => Promise.reject(new Error('no connection')), 4_000],
    ['is not answered', () => new Promise<undefined>(() => undefined), 5_000],
  ])('ends with "contact-lost" when the look %s', async (_what, look, at) => {
    const { clock, lock } = stage(look);
    lock.see(busy('A', 4_000));
    let reason: string | undefined;
    void lock.wait({ timeoutMs: 60_000 }).then((woken) => (reason = woken));
    await clock.advance(at - 1);
    expect(reason).toBeUndefined();
    await clock.advance(1);
    expect(reason).toBe('contact-lost');
    expect(clock.pendingTimers).toBe(0);
  });

  it('does not look before its wait, and looks at once when that begins late', async () => {
    const { clock, looks, lock } = stage(() => Promise.resolve(undefined));
    lock.see(busy('A', 4_000));
    await clock.advance(60_000);
    expect(looks).toEqual([]);
    const waiting = lock.wait({ timeoutMs: 60_000 });
    await clock.advance(0);
    expect(await waiting).toBe('vanished');
  });

  it('drops the answer of a look that its end overtook', async () => {
    let answer: (seen: BusyReply | undefined) => void = () => undefined;
    const { clock, looks, lock, tell } = stage(() => new Promise((resolve) => (answer = resolve)));
    lock.see(busy('A', 4_000));
    const waiting = lock.wait({ timeoutMs: 60_000 });
    await clock.advance(4_000);
    tell('A');
    expect(await waiting).toBe('released');
    answer(busy('A', 1_000));
    await clock.advance(60_000);
    expect(looks).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
  });
});
