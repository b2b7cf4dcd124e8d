import { pglite } from './databases/pglite.js';
import { differentialSuite } from './suite.js';

differentialSuite('pglite', pglite, 5);
