import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportCoverage } from '../../../scripts/coverage/report.mjs';

const SOURCE = `export type Name = string;
export function first(name: Name): Name {
  return name + '1';
}
export function second(name: Name): Name {
  if (name === '') {
    return 'nobody';
  }
  return name + '2';
}
`;
const HOOK = new URL('../../support/coverage/of-process.mjs', import.meta.url).href;
const LINE_OF_FIRST = 3;
const LINES_OF_SECOND = { nobody: 7, somebody: 9 };

interface FileCoverage {
  readonly statementMap: Record<string, { start: { line: number } }>;
  readonly s: Record<string, number>;
}

describe('the report of what several processes have run', () => {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'coverage-report-')));
  const built = join(directory, 'dist', 'lib');

  function compile(name: string, text: string): void {
    const compilerOptions = {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      sourceMap: true,
      inlineSources: true,
    };
    const output = ts.transpileModule(text, { fileName: `../../lib/${name}.ts`, compilerOptions });
    writeFileSync(
      join(built, `${name}.js`),
      output.outputText.replace(/sourceMappingURL=.*/, `sourceMappingURL=${name}.js.map`),
    );
    writeFileSync(
      join(built, `${name}.js.map`),
      (output.sourceMapText ?? '').replace(`"${name}.ts"`, `"../../lib/${name}.ts"`),
    );
  }

  /** Runs the script in so many processes that share a directory for what they write. */
  async function coverageOf(name: string, scripts: readonly string[]) {
    const written = join(directory, `${name}-written`);
    const output = join(directory, `${name}-report`);
    mkdirSync(written);
    const file = pathToFileURL(join(built, 'pair.js')).href;
    for (const script of scripts) {
      const code = `import { first, second } from '${file}'; ${script}`;
      const env = { ...process.env, COVERAGE_DIRECTORY: written, COUNTED_FILES: `${pathToFileURL(built).href}/` };
      execFileSync(process.execPath, ['--import', HOOK, '--input-type=module', '-e', code], { env, cwd: directory });
    }
    const total = await reportCoverage({ written, built, output });
    const files = JSON.parse(readFileSync(join(output, 'coverage-final.json'), 'utf8')) as Record<string, FileCoverage>;
    const pair = Object.entries(files).find(([path]) => path.endsWith('lib/pair.ts'))![1];
    const count = (line: number) =>
      Object.entries(pair.statementMap).flatMap(([id, { start }]) => (start.line === line ? [pair.s[id]] : []));
    return { total, count, paths: Object.keys(files) };
  }

  beforeAll(() => {
    mkdirSync(built, { recursive: true });
    writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
    compile('pair', SOURCE);
    compile('types', 'export type Name = string;\n');
    compile('unused', 'export function never(): void {\n  console.log();\n}\n');
  });

  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  it('adds up the runs of a line, whichever process ran it, and knows it once', async () => {
    const one = await coverageOf('one', ['first("a")']);
    const both = await coverageOf('both', ['first("a")', 'first("b"); second("c")', 'second("d")']);

    expect(one.count(LINE_OF_FIRST)).toEqual([1]);
    expect(one.count(LINES_OF_SECOND.somebody)).toEqual([0]);
    expect(both.count(LINE_OF_FIRST)).toEqual([2]);
    expect(both.count(LINES_OF_SECOND.somebody)).toEqual([2]);
    expect(both.count(LINES_OF_SECOND.nobody)).toEqual([0]);
    for (const kind of ['statements', 'branches', 'functions', 'lines'] as const) {
      expect(both.total[kind].total).toBe(one.total[kind].total);
    }
    expect(one.total.functions).toMatchObject({ total: 3, covered: 1 });
    expect(both.total.functions).toMatchObject({ total: 3, covered: 2 });
  });

  it('counts a file that no process has loaded, unless there is nothing in it to run', async () => {
    const { paths } = await coverageOf('unused', ['first("a")']);
    expect(paths.map((path) => path.split('/').at(-1)).sort()).toEqual(['pair.ts', 'unused.ts']);
  });
});
