import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CASES } from '../../faults/cases.js';
import { nameOf, writtenTables } from '../../faults/table.js';

const page = readFileSync(new URL('../../../docs/resilience.md', import.meta.url), 'utf8');

/** The rows of the measured tables: the fault, which stands in its first row only, and the policy. */
function measuredRows(): string[] {
  let fault = '';
  return writtenTables()
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| ---') && !line.startsWith('| Fault'))
    .map((line) => {
      const [, name = '', policy = ''] = line.split('|').map((cell) => cell.trim());
      fault = name === '' ? fault : name;
      return `${fault}: ${policy}`;
    });
}

describe('docs/resilience.md', () => {
  it('has a measured row for each policy of each case, and no other', () => {
    const expected = CASES.flatMap((each) =>
      Object.keys(each.policies).map((policy) => `${nameOf(each, 'short')}: \`${policy}\``),
    );
    expect(measuredRows().sort()).toEqual(expected.sort());
  });

  it.each(['onStoreUnavailable', 'onLockUnavailable', 'onWaitTimeout', 'onLoadLimit'])(
    'tells what each choice of %s does, and which is the default',
    (option) => {
      const options = readFileSync(new URL('../../../docs/options.md', import.meta.url), 'utf8');
      const [, , byDefault = '', accepts = ''] = options
        .split('\n')
        .find((line) => line.startsWith(`| \`${option}\``))!
        .split(' | ')
        .flatMap((cell, index) => (index === 0 ? ['', cell] : [cell]));
      const rows = page.split('\n').filter((line) => line.includes(`| \`${option}: '`));
      const told = rows.map((row) => /: ('\w+')/.exec(row)?.[1]);
      expect(told.sort()).toEqual(accepts.match(/'\w+'/g)?.sort());
      expect(rows.find((row) => row.includes('| yes |'))).toContain(`${option}: ${byDefault.replaceAll('`', '')}`);
    },
  );

  it('lets every fault last longer in the long run', () => {
    for (const { forMs } of CASES) if (forMs) expect(forMs.long).toBeGreaterThan(forMs.short);
  });
});
