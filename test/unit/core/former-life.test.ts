import { describe, expect, it } from 'vitest';
import { Fleet, POLICY, type Instance } from '../../support/fleet.js';

const LIFE = { ttlMs: POLICY.ttlMs, keepStaleMs: 0 };
const version = (order: bigint) => ({ kind: 'version', order });

/** 1. A row at version 3, whose writer has not announced it yet, is removed; 2. it is born again at version 1, and loaded. All of that is announced. */
async function bornAgain(reader: Instance, other: Instance): Promise<void> {
  await reader.load(() => Promise.resolve('of the former life'), {}, { version: version(2n) });
  await other.cache.invalidate('k', { version: version(3n), change: 'removed' });
  await other.cache.invalidate('k', { version: version(1n), change: 'inserted' });
  await reader.load(() => Promise.resolve('reborn'), {}, { version: version(1n) });
  expect(await reader.cache.get('k')).toBe('reborn');
}

describe('a notice of a row as it was before it was removed and born again at version 1', () => {
  it('brings nothing back by invalidate: it carries no value', async () => {
    const fleet = new Fleet();
    const [reader, other, late] = [fleet.instance(), fleet.instance(), fleet.instance()];
    await bornAgain(reader, other);
    await late.cache.invalidate('k', { version: version(3n) });
    expect(await reader.cache.get('k')).toBeUndefined();
    expect((await reader.load(() => Promise.resolve('reborn'), {}, { version: version(1n) })).value).toBe('reborn');
  });

  it('brings the former life back by set: a version that begins again does not tell it from the future', async () => {
    const fleet = new Fleet();
    const [reader, other, late] = [fleet.instance(), fleet.instance(), fleet.instance()];
    await bornAgain(reader, other);
    expect(await late.cache.set('k', { value: 'of the former life', version: version(3n), lifetime: LIFE })).toBe(
      'stored',
    );
    expect(await reader.cache.get('k')).toBe('of the former life');
  });
});
