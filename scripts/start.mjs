// `npm start`: installs what is missing, builds, and becomes the sample application.
import { fileURLToPath } from 'node:url';

import { build } from './build.mjs';
import { installPackages } from './install.mjs';

installPackages();
console.log('Building the library and the sample application.');
build();

// In this very process, not in a child: whoever stops `npm start` with a signal must reach the application itself.
process.setSourceMapsEnabled(true);
const main = new URL('../dist/sample-app/main.js', import.meta.url);
process.argv[1] = fileURLToPath(main);
await import(main.href);
