import { describe, expect, it } from 'vitest';
import {
  beginLoad,
  expiresAt,
  liveState,
  readState,
  renewLoad,
  type EntryState,
} from '../../../lib/core/cache-entry.js';
import { invalidateState, setState } from '../../../lib/core/entry-change.js';
import { fillState, markState } from '../../../lib/core/entry-fill.js';
import type { Fill } from '../../../lib/core/versioned-store.js';

const v = (order: number, kind = 'row') => ({ kind, order: BigInt(order) });
const someFill: Fill = { lease: 'l', begunAt: '100', fillId: 'f', payload: 'p', ttlMs: 50, keepStaleMs: 20 };
const leased = (token = 'l', until = 1_000): EntryState => ({ lease: { token, until, loading: true } });
const valued = (order: number | undefined, freshUntil = 1_000, keptUntil = 2_000): EntryState => ({
  value: {
    payload: 'old',
    ...(order !== undefined && { version: v(order) }),
    freshUntil,
    keptUntil,
    fillId: 'earlier',
  },
});
const floored = (order: number, exclusive = false, until = 1_000): EntryState => ({
  floor: { version: v(order), exclusive, until },
});

/** Freezes all of a state, so that a step which changes it in place throws. */
function frozen<T>(thing: T): T {
  if (typeof thing === 'object' && thing !== null) Object.values(Object.freeze(thing)).forEach(frozen);
  return thing;
}

describe('a state', () => {
  it('ends when the last thing in it ends, at that very millisecond', () => {
    const state: EntryState = {
      ...valued(1, 10, 20),
      ...floored(1, false, 50),
      lease: { token: 'l', until: 30, loading: false },
      tombstoneUntil: 40,
    };
    expect(expiresAt(state)).toBe(50);
    expect(liveState(state, 49.9)).toBe(state);
    expect(liveState(state, 50)).toBeUndefined();
    expect(expiresAt({ ...state, mark: { mark: { id: 'm', kind: 'failed' }, until: 60 } })).toBe(60);
    expect(expiresAt({ ...state, tombstoneUntil: 70 })).toBe(70);
    expect(expiresAt({ ...state, lease: { token: 'l', until: 80, loading: false } })).toBe(80);
    expect(expiresAt({ ...state, ...valued(1, 10, 90) })).toBe(90);
  });

  it.each<[number, unknown]>([
    [999, { freshForMs: 1, staleSinceMs: 0 }],
    [1_000, { freshForMs: 0, staleSinceMs: 0 }],
    [1_999, { freshForMs: -999, staleSinceMs: 999 }],
  ])('is read at %d with what is left of its freshness', (now, expected) => {
    expect(readState(valued(3), now)).toEqual({
      value: { payload: 'old', version: v(3), ...(expected as object) },
      loading: false,
    });
  });

  it('is read without what has ended', () => {
    const mark = { mark: { id: 'm', kind: 'unstored' as const }, until: 15 };
    const state: EntryState = { ...valued(3, 5, 10), ...leased('l', 20), mark };
    expect(readState(state, 10)).toEqual({ lease: 'l', loading: true, mark: mark.mark });
    expect(readState(state, 15)).toEqual({ lease: 'l', loading: true });
    expect(readState(state, 20)).toEqual({ loading: false });
    expect(readState(undefined, 0)).toEqual({ loading: false });
  });

  it('is never changed in place, and is the same object where nothing is written', () => {
    const states = [
      leased(),
      valued(3),
      { ...floored(5), ...leased() },
      { ...valued(3, 10), ...leased() },
      floored(5, true),
    ];
    for (const state of states.map(frozen)) {
      beginLoad(state, 100, { lease: 'other', leaseMs: 10 });
      fillState(state, 100, { ...someFill, version: v(9) });
      markState(state, 100, { lease: 'l', mark: { id: 'm', kind: 'failed' }, forMs: 10 });
      invalidateState(state, 100, { version: v(9), change: 'removed', floorMs: 10 });
      setState(state, 100, { payload: 'w', version: v(9), ttlMs: 10, keepStaleMs: 0, floorMs: 10 });
    }
    const fresh = valued(3);
    expect(beginLoad(fresh, 100, { lease: 'l', leaseMs: 10 }).state).toBe(fresh);
    expect(fillState(fresh, 100, someFill).state).toBe(fresh);
    expect(fillState(fresh, 100, { ...someFill, fillId: 'earlier' }).state).toBe(fresh);
    expect(markState(fresh, 100, { lease: 'l', mark: { id: 'm', kind: 'failed' }, forMs: 10 }).state).toBe(fresh);
    const refused = { ...floored(5), ...leased() };
    expect(fillState(refused, 100, { ...someFill, version: v(4) }).state).toBe(refused);
  });
});

describe('beginLoad', () => {
  it('puts the offered lease on nothing, and tells the store’s clock', () => {
    expect(beginLoad(undefined, 100.5, { lease: 'l', leaseMs: 10 })).toEqual({
      state: { lease: { token: 'l', until: 110.5, loading: true } },
      outcome: { kind: 'lease', lease: 'l', existed: false, loading: false, begunAt: '100.5' },
    });
  });

  it('drops nothing that is still told: stale value, floor, mark and tombstone', () => {
    const before: EntryState = {
      ...valued(3, 50),
      ...floored(3),
      mark: { mark: { id: 'm', kind: 'unstored' }, until: 500 },
      tombstoneUntil: 200,
    };
    expect(beginLoad(before, 100, { lease: 'l', leaseMs: 10 }).state).toEqual({ ...before, ...leased('l', 110) });
  });

  it('returns a fresh value to its last millisecond, and not longer', () => {
    expect(beginLoad(valued(3), 999.5, { lease: 'l', leaseMs: 10 }).outcome.kind).toBe('fresh');
    expect(beginLoad(valued(3), 1_000, { lease: 'l', leaseMs: 10 }).outcome.kind).toBe('lease');
  });

  it('prolongs a live lease and never shortens it, and knows its own token again', () => {
    const longer = beginLoad(leased('l', 500), 100, { lease: 'other', leaseMs: 1_000 });
    expect(longer.state).toEqual(leased('l', 1_100));
    expect(longer.outcome).toMatchObject({ lease: 'l', existed: true, loading: true });
    const again = beginLoad(leased('l', 500), 100, { lease: 'l', leaseMs: 10 });
    expect(again.state).toEqual(leased('l', 500));
    expect(again.outcome).toMatchObject({ lease: 'l', existed: false, loading: false });
  });

  it('begins anew on a state that has ended', () => {
    expect(
      beginLoad({ ...valued(3, 10, 20), ...floored(3, false, 90) }, 100, { lease: 'l', leaseMs: 10 }).state,
    ).toEqual(leased('l', 110));
  });

  it('says that nobody loads under a live lease whose load has left a mark', () => {
    const before: EntryState = { lease: { token: 'l', until: 500, loading: false } };
    expect(beginLoad(before, 100, { lease: 'o', leaseMs: 10 }).outcome).toMatchObject({
      lease: 'l',
      existed: true,
      loading: false,
    });
  });
});

describe('who is believed to be loading', () => {
  const begun = beginLoad(undefined, 100, { lease: 'l', leaseMs: 1_000, loadingMs: 50 }).state;

  it('is told with an end of its own, at that very millisecond, and the lease lives on', () => {
    expect(begun).toEqual({ lease: { token: 'l', until: 1_100, loading: true, loadingUntil: 150 } });
    expect(readState(begun, 149)).toEqual({ lease: 'l', loading: true });
    expect(readState(begun, 150)).toEqual({ lease: 'l', loading: false });
  });

  it('a begin that leaves the turn to whoever loads writes nothing, and takes it once nobody does', () => {
    const other = { lease: 'o', leaseMs: 5_000, loadingMs: 50, unlessLoading: true };
    const busy = beginLoad(begun, 149, other);
    expect(busy.state).toBe(begun);
    expect(busy.outcome).toMatchObject({ kind: 'lease', lease: 'l', existed: true, loading: true });
    const free = beginLoad(begun, 150, other);
    expect(free.state).toEqual({ lease: { token: 'l', until: 5_150, loading: true, loadingUntil: 200 } });
    expect(free.outcome).toMatchObject({ lease: 'l', existed: true, loading: false });
  });

  it('a begin that takes its turn all the same never shortens another’s word', () => {
    const both = beginLoad(begun, 110, { lease: 'o', leaseMs: 1, loadingMs: 10 });
    expect(both.state).toEqual(begun);
    expect(both.outcome).toMatchObject({ loading: true });
    expect(beginLoad(leased(), 100, { lease: 'o', leaseMs: 1, loadingMs: 10 }).state).toEqual(leased());
    expect(beginLoad(begun, 110, { lease: 'o', leaseMs: 1 }).state).toEqual(leased('l', 1_100));
  });

  it('is renewed while its lease lives, never for less, and not under another', () => {
    expect(renewLoad(begun, 120, { lease: 'l', loadingMs: 50 })).toEqual({
      state: { lease: { token: 'l', until: 1_100, loading: true, loadingUntil: 170 } },
      outcome: true,
    });
    expect(renewLoad(begun, 120, { lease: 'l', loadingMs: 1 }).state).toEqual(begun);
    expect(renewLoad(begun, 300, { lease: 'l', loadingMs: 50 }).outcome).toBe(true);
    for (const [state, now] of [
      [begun, 1_100],
      [leased('other'), 120],
      [undefined, 120],
    ] as const)
      expect(renewLoad(state, now, { lease: 'l', loadingMs: 50 })).toEqual({ state, outcome: false });
  });
});

describe('fillState', () => {
  it('keeps the announced floor until its own time, and the tombstone, and drops lease and mark', () => {
    const before: EntryState = {
      ...leased(),
      ...floored(3),
      mark: { mark: { id: 'm', kind: 'failed' }, until: 500 },
      tombstoneUntil: 900,
    };
    const value = { payload: 'p', version: v(3), freshUntil: 150, keptUntil: 170, fillId: 'f' };
    expect(fillState(before, 120, { ...someFill, version: v(3) })).toEqual({
      state: { value, ...floored(3), tombstoneUntil: 900 },
      outcome: { stored: true },
    });
    const over = { ...before, ...floored(9, false, 110), tombstoneUntil: 120 };
    expect(fillState(over, 120, { ...someFill, version: v(3) }).state).toEqual({
      value,
    });
  });

  it.each([
    ['its begin', '100', 120, 150],
    ['now, when the begin claims to be later', '900', 120, 170],
    ['now, when the begin says nothing', 'garbled', 120, 170],
  ])('counts freshness from %s', (_name, begunAt, now, freshUntil) => {
    expect(fillState(leased(), now, { ...someFill, begunAt }).state?.value?.freshUntil).toBe(freshUntil);
  });

  it('tells the higher floor when the announced one and the value both refuse', () => {
    const above = { ...valued(7, 50), ...floored(5), ...leased() };
    expect(fillState(above, 100, { ...someFill, version: v(4) }).outcome).toEqual({
      stored: false,
      reason: 'older',
      floor: v(7),
    });
    const below = { ...valued(5, 50), ...floored(7), ...leased() };
    expect(fillState(below, 100, { ...someFill, version: v(4) }).outcome).toEqual({
      stored: false,
      reason: 'older',
      floor: v(7),
    });
  });

  it('is not stopped by a value past its stale life', () => {
    expect(fillState({ ...valued(7, 50, 90), ...leased() }, 100, { ...someFill, version: v(4) }).outcome).toEqual({
      stored: true,
    });
  });

  it('knows its own fill again, until a change is announced', () => {
    const again = { ...someFill, fillId: 'earlier' };
    expect(fillState(valued(3), 100, again).outcome).toEqual({ stored: true });
    expect(fillState({ tombstoneUntil: 900 }, 100, again).outcome).toEqual({ stored: false, reason: 'invalidated' });
  });

  it('is refused as overtaken when the lease ran out under a stale value', () => {
    expect(fillState({ ...valued(3, 50), ...leased('l', 100) }, 100, someFill).outcome).toEqual({
      stored: false,
      reason: 'invalidated',
    });
  });
});

describe('markState', () => {
  const args = { lease: 'l', mark: { id: 'm', kind: 'failed' as const }, forMs: 10 };

  it('tells that nobody loads any more, and leaves the lease with its own time', () => {
    const lease = { token: 'l', until: 1_000, loading: false };
    expect(markState(leased(), 100, args).state).toEqual({ lease, mark: { mark: args.mark, until: 110 } });
  });

  it.each<[string, EntryState | undefined]>([
    ['nothing', undefined],
    ['another lease', leased('other')],
    ['a lease that ran out', { ...leased('l', 100), tombstoneUntil: 900 }],
  ])('leaves nothing on %s', (_name, state) => {
    expect(markState(state, 100, args).state).toBe(state);
  });
});

describe('invalidateState', () => {
  const floorAfter = (state: EntryState | undefined, args: Omit<Parameters<typeof invalidateState>[2], 'floorMs'>) =>
    invalidateState(state, 100, { ...args, floorMs: 10 }).state?.floor;

  it('leaves a tombstone and nothing else', () => {
    expect(invalidateState({ ...valued(undefined), ...leased() }, 100, { floorMs: 10 }).state).toEqual({
      tombstoneUntil: 110,
    });
  });

  it.each<[string, EntryState | undefined, Parameters<typeof floorAfter>[1], unknown]>([
    ['the announced version', undefined, { version: v(5) }, floored(5, false, 110).floor],
    ['a higher live floor, with its own time', floored(7), { version: v(5) }, floored(7).floor],
    ['an equal live floor, with its own time', floored(5), { version: v(5) }, floored(5).floor],
    ['a higher announced version, with a new time', floored(3), { version: v(5) }, floored(5, false, 110).floor],
    ['the version of the value', valued(7), { version: v(5) }, floored(7, false, 110).floor],
    [
      'the version of a value past its stale life',
      { ...valued(7, 10, 20), ...leased() },
      {},
      floored(7, false, 110).floor,
    ],
    [
      'nothing of a floor that has ended',
      { ...floored(9, false, 100), ...leased() },
      { version: v(5) },
      floored(5, false, 110).floor,
    ],
    ['nothing of a state that has ended', valued(9, 10, 20), { version: v(5) }, floored(5, false, 110).floor],
    ['a removal’s version, exclusively', floored(3), { version: v(5), change: 'removed' }, floored(5, true, 110).floor],
    [
      'an equal floor turned exclusive, with its own time',
      floored(5),
      { version: v(5), change: 'removed' },
      floored(5, true).floor,
    ],
    [
      'an exclusive floor that an equal change does not open',
      floored(5, true),
      { version: v(5) },
      floored(5, true).floor,
    ],
    [
      'a higher floor that a removal below it does not close',
      floored(7),
      { version: v(5), change: 'removed' },
      floored(7).floor,
    ],
    ['an exclusive floor, without a version', floored(5, true), { change: 'removed' }, floored(5, true).floor],
    ['an insert over a removal', floored(5, true), { version: v(1), change: 'inserted' }, floored(1, false, 110).floor],
    ['nothing, at an insert without a version over a removal', floored(5, true), { change: 'inserted' }, undefined],
    [
      'a floor that is not a removal’s, at an insert',
      floored(5),
      { version: v(1), change: 'inserted' },
      floored(5).floor,
    ],
    [
      'the announced version, of different kinds',
      { ...valued(7), ...floored(9) },
      { version: v(1, 'at') },
      { ...floored(0, false, 110).floor, version: v(1, 'at') },
    ],
    [
      'the highest of the announced kind, though the value is of another',
      { ...floored(9), value: { payload: 'p', version: v(1, 'at'), freshUntil: 900, keptUntil: 900 } },
      { version: v(5) },
      floored(9).floor,
    ],
    [
      'the value’s version, of different kinds and none announced',
      { ...valued(7), floor: { version: v(9, 'at'), exclusive: false, until: 900 } },
      {},
      floored(7, false, 110).floor,
    ],
  ])('takes for a floor %s', (_name, state, args, expected) => {
    expect(floorAfter(state, args)).toEqual(expected);
  });
});

describe('setState', () => {
  const set = { payload: 'w', version: v(5), ttlMs: 30, keepStaleMs: 5, floorMs: 10 };

  it('stores over a lower version, fresh from now on, and keeps a live floor', () => {
    const value = { payload: 'w', version: v(5), freshUntil: 130, keptUntil: 135 };
    expect(setState({ ...valued(4), ...floored(4), ...leased() }, 100, set)).toEqual({
      state: { value, ...floored(4) },
      outcome: 'stored',
    });
  });

  it('is not stopped by a floor that has ended, and drops it', () => {
    const after = setState({ ...valued(4), ...floored(6, false, 100) }, 100, set);
    expect([after.outcome, after.state?.floor]).toEqual(['stored', undefined]);
  });

  it.each<[string, EntryState | undefined]>([
    ['nothing', undefined],
    ['a tombstone', { tombstoneUntil: 900 }],
    ['an equal version', valued(5)],
    ['a higher version', valued(6)],
    ['a version of another kind', { value: { payload: 'p', version: v(1, 'at'), freshUntil: 900, keptUntil: 900 } }],
    ['no version', valued(undefined)],
    ['a value past its stale life', { ...valued(4, 10, 20), ...leased() }],
    ['a lower version under a higher floor', { ...valued(4), ...floored(6) }],
    ['a lower version under an equal floor of a removal', { ...valued(4), ...floored(5, true) }],
  ])('announces its version over %s', (_name, state) => {
    const announced = invalidateState(state, 100, { version: v(5), change: 'changed', floorMs: 10 }).state;
    expect(setState(state, 100, set)).toEqual({ state: announced, outcome: 'invalidated' });
  });
});
