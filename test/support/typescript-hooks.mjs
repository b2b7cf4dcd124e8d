// Lets a plain Node process run this repository's TypeScript: finds `x.ts` where `x.js` is asked for, and strips its types.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const compilerOptions = {
  module: ts.ModuleKind.ESNext,
  target: ts.ScriptTarget.ES2022,
  verbatimModuleSyntax: true,
  experimentalDecorators: true,
};

let isOldTypeOrm = false;

/** With `{ typeorm: '0.3' }` the name `typeorm` means that line. */
export function initialize(data) {
  isOldTypeOrm = data?.typeorm === '0.3';
}

export async function resolve(specifier, context, nextResolve) {
  if (isOldTypeOrm && specifier === 'typeorm') return nextResolve('typeorm-v03', context);
  try {
    return await nextResolve(specifier, context);
  } catch (error) {
    if (!specifier.startsWith('.') || !specifier.endsWith('.js')) throw error;
    return nextResolve(`${specifier.slice(0, -3)}.ts`, context);
  }
}

export async function load(url, context, nextLoad) {
  if (!url.endsWith('.ts')) return nextLoad(url, context);
  const source = await readFile(fileURLToPath(url), 'utf8');
  return { format: 'module', source: ts.transpileModule(source, { compilerOptions }).outputText, shortCircuit: true };
}
