import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CompilerOptions } from 'typescript';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Mirrors the repository, as `dist/lib` does: what a worker imports of the library is what was built. */
const DIST = join(ROOT, 'dist');
const TESTS = join(ROOT, 'test');

/** The imports of a file that are files of the repository. */
const RELATIVE_IMPORT = /^(?:import|export|\})[^'"\n]*['"](\.{1,2}\/[^'"]+)['"];$/gm;

/**
 * Compiles a TypeScript file of the tests and the files that it imports, and returns the path of the JavaScript. A process
 * that compiles while it loads, by hooks, spends more than two seconds of CPU on that at each start.
 */
export async function compiled(entry: URL): Promise<string> {
  const found = new Set([fileURLToPath(entry)]);
  // A set that grows is iterated to its new end.
  for (const file of found) for (const imported of importsOf(file)) found.add(imported);
  for (const file of found) await compile(file);
  return targetOf(fileURLToPath(entry));
}

function importsOf(file: string): string[] {
  const specifiers = [...readFileSync(file, 'utf8').matchAll(RELATIVE_IMPORT)].map(([, specifier = '']) => specifier);
  return specifiers
    .map((specifier) => sourceOf(join(dirname(file), specifier)))
    .filter((path) => path.startsWith(TESTS));
}

function sourceOf(path: string): string {
  return existsSync(path) ? path : path.replace(/\.js$/, '.ts');
}

function targetOf(source: string): string {
  return join(DIST, relative(ROOT, source)).replace(/\.ts$/, '.js');
}

async function compile(source: string): Promise<void> {
  const target = targetOf(source);
  if (existsSync(target) && statSync(target).mtimeMs > statSync(source).mtimeMs) return;
  mkdirSync(dirname(target), { recursive: true });
  // Another test process may compile or run the same file now: a file is there whole, or not at all.
  const partial = `${target}.${process.pid}`;
  if (source.endsWith('.ts')) writeFileSync(partial, await transpiled(source));
  else copyFileSync(source, partial);
  renameSync(partial, target);
}

async function transpiled(source: string): Promise<string> {
  const { default: ts } = await import('typescript');
  const compilerOptions: CompilerOptions = {
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2022,
    verbatimModuleSyntax: true,
    experimentalDecorators: true,
  };
  return ts.transpileModule(readFileSync(source, 'utf8'), { compilerOptions }).outputText;
}
