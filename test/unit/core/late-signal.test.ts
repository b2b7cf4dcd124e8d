import { getEventListeners } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { AttemptLimit } from '../../../lib/core/attempt-limit.js';
import { LateSignal, onAbort } from '../../../lib/core/late-signal.js';
import { runLoader } from '../../../lib/core/loader-run.js';
import { WatchedLock } from '../../../lib/locks/watched-lock.js';
import { ZooKeeperBusyLock } from '../../../lib/locks/zookeeper/zoo-keeper-busy-lock.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';
import { Fleet } from '../../support/fleet.js';

const over = new Error('over');

describe('a late signal', () => {
  it('tells its listeners once, with the first reason', () => {
    const late = new LateSignal();
    const heard = vi.fn();
    late.onAbort(heard);
    late.abort(over);
    late.abort(new Error('again'));
    expect(heard.mock.calls).toEqual([[over]]);
    expect(late.aborted).toBe(true);
    expect(() => {
      late.throwIfAborted();
    }).toThrow(over);
  });

  it('tells a listener that comes late at once, and one that was taken away never', () => {
    const late = new LateSignal();
    const never = vi.fn();
    late.onAbort(never)();
    late.abort(over);
    const heard = vi.fn();
    late.onAbort(heard)();
    expect(heard.mock.calls).toEqual([[over]]);
    expect(never).not.toHaveBeenCalled();
  });

  it('is an AbortSignal for those who ask, whether they ask before the end or after', () => {
    const [early, late] = [new LateSignal(), new LateSignal()];
    const { signal } = early;
    early.abort(over);
    late.abort(over);
    for (const asked of [signal, early.signal, late.signal])
      expect(asked).toMatchObject({ aborted: true, reason: over });
    expect(early.signal).toBe(signal);
  });
});

describe('one signal of a caller, given fifty times at once', () => {
  const CALLS = 50;
  const never = (): Promise<never> => new Promise(() => undefined);
  const wait = { timeoutMs: 60_000 };
  const nothing = (): void => undefined;
  const uses: Record<string, (signal: AbortSignal, clock: ManualClock) => Promise<unknown>> = {
    'to loads': (signal) => new Fleet().instance().load(never, {}, { signal }),
    'to attempts at locks': (signal, clock) =>
      new AttemptLimit(clock, { ...wait, signal }, new LateSignal(), () => over).race(never()),
    'to waits for a lock of Redis or of this process': (signal, clock) =>
      new WatchedLock(clock, nothing).wait({ ...wait, signal }),
    'to waits for a lock of ZooKeeper': (signal, clock) =>
      new ZooKeeperBusyLock(clock, nothing).wait({ ...wait, signal }),
  };

  // Node warns of a leak at the eleventh listener.
  it.each(Object.entries(uses))('%s, has one listener, ends them all, and has none after that', async (_, use) => {
    const caller = new AbortController();
    const clock = new ManualClock();
    const results = Promise.allSettled(Array.from({ length: CALLS }, () => use(caller.signal, clock)));
    await clock.settle();
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(1);
    caller.abort(over);
    const ends = (await results).map((result): unknown =>
      result.status === 'fulfilled' ? result.value : result.reason,
    );
    expect(ends).toStrictEqual(Array.from({ length: CALLS }, () => (ends[0] === 'aborted' ? 'aborted' : over)));
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(0);
  });

  it('has no listener once nobody listens, and one again for who comes later', () => {
    const caller = new AbortController();
    const forget = Array.from({ length: CALLS }, () => onAbort(caller.signal, nothing));
    for (const step of forget) step();
    for (const step of forget) step();
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(0);
    const heard = vi.fn();
    onAbort(caller.signal, heard);
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(1);
    caller.abort(over);
    expect(heard.mock.calls).toEqual([[over]]);
  });

  it('tells a listener that is added while it fires, and one that was taken away before never', () => {
    const caller = new AbortController();
    const [early, late, never] = [vi.fn(), vi.fn(), vi.fn()];
    onAbort(caller.signal, (reason) => {
      early(reason);
      onAbort(caller.signal, late);
    });
    onAbort(caller.signal, never)();
    caller.abort(over);
    expect([early.mock.calls, late.mock.calls, never.mock.calls]).toEqual([[[over]], [[over]], []]);
  });
});

describe('the limit of an attempt', () => {
  const ends = {
    'its time is over': ({ clock }: Parts) => clock.advance(100),
    'the signal of its caller fires': ({ caller }: Parts) => {
      caller.abort(over);
    },
    'its provider closes': ({ closing }: Parts) => {
      closing.abort(over);
    },
  };
  interface Parts {
    readonly clock: ManualClock;
    readonly caller: AbortController;
    readonly closing: LateSignal;
  }
  const open = () => {
    const parts: Parts = { clock: new ManualClock(), caller: new AbortController(), closing: new LateSignal() };
    const options = { timeoutMs: 100, signal: parts.caller.signal };
    return { parts, limit: new AttemptLimit(parts.clock, options, parts.closing, () => over) };
  };

  it.each(Object.entries(ends))('rejects what it waits for when %s', async (_when, end) => {
    const { parts, limit } = open();
    const waiting = limit.race(new Promise(() => undefined));
    waiting.catch(() => undefined);
    await end(parts);
    await expect(waiting).rejects.toBe(over);
    await expect(limit.race(Promise.resolve('too late'))).rejects.toBe(over);
    expect(limit).toMatchObject({ aborted: true, reason: over });
  });

  it.each(Object.entries(ends))('does not care, once it has been ended, that %s', async (_when, end) => {
    const { parts, limit } = open();
    limit.end();
    await end(parts);
    expect(limit.aborted).toBe(false);
  });
});

describe('a loader', () => {
  it('gets its signal from a copy of its context too', async () => {
    const clock = new ManualClock();
    const limits = { timeoutMs: 100, stops: [], hint: undefined };
    const loaded = runLoader(
      clock,
      (context) => new Promise<AbortSignal>((resolve) => resolve({ ...context }.signal)),
      limits,
    );
    await expect(loaded).resolves.toBeInstanceOf(AbortSignal);
  });

  it('that asks for its signal only after a stop finds it fired', async () => {
    const stop = new LateSignal();
    let ask: () => AbortSignal = () => new AbortController().signal;
    const loaded = runLoader(
      new ManualClock(),
      (context) => {
        ask = () => context.signal;
        return new Promise<never>(() => undefined);
      },
      { timeoutMs: 100, stops: [stop], hint: undefined },
    );
    loaded.catch(() => undefined);
    await Promise.resolve();
    stop.abort(over);
    await expect(loaded).rejects.toBe(over);
    expect(ask()).toMatchObject({ aborted: true, reason: over });
  });
});
