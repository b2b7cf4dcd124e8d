// `npm run docs:api`: the reference of every public entry, from the comments in the sources. A public name without a comment fails it.
import { readFileSync } from 'node:fs';

const { exports } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
const entries = Object.values(exports).flatMap(({ default: built }) => (built === undefined ? [] : [built]));

/** @type {Partial<import('typedoc').TypeDocOptions>} */
export default {
  name: 'nestjs-distributed-cache',
  entryPoints: entries.map((built) => built.replace(/^\.\/dist\/(.*)\.js$/, '$1.ts')),
  tsconfig: 'lib/tsconfig.json',
  out: 'dist/docs',
  readme: 'README.md',
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  disableSources: true,
  validation: { notExported: true, invalidLink: true, notDocumented: true },
  requiredToBeDocumented: ['Class', 'Interface', 'Function', 'TypeAlias', 'Variable', 'Enum', 'Accessor', 'Method'],
  // Their members are shown where they are used.
  intentionallyNotExported: ['ClassReference', 'CommonOptions', 'Known'],
  // And every single option.
  plugin: ['./scripts/typedoc-options.mjs'],
  treatWarningsAsErrors: true,
};
