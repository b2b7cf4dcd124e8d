import { describe, expect, it, vi } from 'vitest';
import { AttemptLimit } from '../../../lib/core/attempt-limit.js';
import { LateSignal } from '../../../lib/core/late-signal.js';
import { runLoader } from '../../../lib/core/loader-run.js';
import { ManualClock } from '../../../lib/testing/manual-clock.js';

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
