import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const project = fileURLToPath(new URL('../../../..', import.meta.url));

export interface PlainCopy {
  readonly directory: string;
  remove(): void;
}

/** The lock as plain JavaScript in a directory of its own, for processes without a test runner; with or without the packages it may need. */
export function makePlainCopy({ withPackages }: { readonly withPackages: boolean }): PlainCopy {
  const directory = mkdtempSync(join(tmpdir(), 'distributed-cache-lock-'));
  for (const room of ['core', 'locks/zookeeper']) transpile(join(project, 'lib', room), directory);
  cpSync(fileURLToPath(new URL('process.fixture.mjs', import.meta.url)), join(directory, 'process.fixture.mjs'));
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  if (withPackages) symlinkSync(join(project, 'node_modules'), join(directory, 'node_modules'));
  return {
    directory,
    remove: () => {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function transpile(from: string, directory: string): void {
  const to = join(directory, relative(project, from));
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from).filter((file) => file.endsWith('.ts'))) {
    const { outputText } = ts.transpileModule(readFileSync(join(from, name), 'utf8'), {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true },
    });
    writeFileSync(join(to, name.replace(/\.ts$/, '.js')), outputText);
  }
}
