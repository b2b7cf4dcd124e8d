// `npm run differential [-- --minutes 10 --seed 1 --database sqljs --programs 1 --typeorm 0.3]`: generates entities, cached reads and writes, and after every write compares what two instances have cached with a fresh read.
// A program in which something is found is made as small as it gets, and printed. One seed gives one program on a database of one kind.
import { register } from 'node:module';

import { installPackages } from './install.mjs';

installPackages();

const at = process.argv.indexOf('--typeorm');
const line = at < 0 ? '1' : process.argv[at + 1];
if (line !== '1' && line !== '0.3') throw new Error(`Expected as --typeorm 1 or 0.3, but was given ${line}.`);
register('../test/support/typescript-hooks.mjs', import.meta.url, { data: { typeorm: line } });
await import('../test/differential/differential-run.ts');
