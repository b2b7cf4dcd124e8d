import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readClusterOptions } from '../../../sample-app/cluster/cluster-options.js';
import { UsageError } from '../../../sample-app/cluster/command-line.js';
import { isAsExpected, medianMs, slowestMs, type Outcome } from '../../../sample-app/cluster/stampede/outcome.js';
import { readStampedeOptions } from '../../../sample-app/cluster/stampede/stampede-options.js';
import { stampedeProgress } from '../../../sample-app/cluster/stampede/stampede-progress.js';
import { stampedeReport } from '../../../sample-app/cluster/stampede/stampede-report.js';

describe('readClusterOptions', () => {
  it('needs nothing, and takes what is given', () => {
    expect(readClusterOptions([])).toEqual({ instances: 3, firstPort: 3001 });
    expect(readClusterOptions(['--instances', '2', '--port=0'])).toEqual({ instances: 2, firstPort: 0 });
  });

  it.each([
    [['--instances', '0'], "--instances must be a whole number from 1 to 20, but is '0'."],
    [['--instances', '21'], "--instances must be a whole number from 1 to 20, but is '21'."],
    [['--port', '3e3'], "--port must be a whole number from 0 to 65535, but is '3e3'."],
    [['--port', '65534'], '--port 65534 leaves no room for 3 ports up to 65535.'],
    [['--ports', '1'], "Unknown option '--ports'"],
    [['three'], "Unexpected argument 'three'"],
    [['--port'], "Option '--port <value>' argument missing"],
  ])('refuses %o', (args, message) => {
    expect(() => readClusterOptions(args)).toThrow(UsageError);
    expect(() => readClusterOptions(args)).toThrow(message);
  });
});

describe('readStampedeOptions', () => {
  it('needs nothing, and takes what is given', () => {
    const modes = ['distributed', 'in-process', 'off'];
    expect(readStampedeOptions([])).toEqual({ requests: 300, instances: 3, modes });
    const args = ['--requests', '40', '--instances', '4', '--mode', 'off', '--mode', 'distributed', '--mode', 'off'];
    expect(readStampedeOptions(args)).toEqual({ requests: 40, instances: 4, modes: ['off', 'distributed'] });
  });

  it.each([
    [['--mode', 'on'], "--mode must be one of distributed, in-process, off, but is 'on'."],
    [['--requests', '-1'], "Option '--requests' argument is ambiguous"],
    [['--requests', '1001'], "--requests must be a whole number from 3 to 1000, but is '1001'."],
    // Each instance must be asked, or the count of those that were is less than their number.
    [['--requests', '3', '--instances', '4'], "--requests must be a whole number from 4 to 1000, but is '3'."],
  ])('refuses %o', (args, message) => {
    expect(() => readStampedeOptions(args)).toThrow(UsageError);
    expect(() => readStampedeOptions(args)).toThrow(message);
  });
});

function outcome(
  mode: Outcome['mode'],
  asked: number,
  statuses: readonly string[] = ['200', '200', '200', '200'],
): Outcome {
  return {
    mode,
    instances: 3,
    asked,
    answers: statuses.map((status, index) => ({ status, elapsedMs: 1_000 * (4 - index) })),
  };
}

describe('an outcome', () => {
  it.each([
    ['distributed', 1, true],
    ['distributed', 0, false],
    ['distributed', 2, false],
    ['in-process', 3, true],
    ['in-process', 2, false],
    ['off', 4, true],
    ['off', 3, false],
  ] as const)('of the mode %s with %d queries is as expected: %s', (mode, asked, expected) => {
    expect(isAsExpected(outcome(mode, asked))).toBe(expected);
  });

  it('is not as expected when an answer is missing', () => {
    expect(isAsExpected(outcome('distributed', 1, ['200', '500']))).toBe(false);
  });

  it('knows its median and its slowest answer', () => {
    expect([medianMs(outcome('off', 4)), slowestMs(outcome('off', 4))]).toEqual([2_000, 4_000]);
    expect(medianMs(outcome('off', 3, ['200', '200', '200']))).toBe(3_000);
  });
});

describe('stampedeReport', () => {
  const report = stampedeReport([outcome('distributed', 2, ['200', '500', '200']), outcome('off', 400)]);

  it('has a row for each mode, which shows what was not expected', () => {
    expect(report).toMatch(/distributed .* 2, not 1 .* 2 × 200, 1 × 500/);
    expect(report).toMatch(/off .* 400, not 4 .* 4 × 200/);
  });

  it('draws to scale, and shows what is small', () => {
    expect(report).toContain(`  distributed  ▎ 2   (`);
    expect(report).toContain(`  off          ${'█'.repeat(40)} 400   (`);
  });
});

describe('stampedeProgress', () => {
  function shown(isTTY: boolean): string {
    const output = Object.assign(new PassThrough(), { isTTY, columns: 120 });
    const progress = stampedeProgress(output as unknown as NodeJS.WriteStream);
    progress.begin('off', 2);
    progress.answered();
    progress.asked(2);
    progress.answered();
    progress.end();
    return (output.read() as Buffer).toString();
  }

  it('is a line that moves on a terminal', () => {
    expect(shown(true)).toContain('2/2 answered, queries to the database: 2');
  });

  it('is a line at the begin and one at the end elsewhere', () => {
    expect(shown(false)).toBe(
      'off: starting the instances, then 2 requests at once\n2 answered, queries to the database: 2\n',
    );
  });
});
