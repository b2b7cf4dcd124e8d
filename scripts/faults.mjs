// `npm run faults [-- --only TEXT --long --minutes 30 --write]`: breaks one part after the other under load, and prints what it did to the requests; `--write` puts that into
// docs/resilience.md. `--long`: each fault lasts longer; `--minutes`: again and again.
import { register } from 'node:module';

import { build } from './build.mjs';
import { installPackages } from './install.mjs';

installPackages();
build();

register('../test/support/typescript-hooks.mjs', import.meta.url);
await import('../test/faults/faults-run.ts');
