import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The directory of package.json: this file runs as a source and, one level deeper, as compiled. */
export const repositoryRoot = nearestPackage(dirname(fileURLToPath(import.meta.url)));

function nearestPackage(directory: string): string {
  return existsSync(join(directory, 'package.json')) ? directory : nearestPackage(dirname(directory));
}
