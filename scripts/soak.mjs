// `npm run soak [-- --minutes 10 --seed 1]`: several processes read and write while servers and processes are broken, and a checker looks for a promise that
// was not kept. `--plan short`: fewer workers, as in `npm test`. `--check FILE` runs the checker on a history that was kept. The seed replays the plan of operations and faults.
// `npm run soak -- --faults [--minutes 60]`: the cases of the fault suite in their long form, again and again.
import { register } from 'node:module';

import { build } from './build.mjs';
import { installPackages } from './install.mjs';

installPackages();
build();

register('../test/support/typescript-hooks.mjs', import.meta.url);
if (process.argv.includes('--faults')) {
  process.argv.push('--long');
  await import('../test/faults/faults-run.ts');
} else await import('../test/history/soak.ts');
