import { fileURLToPath } from 'node:url';

import { build } from './build.mjs';
import { installPackages } from './install.mjs';

/** Installs what is missing, builds, and becomes the program that was built from sample-app/, in this very process: whoever stops it with a signal must reach the program itself. */
export async function runBuilt(program) {
  installPackages();
  console.log('Building the library and the sample application.');
  build();
  process.setSourceMapsEnabled(true);
  const main = new URL(`../dist/sample-app/${program}`, import.meta.url);
  process.argv[1] = fileURLToPath(main);
  await import(main.href);
}
