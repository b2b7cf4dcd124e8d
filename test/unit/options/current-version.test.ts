import { describe, expect, it } from 'vitest';
import type { LoadContext } from '../../../lib/core/load-request.js';
import { resolveOptions } from '../../../lib/distributed-cache.options.js';
import { checkRenewal, currentVersionReader, type CurrentVersion } from '../../../lib/options/current-version.js';

const context: LoadContext = { signal: new AbortController().signal };
const read = (given: unknown, kind = 'version') =>
  currentVersionReader(() => given as CurrentVersion)(context, { kind, order: 1n });

describe('currentVersion', () => {
  it('gives counters of the stored kind, as drivers give them', async () => {
    for (const given of [7, 7n, '7', Promise.resolve(7)])
      expect(await read(given)).toEqual({ kind: 'version', order: 7n });
    expect(await read(7, 'extracted')).toEqual({ kind: 'extracted', order: 7n });
    expect(await read({ kind: 'revision', order: 7n }, 'revision')).toEqual({ kind: 'revision', order: 7n });
  });

  it('never takes a counter for a moment, nor milliseconds for a counter or for microseconds', async () => {
    expect(await read(7, 'updated-at-us')).toEqual({ kind: 'version', order: 7n });
    for (const kind of ['extracted', 'version', 'updated-at-us'])
      expect(await read(new Date(7), kind)).toEqual({ kind: 'updated-at', order: 7n });
  });

  it('gives none where there is no row', async () => {
    for (const given of [null, undefined]) expect(await read(given)).toBeUndefined();
  });

  it.each([[-1], [1.5], [2n ** 63n], ['7a'], [''], [new Date(NaN)], [{ version: 7 }], [true]])(
    'refuses %s',
    async (given) => {
      await expect(read(given)).rejects.toThrow('currentVersion: expected a whole number from 0 to 2^63-1');
    },
  );

  it('is refused where there could never be anything to renew', () => {
    const currentVersion = (): number => 1;
    const check = (options: object, more: object) => () =>
      checkRenewal('here', resolveOptions(options).policy, { currentVersion, ...more });
    const entity = Date;
    expect(check({ staleIfErrorMs: 1 }, {})).toThrow('here: currentVersion: expected entity or version beside it');
    expect(check({}, { entity })).toThrow(
      'currentVersion: expected eagerRefresh, staleWhileRevalidateMs or staleIfErrorMs',
    );
    for (const options of [{ staleIfErrorMs: 1 }, { staleWhileRevalidateMs: 1 }, { eagerRefresh: 0.5 }])
      expect(check(options, { entity })).not.toThrow();
    expect(() => checkRenewal('here', resolveOptions().policy, {})).not.toThrow();
  });
});
