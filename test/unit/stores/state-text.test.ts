import { describe, expect, it } from 'vitest';
import type { EntryState } from '../../../lib/core/cache-entry.js';
import { MAX_VERSION_ORDER } from '../../../lib/core/version.js';
import { stateFromText, stateToText } from '../../../lib/stores/state-text.js';
import { IMPOSSIBLE_MARKS } from '../../support/impossible-marks.js';

const version = { kind: 'row', order: MAX_VERSION_ORDER };
const full: EntryState = {
  value: { payload: '{"order":"1"}\u0000💾', version, freshUntil: 1.5, keptUntil: 2.25, fillId: 'f' },
  floor: { version: { kind: 'updated-at', order: 2n ** 53n + 1n }, exclusive: true, until: 3 },
  lease: { token: 'l', until: 4, loading: true, loadingUntil: 3 },
  mark: { mark: { id: 'm', kind: 'failed', error: { name: 'E', message: 'm', response: { order: '7' } } }, until: 5 },
  tombstoneUntil: 6,
};

describe('a state as text', () => {
  it.each<[string, EntryState]>([
    ['with everything', full],
    ['with a value without a version', { value: { payload: '', freshUntil: 1, keptUntil: 1 } }],
    ['with a tombstone only', { tombstoneUntil: 1 }],
    ['empty', {}],
  ])('comes back as it went in: %s', (_name, state) => {
    expect(stateFromText(stateToText(state))).toStrictEqual(state);
  });

  it.each([
    [undefined],
    [null],
    [7],
    [{}],
    [''],
    ['{'],
    ['null'],
    ['[]'],
    ['{"value":{"payload":"p"}}'],
    ['{"format":"entry-state-1"}'],
    ['{"format":"entry-state-1","state":null}'],
    ['{"format":"entry-state-1","state":7}'],
    ['{"format":"entry-state-1","state":{"floor":{"version":{"kind":"row","order":"x"}}}}'],
    [stateToText(full).slice(0, -1)],
    [stateToText(full).replace('entry-state-1', 'entry-state-2')],
  ])('is nothing when it is not ours: %o', (text) => {
    expect(stateFromText(text)).toBeUndefined();
  });

  it.each(Object.entries(IMPOSSIBLE_MARKS))('is nothing with a mark that nobody has left: %s', (_, mark) => {
    const text = `{"format":"entry-state-1","state":{"mark":{"mark":${mark},"until":5}}}`;
    expect(stateFromText(text)).toBeUndefined();
  });
});
