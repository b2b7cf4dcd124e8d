import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vitest/config';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const sources = join(root, 'lib/');

/**
 * Gives every import of the library's sources the file that was built from it. Tests and the processes that they start then run the very same code, so that what
 * each of them has run can be added up line by line.
 */
export function builtLibrary(): Plugin {
  return {
    name: 'built-library',
    enforce: 'pre',
    resolveId(source, importer) {
      if (!/^[./]/.test(source)) return undefined;
      const path = resolve(importer === undefined ? root : dirname(importer), source);
      if (!path.startsWith(sources)) return undefined;
      return join(root, 'dist', 'lib', path.slice(sources.length).replace(/\.ts$/, '.js'));
    },
  };
}
