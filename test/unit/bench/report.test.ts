import { describe, expect, it } from 'vitest';
import { CommandLineError, parseCommandLine } from '../../../bench/command-line.js';
import { asMarkdown, asTable, exitCode } from '../../../bench/report.js';
import { countRow, ratioRow, reportRow } from '../../../bench/row.js';

const HEAD = { part: 'hit', what: 'a hit' };

describe('rows', () => {
  it('a count that is one too many is missed, and the exit code is 1', () => {
    const row = (figure: number, other: number) =>
      countRow(HEAD, 'count', {
        requests: { figure, bound: { atMost: 1, atLeast: 1 } },
        reads: { figure: other, bound: { atMost: 2 } },
      });
    expect(row(1, 2)).toMatchObject({ verdict: 'ok', budget: '1 requests / ≤ 2 reads', measured: '1 / 2' });
    for (const broken of [row(2, 0), row(0, 0), row(1, 3)]) {
      expect(broken.verdict).toBe('missed');
      expect(exitCode([row(1, 1), broken])).toBe(1);
    }
    expect(exitCode([row(1, 0)])).toBe(0);
  });

  it('a time that misses its budget is information', () => {
    const row = ratioRow({ ...HEAD, of: 'bare' }, [1.1, 1.3, 1.2], { atMost: 1.15 });
    expect(row).toMatchObject({ verdict: 'missed', budget: '≤ 1.15 ×', measured: '1.20 × bare', noise: '1.15 – 1.25' });
    expect(exitCode([row])).toBe(0);
  });

  it('the median decides, not the worst', () => {
    expect(ratioRow({ ...HEAD, of: 'bare' }, [0.95, 0.5, 0.91], { atLeast: 0.9 }).verdict).toBe('ok');
    expect(ratioRow({ ...HEAD, of: 'bare' }, [1, 2, 3]).verdict).toBe('reported');
  });

  it('a memory budget counts like a count', () => {
    const row = countRow(HEAD, 'memory', { growth: { figure: 2.5, bound: { atMost: 2 }, unit: ' MB' } });
    expect(row).toMatchObject({ verdict: 'missed', budget: '≤ 2 MB growth', measured: '2.50 MB' });
    expect(exitCode([row])).toBe(1);
  });

  it('are printed as a table, and as one for a document', () => {
    const rows = [reportRow(HEAD, [10, 30, 20], 'µs'), ratioRow({ part: 'route', what: 'a|b', of: 'bare' }, [1])];
    expect(asTable(rows).split('\n')).toEqual([
      'part   what   budget  measured       noise',
      '─────  ─────  ──────  ───────────    ───────────',
      'hit    a hit          20 µs          15 – 25',
      'route  a|b            1.00 × bare    1.00 – 1.00',
    ]);
    expect(asMarkdown(rows).split('\n')[3]).toBe('| route | a\\|b |  | 1.00 × bare |  | 1.00 – 1.00 |');
  });
});

describe('the command line', () => {
  const known = ['hit', 'miss', 'stampede'];

  it('runs all parts when none is named, and the named ones in their own order', () => {
    expect(parseCommandLine([], known)).toMatchObject({ parts: known, quick: false, processes: 16 });
    expect(parseCommandLine(['stampede', 'hit', '--processes', '4', '--quick'], known)).toMatchObject({
      parts: ['hit', 'stampede'],
      quick: true,
      processes: 4,
    });
    expect(parseCommandLine(['--json', 'rows.json', '--markdown'], known)).toMatchObject({
      json: 'rows.json',
      markdown: true,
    });
  });

  it('refuses nonsense with what was expected', () => {
    const refused = (...words: string[]) => expect(() => parseCommandLine(words, known));
    refused('hits').toThrow('There is no part "hits". Expected some of: hit, miss, stampede');
    refused('--processes', '0').toThrow('a whole number from 1 to 64, got "0"');
    refused('--processes', 'many').toThrow('got "many"');
    refused('--fast').toThrow(CommandLineError);
  });
});
