// `npm run bench [-- part …]`: installs what is missing, builds, and becomes the benchmark; `npm run bench -- --help` lists the parts.
import { fileURLToPath } from 'node:url';

import { build } from './build.mjs';
import { installPackages } from './install.mjs';

installPackages();
build();

// In this very process, not in a child: whoever stops it with a signal must reach the benchmark itself, which removes its servers.
const main = new URL('../dist/bench/main.js', import.meta.url);
process.argv[1] = fileURLToPath(main);
await import(main.href);
