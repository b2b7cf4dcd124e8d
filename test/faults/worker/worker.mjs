// One instance of an application under load; see worker.ts.
import { register } from 'node:module';

register('../../support/typescript-hooks.mjs', import.meta.url);
await import('./worker.ts');
